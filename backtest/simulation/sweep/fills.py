"""Fills of a compiled run: market orders at the open, stops and targets, and the trades that they close."""

from typing import Any

from backtest.simulation.sweep.records import BY_TARGET, BY_VOLUME, Ints, Table
from engine.instruments.grid import SLACK, ceil_ticks, floor_ticks


def fill_market(i: int, price: float, volume: float, c: Any, w: Any, trades: Table, moves: Ints) -> None:
    """Market orders meet the open: an exit by time first, then what is wanted."""
    if w.closes:
        ticks = fill_ticks(price, -w.sign, w.qty, volume, c, 1)
        close_part(i, 0, ticks, w.qty, 0, w.close_code, w.close_order, 0, c, w, trades, moves)
        w.closes = 0
    if not w.wants:
        return
    w.wants = 0
    held = w.sign * w.qty
    gap = w.want_target * c.unit - held
    side = 1 if gap > 0 else -1
    size = gap * side
    ticks = fill_ticks(price, side, size, volume, c, 1)
    turned = 1 if held and w.want_target else 0
    if held:
        close_part(i, 0, ticks, w.qty, turned, w.want_code, w.want_order, 0, c, w, trades, moves)
    if w.want_target:
        w.qty, w.sign, w.entry_bar, w.entry_ticks = c.unit, side, i, ticks
        w.entry_code, w.entry_order, w.entry_turned = w.want_code, w.want_order, turned


def stop_out(
    i: int, is_inside: int, price: float, both: int, order: int, code: int, volume: float, c: Any,
    w: Any, trades: Table, moves: Ints,
) -> None:  # fmt: skip
    """A stop closes all that is held."""
    ticks = fill_ticks(price, -w.sign, w.qty, volume, c, 1)
    close_part(i, is_inside, ticks, w.qty, 0, code, order, both, c, w, trades, moves)


def take_tier(i: int, is_inside: int, price: float, c: Any, tiers: Table, w: Any, trades: Table, moves: Ints) -> None:
    """The next target closes its part."""
    tier = w.tier
    size = min(tiers[tier].part, w.qty)
    ticks = fill_ticks(price, -w.sign, size, 0.0, c, 0)
    w.tier += 1
    close_part(i, is_inside, ticks, size, 0, BY_TARGET + tier + 1, w.tier_order + tier, 0, c, w, trades, moves)
    if w.tier >= c.tiers and not w.stop_order and not w.trail_order:
        w.legs = 0


def fill_ticks(price: float, side: int, size: int, volume: float, c: Any, takes: int) -> int:
    """The price of a fill on the grid, rounded against the trader, after slippage where the order takes liquidity."""
    if takes and c.slip_kind:
        away_by = c.slip
        if c.slip_kind == BY_VOLUME:
            share = min(size * c.unit_size / volume, c.slip_limit) if volume > 0 else c.slip_limit
            away_by = price * c.slip * share * share
        if side > 0:
            price = price + away_by
            price = price - abs(price) * SLACK
        else:
            price = price - away_by
            price = price + abs(price) * SLACK
    if side > 0:
        return ceil_ticks(price, c.step, c.scale)
    return floor_ticks(price, c.step, c.scale)


def close_part(
    i: int, is_inside: int, ticks: int, size: int, turned: int, code: int, order: int, both: int,
    c: Any, w: Any, trades: Table, moves: Ints,
) -> None:  # fmt: skip
    """Book `size` of what is held as a closed trade."""
    row = w.trades
    w.trades += 1
    if row < len(trades):
        t = trades[row]
        t.entry_bar, t.exit_bar, t.is_inside, t.is_ambiguous = w.entry_bar, i, is_inside, both
        t.sign, t.qty, t.entry_ticks, t.exit_ticks = w.sign, size, w.entry_ticks, ticks
        t.entry_code, t.exit_code, t.entry_order, t.exit_order = w.entry_code, code, w.entry_order, order
        t.entry_turned, t.exit_turned = w.entry_turned, turned
        moves[row] = (ticks - w.entry_ticks) * w.sign * size
    w.qty -= size
    if not w.qty:
        w.legs, w.is_rearming, w.is_firing = 0, 0, 0
