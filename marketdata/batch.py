"""What one flush of a publisher sends to Redis: prepared requests, whole or not at all."""

from collections import deque
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from engine.model.event import Event
from engine.model.market import Bar, PartialBar, Quote, Tick
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


def _xadd(key: str, *limit: str | int) -> bytes:
    """The beginning of an XADD with the fields e and n, up to the length of e's value."""
    return pack("XADD", key, *limit, "*", "e", "", "n", "").removesuffix(b"$0\r\n\r\n$1\r\nn\r\n$0\r\n\r\n")


@lru_cache(maxsize=100_000)
def _forming(symbol: str, timeframe: str, most: int) -> tuple[str, bytes, bytes]:
    """The stream of partial bars, and the beginnings of an XADD to it: of a plain one, and of one that cuts it."""
    key = keys.ticks_stream(symbol, timeframe)
    return key, _xadd(key), _xadd(key, "MAXLEN", "~", most)


@lru_cache(maxsize=100_000)
def _completed(symbol: str, timeframe: str, most: int) -> tuple[str, bytes]:
    key = keys.bars_stream(symbol, timeframe)
    return key, _xadd(key, "MAXLEN", "~", most)


def _request(begin: bytes, data: bytes, n: bytes) -> bytes:
    """A whole XADD: put together from parts, which costs half of packing it."""
    return b"%b$%d\r\n%b\r\n$1\r\nn\r\n$%d\r\n%b\r\n" % (begin, len(data), data, len(n), n)


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
        """One entry among the partial bars of a pair."""
        key, plain, cutting = _forming(symbol, timeframe, TICKS_MOST)
        n = self._counters.get(key, 0) + 1
        self._entry(key, n, cutting if n % _CUT_EVERY == 0 else plain, event)

    def partials(self, found: Iterable[PartialBar]) -> None:
        """The same for several: half of all that a busy feed does."""
        counters, requests, encode = self._counters, self.requests, codec.encode
        for partial in found:
            key, plain, cutting = _forming(partial.symbol, partial.timeframe, TICKS_MOST)
            n = counters[key] = counters.get(key, 0) + 1
            requests.append(_request(plain if n % _CUT_EVERY else cutting, encode(partial), b"%d" % n))
            self.probe = (key, n)
            self.entries += 1

    def _entry(self, key: str, n: int, begin: bytes, event: Event) -> None:
        self._counters[key] = n
        self.probe = (key, n)
        self.entries += 1
        self.requests.append(_request(begin, codec.encode(event), b"%d" % n))

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

    def last_values(self, symbol: str, tick: Tick | None, quote: Quote | None) -> None:
        """The last print and quote of a symbol."""
        self.add("HSET", keys.quote(symbol), *quote_fields(tick, quote))

    def prices(self, moved: Iterable[Tick]) -> None:
        """The last print of each symbol as one entry of `price.ticks`, for outside readers."""
        data = _prices.encode([(tick.symbol, tick.price, tick.size, tick.ts) for tick in moved])
        self.add("XADD", keys.price_ticks(), "MAXLEN", "~", PRICES_KEPT, "*", "e", data)

    def bar(self, bar: Bar, *, instead_of: Bar | None) -> None:
        stream, begin = _completed(bar.symbol, bar.timeframe, BARS_MOST)
        self._entry(stream, self._counters.get(stream, 0) + 1, begin, bar)
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
