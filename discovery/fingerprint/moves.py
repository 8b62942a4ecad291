"""The moves of a market, known with hindsight: what could have been had, for comparing, never for trading."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.sweep.scanned import columns_of
from engine.bars.columns import BarColumns
from engine.indicators.table import ColumnCache
from engine.indicators.zigzag import pivots

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ATR = 14


class Moves(NamedTuple):
    """Swings, oldest first; none overlaps another. Each runs from the close of the bar of one turn, `begin`, to the
    close of the bar of the next, `end`; `sign` is 1 where it rises. `size` in points, above 0; `size_atr` in average
    true ranges of the bar where it began, nan before there is one. WITH HINDSIGHT: that it was one was known no earlier
    than at the close of bar `known`, when it was over."""

    begin: Ints
    end: Ints
    sign: Ints
    size: Floats
    size_atr: Floats
    known: Ints

    def __len__(self) -> int:
        return len(self.begin)


def moves_in(bars: BarColumns, *, move_atr: float) -> Moves:
    """Swings of highs and lows that end when price turns by `move_atr` average true ranges of 14 bars: those of the
    indicator `zigzag` whose beginning and end are both known. Measured between closes, because within a bar nobody
    knows what came first; a swing that closes no further than it began is none."""
    cache = ColumnCache(columns_of(bars))
    spec = f"zigzag(0,0,{ATR},{move_atr!r},method=atr)"
    turns = pivots(*(cache.column(f"{spec}.{name}").tolist() for name in ("flip", "pivot", "pivot_age")))
    at, known = (np.array([getattr(turn, name) for turn in turns], np.int64) for name in ("bar", "visible_at"))
    begin, end = at[:-1], at[1:]
    sign = np.array([1 if turn.is_low else -1 for turn in turns[:-1]], np.int64)
    size = sign * (bars.close[end] - bars.close[begin])
    found = Moves(begin, end, sign, size, size / cache.column(f"atr({ATR})")[begin], known[1:])
    return Moves(*(column[size > 0] for column in found))


def directions(moves: Moves, bars: int) -> Ints:
    """Which way the move goes that each bar is a part of: 1, −1, or 0 outside of moves."""
    found = np.zeros(bars, np.int64)
    for begin, end, sign in zip(moves.begin.tolist(), moves.end.tolist(), moves.sign.tolist(), strict=True):
        found[begin + 1 : end + 1] = sign
    return found
