"""What one flush of a publisher sends to Redis: prepared requests, whole or not at all."""

from engine.model.event import Event
from engine.model.market import Bar, Quote, Tick
from infra import codec
from infra.redis import keys
from infra.redis.streams import pack
from marketdata.history import MAX_BARS, score

BARS_KEPT = 1_000  # entries of a stream of bars
TICKS_KEPT = 50_000  # entries of a stream of partial bars, whatever their age


class Batch:
    """The requests of one transaction, and how to find out later whether it happened."""

    __slots__ = ("_counters", "entries", "probe", "requests")

    def __init__(self, counters: dict[str, int]) -> None:
        self._counters = counters
        self.requests: list[bytes] = []
        self.entries = 0
        self.probe: tuple[str, int] | None = None  # one stream, and the counter it has once this is written

    def add(self, *args: str | bytes | int | float) -> None:
        self.requests.append(pack(*args))

    def entry(self, key: str, event: Event, *, kept: int, is_exact: bool = False) -> None:
        n = self._counters.get(key, 0) + 1
        self._counters[key] = n
        self.probe = (key, n)
        self.entries += 1
        bound = "=" if is_exact else "~"
        self.add("XADD", key, "MAXLEN", bound, kept, "*", "e", codec.encode(event), "n", n)

    def bar(self, bar: Bar, *, instead_of: Bar | None) -> None:
        self.entry(keys.bars_stream(bar.symbol, bar.timeframe), bar, kept=BARS_KEPT, is_exact=True)
        key = keys.bars(bar.symbol, bar.timeframe)
        if instead_of is not None:
            self.add("ZREM", key, codec.encode(instead_of))
        self.add("ZADD", key, score(bar), codec.encode(bar))
        self.add("ZREMRANGEBYRANK", key, 0, -MAX_BARS - 1)


def quote_fields(tick: Tick | None, quote: Quote | None) -> list[str | int | float]:
    """The fields of a symbol's last price and quote."""
    fields: list[str | int | float] = []
    if tick is not None:
        fields += ["last", tick.price, "size", tick.size, "ts", tick.ts, "ts_recv", tick.ts_recv]
    if quote is not None:
        fields += ["bid", quote.bid, "ask", quote.ask, "quote_ts", quote.ts]
    return fields
