"""One run over columns as plain steps: the bar's open, the rest of the bar, the exits, the strategy's wish.

What the engine, its desk and guards, the ledger and the simulated venue do between two bars when one strategy trades
one symbol at one account with market orders, and its exits wait at the venue. `compiled.py` makes machine code of this
very text; called as it is it gives the same, slowly. Prices of fills are whole ticks, so money stays exact.

State is a record `w`, configuration a record `c`, as `records.py` has them; one record of `trades` for every closed
trade, and one of `moves`: its gain in ticks times steps. When they are full, trades are counted only, and the caller
comes again with more room.
"""

from typing import Any

import numpy as np

from backtest.simulation.sweep.fills import fill_market
from backtest.simulation.sweep.guards import arm, guard_entry, meet_open, meet_rest, move_exits
from backtest.simulation.sweep.records import BY_VOLUME, NEVER, Floats, Ints, Table
from engine.instruments.grid import from_ticks


def run_bars(
    ts: Ints, open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, wishes: Floats, codes: Floats,
    atr: Floats, deadlines: Ints, deadline_codes: Ints, config: Table, tiers: Table, state: Table, trades: Table,
    moves: Ints,
) -> None:  # fmt: skip
    """All bars from the first decision on. `codes` may be empty: then a wish is its own code."""
    c, w = config[0], state[0]
    w.deadline = NEVER
    i = c.first
    while i < len(wishes):
        # Prices are read where they decide something only: a run that trades rarely must not wait for memory.
        if w.wants or w.closes:
            fill_market(i, open_[i], volume[i] if c.slip_kind == BY_VOLUME else 0.0, c, w, trades, moves)
            if c.guards and w.entry_bar == i:
                guard_entry(i, atr, deadlines, deadline_codes, c, tiers, w)
                arm(c, w)
        if c.guards and w.qty:
            meet_bar(i, ts, open_, high, low, close, volume, c, tiers, w, trades, moves)
        wish = wishes[i]
        if wish == wish:
            follow(int(wish), int(codes[i]) if len(codes) else int(wish), w)
        if w.is_firing or w.is_rearming:
            rearrange(c, w)
        i += 1
        if not (w.wants or w.closes):
            i = next_bar(i, ts, high, low, wishes, c, tiers, w)


def meet_bar(
    i: int, ts: Ints, open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, c: Any, tiers: Table,
    w: Any, trades: Table, moves: Ints,
) -> None:  # fmt: skip
    """What is held meets the bar: its open, the rest of it, and when it is over, best price and deadline."""
    if w.legs:
        meet_open(i, open_[i], volume[i], c, tiers, w, trades, moves)
    if w.legs:
        meet_rest(i, open_[i], high[i], low[i], close[i], volume[i], c, tiers, w, trades, moves)
    if w.qty:
        move_exits(high[i] if w.sign > 0 else low[i], w)
        if ts[i] >= w.deadline:
            fire(w)


def next_bar(i: int, ts: Ints, high: Floats, low: Floats, wishes: Floats, c: Any, tiers: Table, w: Any) -> int:
    """The next bar on which anything can happen, where nothing waits for the next; what is held sees those between."""
    held = w.sign if w.qty else 0
    if not held or (not w.legs and w.deadline == NEVER):
        return next_wish(i, held, wishes)
    floor, ceiling = -np.inf, np.inf
    if w.legs:
        stop = w.stop_level if w.stop_order else -held * np.inf
        gain = min(held * tiers[w.tier].level, held * w.break_even_at) if w.tier < c.tiers else held * w.break_even_at
        if w.trail_order:  # it moves with every better price
            stop = held * max(held * stop, held * w.trail_level)
            gain = min(gain, held * w.trail_extreme, held * w.best)
        floor, ceiling = (stop, gain) if held > 0 else (-gain, stop)
    end = w.deadline
    while i < len(wishes) and low[i] > floor and high[i] < ceiling and ts[i] < end:
        if wishes[i] < held or wishes[i] > held:
            break
        i += 1
    return i


def next_wish(i: int, held: int, wishes: Floats) -> int:
    """The next bar with a wish for something else than what is held."""
    while i < len(wishes) and not (wishes[i] < held or wishes[i] > held):
        i += 1
    return i


def follow(target: int, code: int, w: Any) -> None:
    """A wish for something else than what is held becomes an order; its exits are withdrawn first."""
    if target == (w.sign if w.qty else 0):
        return
    w.signals += 1
    if w.closes:
        if target == 0:
            return  # the exit by time is on its way already
        w.wants, w.want_target, w.want_code = 1, target, code
        w.orders += 1
        w.want_order = w.orders
        return
    send(target, code, w)


def send(target: int, code: int, w: Any) -> None:
    """One net market order, for the next open."""
    w.legs, w.is_firing, w.is_rearming = 0, 0, 0
    w.wants, w.want_target, w.want_code = 1, target, code
    w.orders += 1
    w.want_order = w.orders


def fire(w: Any) -> None:
    """A position has reached its deadline: it is closed, after its exits were withdrawn where there are any."""
    if w.legs:
        w.is_firing = 1
        return
    w.orders += 1
    w.closes, w.close_code, w.close_order = 1, w.deadline_code, w.orders


def rearrange(c: Any, w: Any) -> None:
    """What could only be done after the exits were withdrawn: the exit by time, or the exits anew."""
    if w.is_firing:
        send(0, w.deadline_code, w)
    else:
        arm(c, w)


def fold_extremes(trades: Table, low: Floats, high: Floats, config: Table, lowest: Floats, highest: Floats) -> None:
    """The lowest and highest price that each trade's entry has seen: its own price, the bars at whose close it was
    held, and every exit it was closed at so far."""
    c, order, at = config[0], -1, 0
    least = most = 0.0
    for row in range(len(trades)):
        t = trades[row]
        if t.entry_order != order:
            order, at = t.entry_order, t.entry_bar
            least = most = from_ticks(t.entry_ticks, c.step, c.scale)
        for bar in range(at, t.exit_bar):
            least, most = min(least, low[bar]), max(most, high[bar])
        price, at = from_ticks(t.exit_ticks, c.step, c.scale), t.exit_bar
        least, most = min(least, price), max(most, price)
        lowest[row], highest[row] = least, most


def sum_up(pnl: Ints, totals: Ints) -> None:
    """Of whole amounts: wins, losses, their sums, the net sum, and the deepest fall of the net sum from its peak."""
    won = lost = net = peak = fall = 0
    wins = losses = 0
    for amount in pnl:
        if amount > 0:
            wins, won = wins + 1, won + amount
        elif amount < 0:
            losses, lost = losses + 1, lost + amount
        net += amount
        peak = max(peak, net)
        fall = max(fall, peak - net)
    totals[0], totals[1], totals[2], totals[3], totals[4], totals[5] = wins, losses, won, lost, net, fall
