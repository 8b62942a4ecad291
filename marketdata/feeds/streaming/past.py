"""History at venues that stamp days by New York's midnight, and that have prints where they have no bars."""

import msgspec
import numpy as np

from engine.bars.columns import TickColumns, build_columns
from engine.bars.timeframe import Timeframe, TimeframeKind
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import NEW_YORK, calendar
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, to_datetime


class PrintRows:
    """Prints as columns that grow, oldest first."""

    def __init__(self) -> None:
        self.ts: list[int] = []
        self.price: list[float] = []
        self.size: list[float] = []
        self.conditions: list[int] = []

    def add(self, ts: int, price: float, size: float, conditions: int) -> None:
        self.ts.append(ts)
        self.price.append(price)
        self.size.append(size)
        self.conditions.append(conditions)

    def columns(self, symbol: str) -> TickColumns:
        return TickColumns(
            symbol,
            np.array(self.ts, dtype=np.int64),
            np.array(self.price, dtype=np.float64),
            np.array(self.size, dtype=np.float64),
            np.array(self.conditions, dtype=np.int64),
        )


def first_print_needed(symbol: str, timeframe: Timeframe, start: int) -> int:
    """What is counted is counted from the beginning of the trading day that `start` is in."""
    if timeframe.kind is TimeframeKind.TIME:
        return start
    return min(max(bar_session(symbol)(start).open, start - NS_PER_DAY), start)


def bars_of_prints(
    symbol: str, timeframe: Timeframe, rows: PrintRows, *, source: str, start: int, end: int
) -> list[Bar]:
    """Complete bars with start < ts ≤ end. The vendor's prints, so the vendor's quality."""
    if not rows.ts:
        return []
    bars = build_columns(rows.columns(symbol), timeframe.text, session=bar_session(symbol)).bars(source=source)
    found = (bar for bar in bars if bar.is_complete and start < bar.ts <= end)
    return [msgspec.structs.replace(bar, quality="vendor") for bar in found]


def daily_span(midnight: int) -> tuple[int, int]:
    """Begin and end of the trading day whose bar is stamped with New York's midnight."""
    day = to_datetime(midnight).astimezone(NEW_YORK).date()
    session = calendar("XNYS_EXTENDED").session_on(day)
    return (session.open, session.close) if session else (midnight, midnight + NS_PER_DAY)
