"""Exits of a compiled run that wait at the venue: placed at the entry, moved at the end of a bar, met by the next."""

from typing import Any

import numpy as np

from backtest.simulation.sweep.fills import stop_out, take_tier
from backtest.simulation.sweep.records import BY_BREAK_EVEN, BY_STOP, BY_TRAIL, NEVER, Floats, Ints, Table
from engine.instruments.grid import ceil_ticks, floor_ticks, from_ticks, round_ticks
from engine.venue.levels import is_reached, trail_inside


def guard_entry(
    i: int, atr: Floats, deadlines: Ints, deadline_codes: Ints, c: Any, tiers: Table,
    w: Any,
) -> None:  # fmt: skip
    """The levels of a new position, from its entry price and what the bar before had shown."""
    sign, step, scale = w.sign, c.step, c.scale
    entry, range_ = from_ticks(w.entry_ticks, step, scale), atr[i - 1] if len(atr) else 0.0
    w.is_moved, w.tier, w.best, w.break_even_at = 0, 0, entry, sign * np.inf
    if c.stop_kind >= 0:
        w.stop_ticks = away(entry, -sign, distance(c.stop, c.stop_kind, entry, range_, c), c)
    if c.trail_kind >= 0:
        w.trail_ticks = max(ceil_ticks(distance(c.trail, c.trail_kind, entry, range_, c), step, scale), 1)
    for k in range(c.tiers):
        tiers[k].level = from_ticks(
            away(entry, sign, distance(tiers[k].value, tiers[k].kind, entry, range_, c), c), step, scale
        )
    if c.after_kind >= 0:
        after = away(entry, sign, distance(c.after, c.after_kind, entry, range_, c), c)
        w.break_even_at = from_ticks(after, step, scale)
        shift = distance(c.offset, c.offset_kind, entry, range_, c) if c.offset_kind >= 0 else 0.0
        w.entry_stop_ticks = round_ticks(entry + sign * shift, step, scale)
    w.deadline = NEVER
    if c.by_time:
        w.deadline, w.deadline_code = deadlines[i], deadline_codes[i]


def arm(c: Any, w: Any) -> None:
    """Place the exits of what is held: stop, trailing stop, targets."""
    w.is_rearming, w.stop_order, w.trail_order, w.legs = 0, 0, 0, 0
    sign, step, scale = w.sign, c.step, c.scale
    w.stop_level = w.trail_level = np.inf
    if c.stop_kind >= 0:
        w.orders += 1
        w.stop_order, w.legs = w.orders, 1
        w.stop_level = from_ticks(w.entry_stop_ticks if w.is_moved else w.stop_ticks, step, scale)
    if c.trail_kind >= 0:
        w.orders += 1
        w.trail_order, w.legs = w.orders, 1
        w.trail_level = from_ticks(round_ticks(w.best, step, scale) - sign * w.trail_ticks, step, scale)
        w.trail_extreme = w.trail_level + sign * from_ticks(w.trail_ticks, step, scale)
    w.tier_order = w.orders + 1 - w.tier  # of target 0, as if all were placed now
    if w.tier < c.tiers:
        w.orders += c.tiers - w.tier
        w.legs = 1


def distance(value: float, kind: int, entry: float, atr: float, c: Any) -> float:
    """As `engine.exits.plan.size_of`."""
    if kind == 0:
        return value * entry
    if kind == 1:
        return value
    if kind == 2:
        return value * from_ticks(1, c.step, c.scale)
    return value * atr


def away(entry: float, direction: int, size: float, c: Any) -> int:
    """The tick at least `size` from the entry: rounding never makes a level tighter than asked."""
    price = entry + direction * size
    if direction > 0:
        return ceil_ticks(price, c.step, c.scale)
    return floor_ticks(price, c.step, c.scale)


def stop_code(w: Any) -> int:
    """Which reason a stop has."""
    return BY_BREAK_EVEN if w.is_moved else BY_STOP


def move_exits(best: float, w: Any) -> None:
    """The best price so far, and the stop at the entry once that was good enough."""
    sign = w.sign
    if sign * (best - w.best) > 0:
        w.best = best
    if sign * (best - w.break_even_at) >= 0:
        w.is_moved, w.is_rearming, w.break_even_at = 1, 1, sign * np.inf


def meet_open(
    i: int, price: float, volume: float, c: Any, tiers: Table, w: Any, trades: Table,
    moves: Ints,
) -> None:  # fmt: skip
    """Exits that the open has jumped over fill at the open."""
    side = -w.sign
    if w.stop_order and is_reached(True, side, w.stop_level, price, price):
        stop_out(i, 0, price, 0, w.stop_order, stop_code(w), volume, c, w, trades, moves)
        return
    if w.trail_order and is_reached(True, side, w.trail_level, price, price):
        stop_out(i, 0, price, 0, w.trail_order, BY_TRAIL, volume, c, w, trades, moves)
        return
    while w.qty and w.tier < c.tiers and is_reached(False, side, tiers[w.tier].level, price, price):
        take_tier(i, 0, price, c, tiers, w, trades, moves)


def meet_rest(
    i: int, open_: float, high: float, low: float, close: float, volume: float, c: Any, tiers: Table,
    w: Any, trades: Table, moves: Ints,
) -> None:  # fmt: skip
    """Stops before targets, of two stops the one that is nearer to the open."""
    both = 1 if w.tier < c.tiers and is_reached(False, -w.sign, tiers[w.tier].level, low, high) else 0
    if abs(w.trail_level - open_) < abs(w.stop_level - open_):
        meet_trail(i, high, low, close, both, volume, c, w, trades, moves)
        meet_stop(i, high, low, both, volume, c, w, trades, moves)
    else:
        meet_stop(i, high, low, both, volume, c, w, trades, moves)
        meet_trail(i, high, low, close, both, volume, c, w, trades, moves)
    while w.qty and w.tier < c.tiers and is_reached(False, -w.sign, tiers[w.tier].level, low, high):
        take_tier(i, 1, tiers[w.tier].level, c, tiers, w, trades, moves)


def meet_stop(
    i: int, high: float, low: float, both: int, volume: float, c: Any, w: Any, trades: Table, moves: Ints,

) -> None:  # fmt: skip
    """The stop meets the range of the bar."""
    if w.qty and w.stop_order and is_reached(True, -w.sign, w.stop_level, low, high):
        stop_out(i, 1, w.stop_level, both, w.stop_order, stop_code(w), volume, c, w, trades, moves)


def meet_trail(
    i: int, high: float, low: float, close: float, both: int, volume: float, c: Any, w: Any, trades: Table,
    moves: Ints,
) -> None:  # fmt: skip
    """The trailing stop meets the range, follows it, and meets the close."""
    if not (w.qty and w.trail_order):
        return
    trail = from_ticks(w.trail_ticks, c.step, c.scale)
    hit, level, extreme = trail_inside(-w.sign, trail, w.trail_level, w.trail_extreme, low, high, close)
    w.trail_level, w.trail_extreme = level, extreme
    if hit:
        stop_out(i, 1, level, both, w.trail_order, BY_TRAIL, volume, c, w, trades, moves)
