"""DXLink's candles as history: their symbols, the collecting of a snapshot, and our bars made of it."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.instruments.catalog import bar_day
from engine.model.market import NAN, Bar
from engine.model.time import NS_PER_MS, to_datetime

TX_PENDING = 0x01
REMOVE_EVENT = 0x02
SNAPSHOT_BEGIN = 0x04
SNAPSHOT_END = 0x08
SNAPSHOT_SNIP = 0x10

_PERIOD_OF_ONE = re.compile(r"\{=1(?=[a-z])")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class CandleRow(NamedTuple):
    """One Candle event: numbers as they came, NaN resolved."""

    symbol: str
    flags: int
    key: int  # the venue's index: time and sequence in one
    time: int  # ms, the candle's start
    sequence: int
    trades: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float


def candle_symbol(venue_name: str, timeframe: str) -> str:
    """ "/NQZ26:XCME" and "5" → "/NQZ26:XCME{=5m}", as the server echoes it: a period of 1 is left out."""
    parsed = parse_timeframe(timeframe)
    if parsed.kind is TimeframeKind.SESSION:
        return f"{venue_name}{{=d}}"
    if parsed.kind is TimeframeKind.TIME:
        seconds, unit = next((span, unit) for span, unit in _UNITS if parsed.size % span == 0)
        return canonical_symbol(f"{venue_name}{{={parsed.size // seconds}{unit}}}")
    unit = "t" if parsed.kind is TimeframeKind.TICK else "v"
    return canonical_symbol(f"{venue_name}{{={parsed.size}{unit}}}")


def canonical_symbol(symbol: str) -> str:
    """The echo's spelling: `{=1m}` is `{=m}`."""
    return _PERIOD_OF_ONE.sub("{=", symbol)


class Snapshot:
    """Collects one candle subscription until its history is there. Later events of an index replace earlier ones."""

    def __init__(self) -> None:
        self._rows: dict[int, CandleRow] = {}
        self._is_ended = False
        self.is_complete = False

    def add(self, row: CandleRow) -> None:
        """Take one event; a pending transaction holds back completion, not collection."""
        if row.flags & SNAPSHOT_BEGIN:
            self._rows.clear()
            self._is_ended = False
        if row.flags & REMOVE_EVENT or row.open != row.open:
            self._rows.pop(row.key, None)  # also the dummy that only marks the end
        else:
            self._rows[row.key] = row
        if row.flags & (SNAPSHOT_END | SNAPSHOT_SNIP):
            self._is_ended = True
        self.is_complete = self._is_ended and not row.flags & TX_PENDING

    @property
    def rows(self) -> list[CandleRow]:
        """Oldest first: the server sends the newest first."""
        return [self._rows[index] for index in sorted(self._rows)]


def to_bars(rows: Iterable[CandleRow], *, symbol: str, timeframe: str, source: str, end: int) -> list[Bar]:
    """Closed bars up to `end`, oldest first. The newest candle is still forming unless its period is over."""
    ordered = list(rows)
    parsed = parse_timeframe(timeframe)
    if parsed.kind is TimeframeKind.SESSION:  # stamped with midnight, and it begins the evening before or later
        days = {bar_day(symbol, to_datetime(row.time * NS_PER_MS).date()): row for row in ordered}
        return [
            _bar(row, day.open, day.close, symbol=symbol, timeframe=timeframe, source=source)
            for day, row in days.items()
            if day.close <= end
        ]
    span = parsed.duration_ns
    opens = [row.time * NS_PER_MS + (0 if span else row.sequence % NS_PER_MS) for row in ordered]
    if span:
        closes = [opened + span for opened in opens]
    else:  # a candle of ticks says when it began; it ends where the next begins, and the last one has not ended
        closes = [max(after, opened + 1) for opened, after in pairwise(opens)]
    return [
        _bar(row, opened, close, symbol=symbol, timeframe=timeframe, source=source)
        for row, opened, close in zip(ordered, opens, closes, strict=False)
        if close <= end
    ]


def _bar(row: CandleRow, opened: int, close: int, *, symbol: str, timeframe: str, source: str) -> Bar:
    return Bar(
        ts=close,
        symbol=symbol,
        timeframe=timeframe,
        ts_open=opened,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume if row.volume == row.volume else 0.0,
        trade_count=row.trades,
        vwap=row.vwap if row.vwap == row.vwap else NAN,
        source=f"vendor:{source}",
        quality="vendor",
    )
