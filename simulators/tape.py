"""A simulated market as a feed sees it: each symbol's prints since the last look, and the minutes that ended."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS
from simulators.candles import Candle, CandleSpec, history
from simulators.market import Market, Slice, SymbolMarket

MINUTE = CandleSpec(1, "m")
SECOND = CandleSpec(1, "s")


class Print(NamedTuple):
    """One print with the quote it met. `ordinal` counts the symbol's prints of the UTC day from 0."""

    ts: int
    price: float
    size: int
    bid: float
    ask: float
    bid_size: int
    ask_size: int
    ordinal: int
    is_regular: bool


def prints(market: SymbolMarket, *, start: int, end: int) -> Iterator[Print]:
    """Those with start < ts ≤ end, oldest first."""
    for found in market.slices(start, end):
        yield from _rows(market, found)


def last_print(market: SymbolMarket, ts: int) -> Print | None:
    """The last one at or before `ts`."""
    found = market.last(ts)
    return _rows(market, found)[0] if found else None


def candles(market: SymbolMarket, spec: CandleSpec, *, start: int, end: int, now: int) -> list[Candle]:
    """Candles that begin in [start, end] and are over at `now`, oldest first. All in UTC ns; days may still form."""
    last = end // NS_PER_MS
    span = {"s": 1_000, "m": 60_000, "h": 3_600_000}.get(spec.unit, 0) * spec.period
    longest = span * NS_PER_MS or 40 * NS_PER_DAY  # what comes later cannot be in a candle that begins before `end`
    found, _ = history(market, spec, start_ms=-(-start // NS_PER_MS), now=min(now, end + longest))
    return [each for each in found if each.time <= last and (each.time + span) * NS_PER_MS <= now]


def _rows(market: SymbolMarket, found: Slice) -> list[Print]:
    rows, price = found.prints, market.listing.price
    return [
        Print(
            int(rows.ts[at]), price(int(rows.price[at])), int(rows.size[at]), price(int(rows.bid[at])),
            price(int(rows.ask[at])), int(rows.bid_size[at]), int(rows.ask_size[at]), int(rows.ordinal[at]),
            rows.is_regular,
        )
        for at in range(found.first, found.last)
    ]  # fmt: skip


class News(NamedTuple):
    """What happened to one symbol since the last look: its prints, and the minutes and seconds that ended."""

    prints: Sequence[Print]
    minutes: Sequence[Candle]
    seconds: Sequence[Candle]


class Tape:
    """Follows the symbols that somebody listens to. All see the same prints, whenever they joined."""

    def __init__(self, market: Market, *, now: int) -> None:
        self.cursor = now
        self._market = market

    def read(self, symbols: Sequence[str], now: int, *, with_seconds: bool = False) -> dict[str, News]:
        """The news of `symbols` up to `now`; unknown ones have none."""
        start, self.cursor = self.cursor, max(self.cursor, now)
        found: dict[str, News] = {}
        for symbol in symbols:
            market = self._market.find(symbol)
            if market is not None and self.cursor > start:
                found[symbol] = self._news(market, start, self.cursor, with_seconds=with_seconds)
        return {symbol: news for symbol, news in found.items() if any(news)}

    def _news(self, market: SymbolMarket, start: int, end: int, *, with_seconds: bool) -> News:
        has_minute = end // NS_PER_MINUTE > start // NS_PER_MINUTE
        minutes = self._ended(market, MINUTE, NS_PER_MINUTE, start, end) if has_minute else []
        seconds = self._ended(market, SECOND, 1_000 * NS_PER_MS, start, end) if with_seconds else []
        return News(list(prints(market, start=start, end=end)), minutes, seconds)

    def _ended(self, market: SymbolMarket, spec: CandleSpec, span: int, start: int, end: int) -> list[Candle]:
        """Those whose end is in (start, end]."""
        if end // span == start // span:
            return []
        return candles(market, spec, start=start // span * span, end=end // span * span - span, now=end)
