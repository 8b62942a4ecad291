"""What one flush of a publisher sends to Redis: prepared requests, whole or not at all."""

from collections import deque
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from engine.model.event import Event
from engine.model.market import Bar, Quote, Tick
from engine.model.time import NS_PER_S
from infra import codec
from infra.redis import keys
from infra.redis.streams import Wire, entry_fields, pack
from marketdata.history import MAX_BARS, score

BARS_KEPT = 1_000  # entries of a stream of bars, at least
BARS_MOST = 10_000  # where a reader is behind
_CUT_EVERY = 64  # entries of one stream: looking for what is too much costs Redis as much as the entry itself
_GIVEN = 256
_GIVEN_NS = 60 * NS_PER_S  # as long as the aggregators can revise a bar
PRICES_KEPT = 1_000  # entries of price.ticks
TICKS_MOST = 50_000  # entries of a stream of partial bars, whatever their age and whoever reads them

_TAIL_KEPT_S = 12 * 3600  # less than any recording is kept: what was written and removed must not come again

_prices = msgspec.json.Encoder()


@lru_cache(maxsize=100_000)
def _xadd(key: str, most: int | None) -> bytes:
    """The beginning of an XADD with the fields e and n, up to the length of e's value."""
    whole = pack("XADD", key, *(() if most is None else ("MAXLEN", "~", most)), "*", "e", "", "n", "")
    return whole.removesuffix(b"$0\r\n\r\n$1\r\nn\r\n$0\r\n\r\n")


class Batch:
    """The requests of one transaction, and how to find out later whether it happened."""

    __slots__ = ("_counters", "entries", "probe", "requests", "since")

    def __init__(self, counters: dict[str, int]) -> None:
        self._counters = counters
        self.requests: list[bytes] = []
        self.entries = 0
        self.since = 0.0  # of the monotonic clock: when the oldest frame in it came
        self.probe: tuple[str, int] | None = None  # one stream, and the counter it has once this is written

    def add(self, *args: str | bytes | int | float) -> None:
        self.requests.append(pack(*args))

    def forming(self, symbol: str, timeframe: str, event: Event) -> None:
        """What stands among the partial bars of one pair."""
        key = keys.ticks_stream(symbol, timeframe)
        self.entry(key, event, most=None if (self._counters.get(key, 0) + 1) % _CUT_EVERY else TICKS_MOST)

    def entry(self, key: str, event: Event, *, most: int | None) -> None:
        """One stream entry; with `most` Redis drops the oldest beyond that number."""
        n = self._counters.get(key, 0) + 1
        self._counters[key] = n
        self.probe = (key, n)
        self.entries += 1
        data, number = codec.encode(event), b"%d" % n
        # Half of all that a busy feed says: put together from parts, which costs half of packing it.
        self.requests.append(
            b"%b$%d\r\n%b\r\n$1\r\nn\r\n$%d\r\n%b\r\n" % (_xadd(key, most), len(data), data, len(number), number)
        )

    def states(self, found: dict[str, bytes]) -> None:
        """Aggregators' states, by symbol, in one request."""
        args: list[str | bytes] = []
        for symbol, state in found.items():
            args += (keys.partial_state(symbol), state)
        if args:
            self.add("MSET", *args)

    def recorded(self, feed: str, number: int, *, since: int, tail: bytes) -> None:
        """What this was made of is in the feed's recording up to `number`, or in its `tail`; states may lack what comes
        after `since`."""
        self.add("SET", keys.recording_position(feed), f"{number} {since}")
        self.add("SET", keys.recording_tail(feed), tail, "EX", _TAIL_KEPT_S)

    def last_values(self, moved: dict[str, Tick], quotes: dict[str, Quote]) -> None:
        """The last print and quote of each symbol; prints also as one entry of `price.ticks`, for outside readers."""
        for symbol in moved.keys() | quotes.keys():
            self.add("HSET", keys.quote(symbol), *quote_fields(moved.get(symbol), quotes.get(symbol)))
        if moved:
            data = _prices.encode([(tick.symbol, tick.price, tick.size, tick.ts) for tick in moved.values()])
            self.add("XADD", keys.price_ticks(), "MAXLEN", "~", PRICES_KEPT, "*", "e", data)

    def bar(self, bar: Bar, *, instead_of: Bar | None) -> None:
        self.entry(keys.bars_stream(bar.symbol, bar.timeframe), bar, most=BARS_MOST)
        key = keys.bars(bar.symbol, bar.timeframe)
        if instead_of is not None:
            self.add("ZREM", key, codec.encode(instead_of))
        self.add("ZADD", key, score(bar), codec.encode(bar))
        self.add("ZREMRANGEBYRANK", key, 0, -MAX_BARS - 1)

    async def is_written(self, wire: Wire) -> bool:
        """Whether this was written although no answer came."""
        if self.probe is None:
            return False
        key, n = self.probe
        found = await wire.call("XREVRANGE", key, "+", "-", "COUNT", 1)
        return bool(found) and entry_fields(found[0][1])[1] >= n


