"""What a strategy's trades held of each bar of the market, in points."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from discovery.fingerprint.moves import Floats, Ints, Moves
from engine.bars.columns import BarColumns
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed


class Entries(NamedTuple):
    """One row for each closed trade. `entry` is the bar at whose open it was held first, `after` the first bar on
    which it was not any more, `left` the one that had begun when it was closed. Money in cash."""

    entry: Ints
    after: Ints
    left: Ints
    sign: Ints
    pnl: Floats
    kept: Floats  # of the best open profit, before fees
    best: Floats  # open profit


class Held(NamedTuple):
    """Of each bar: the points that price moved while something was held `long` and `short` (rising prices count up in
    both), and what was held at its end, −1 to 1: 1 is the most that was ever held at once."""

    long: Floats
    short: Floats
    position: Floats


def entries_of(closed: Sequence[TradeClosed], bars: BarColumns) -> Entries:
    """In the order of `closed`. What is left at the open of a bar, or within the bar before, was held until then."""
    gross = np.array([float(trade.pnl + trade.fees) for trade in closed])
    best = np.array([float(trade.mfe) for trade in closed])
    exit_ts = np.array([trade.exit_ts for trade in closed], np.int64)
    return Entries(
        np.searchsorted(bars.ts_open, [trade.entry_ts for trade in closed]).astype(np.int64),
        np.searchsorted(bars.ts_open, exit_ts).astype(np.int64),
        np.searchsorted(bars.ts_open, exit_ts, side="right").astype(np.int64) - 1,
        np.array([1 if trade.side is PositionSide.LONG else -1 for trade in closed], np.int64),
        np.array([float(trade.pnl) for trade in closed]),
        np.clip(gross, 0.0, best),
        best,
    )


def held(closed: Sequence[TradeClosed], rows: Entries, bars: BarColumns) -> Held:
    """What the trades earned in points, spread over the bars: from close to close, in the first bar from the entry, in
    the last to the exit. Its sum is Σ sign · (exit − entry) · share of the largest position."""
    count = len(bars)
    weight = _weights(closed, rows, count)
    moved = np.diff(bars.close, prepend=bars.open[:1])
    long, short = (_points(closed, rows, weight * (rows.sign == sign), bars, moved) for sign in (1, -1))
    return Held(long, short, _sums(rows, weight * rows.sign, count))


def _weights(closed: Sequence[TradeClosed], rows: Entries, count: int) -> Floats:
    """Each trade's quantity as a share of the most that was held at once."""
    quantity = np.array([float(trade.quantity) for trade in closed])
    most = float(_sums(rows, quantity, count).max(initial=0.0)) or float(quantity.max(initial=0.0)) or 1.0
    return quantity / most


def _sums(rows: Entries, weight: Floats, count: int) -> Floats:
    """Of the weights that are held on each bar."""
    steps = np.zeros(count + 1)
    np.add.at(steps, rows.entry, weight)
    np.add.at(steps, rows.after, -weight)
    return np.cumsum(steps)[:count]


def _points(closed: Sequence[TradeClosed], rows: Entries, weight: Floats, bars: BarColumns, moved: Floats) -> Floats:
    count = len(bars)
    found = _sums(rows, weight, count) * moved
    before = np.concatenate((bars.open[:1], bars.close))  # the close before each bar, and after the last one
    entered = np.array([float(trade.entry_price) for trade in closed])
    left = np.array([float(trade.exit_price) for trade in closed])
    np.add.at(found, np.minimum(rows.entry, count - 1), -weight * (entered - before[rows.entry]))
    np.add.at(found, np.maximum(rows.after - 1, 0), -weight * (before[rows.after] - left))
    return found


class Catch(NamedTuple):
    """What was had of each move, in points: with it, and against it. `missed` is what was not held: the three add up to
    the move."""

    caught: Floats
    against: Floats
    missed: Floats


def catch(moves: Moves, found: Held) -> Catch:
    long, short = (_between(column, moves) for column in (found.long, found.short))
    is_up = moves.sign > 0
    caught = np.where(is_up, long, -short)
    against = np.where(is_up, short, -long)
    return Catch(caught, against, moves.size - caught - against)


def _between(column: Floats, moves: Moves) -> Floats:
    total = np.concatenate(([0.0], np.cumsum(column)))
    found: Floats = total[moves.end + 1] - total[moves.begin + 1]
    return found