class GivenBars:
    """The last bars of each pair that were given out, so that a revision can take the place of the one it revises."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], deque[Bar]] = {}

    def give(self, bar: Bar) -> Bar | None:
        """Remember `bar`; the one that it takes the place of, if it is a revision."""
        given = self._given.setdefault((bar.symbol, bar.timeframe), deque(maxlen=_GIVEN))
        while len(given) > 2 and given[0].ts < bar.ts - _GIVEN_NS:
            given.popleft()
        found = None
        if bar.quality in ("revised", "gapped"):
            found = next((each for each in given if (each.ts_open, each.ts) == (bar.ts_open, bar.ts)), None)
        if found is not None:
            given.remove(found)
        given.append(bar)
        return found

    def put(self, bars: Iterable[Bar]) -> None:
        """These stand among the recent ones now, by somebody else's hand."""
        for bar in bars:
            given = self._given.get((bar.symbol, bar.timeframe), ())
            kept = [each for each in given if (each.ts_open, each.ts) != (bar.ts_open, bar.ts)]
            self._given[bar.symbol, bar.timeframe] = deque([*kept, bar], maxlen=_GIVEN)

    def forget(self, symbol: str) -> None:
        self._given = {pair: given for pair, given in self._given.items() if pair[0] != symbol}


def without(events: Iterable[Event], symbol: str, timeframe: str = "") -> list[Event]:
    """`events` without those of `symbol`; where a `timeframe` is given, without its bars of that one only."""

    def is_gone(event: Event) -> bool:
        return getattr(event, "symbol", "") == symbol and timeframe in ("", getattr(event, "timeframe", ""))

    return [event for event in events if not is_gone(event)]


async def continue_counters(wire: Wire, symbol: str, timeframes: Iterable[str], counters: dict[str, int]) -> int:
    """Go on with the streams' own counters; the greatest `seq` found in them."""
    streams = [make(symbol, each) for each in timeframes for make in (keys.bars_stream, keys.ticks_stream)]
    if not streams:
        return 0
    replies = await wire.send([pack("XREVRANGE", key, "+", "-", "COUNT", 1) for key in streams])
    latest = 0
    for key, reply in zip(streams, replies, strict=True):
        if isinstance(reply, Exception):
            raise reply
        if not reply:
            counters[key] = 0
            continue
        data, counters[key] = entry_fields(reply[0][1])
        latest = max(latest, getattr(codec.decode(data), "seq", 0))
    return latest


def quote_fields(tick: Tick | None, quote: Quote | None) -> list[str | int | float]:
    """The fields of a symbol's last price and quote."""
    fields: list[str | int | float] = []
    if tick is not None:
        fields += ["last", tick.price, "size", tick.size, "ts", tick.ts, "ts_recv", tick.ts_recv]
    if quote is not None:
        fields += ["bid", quote.bid, "ask", quote.ask, "quote_ts", quote.ts]
    return fields
