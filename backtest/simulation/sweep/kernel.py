"""One run over columns as plain steps: the bar's open, the rest of the bar, the exits, the strategy's wish.

What the engine, its desk and guards, the ledger and the simulated venue do between two bars when one strategy trades
one symbol at one account with market orders, and its exits wait at the venue. `compiled.py` makes machine code of this
very text; called as it is it gives the same, slowly. Prices of fills are whole ticks, so money stays exact.

State is a record `w`, configuration a record `c`, of the fields below; one record of `trades` for every closed trade,
and one of `moves`: its gain in ticks times steps. When they are full, trades are counted only, and the caller comes
again with more room.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.instruments.grid import ceil_ticks, floor_ticks, from_ticks, round_ticks
from engine.venue.levels import is_reached, trail_inside

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Table = NDArray[Any]  # of records

INT, FLOAT = np.int64, np.float64
STATE = np.dtype(
    [
        # what is held: size in steps, side, and the entry
        ("qty", INT), ("sign", INT), ("entry_bar", INT), ("entry_ticks", INT), ("entry_code", INT),
        ("entry_order", INT), ("entry_turned", INT),
        # counts
        ("orders", INT), ("signals", INT), ("trades", INT),
        # exits that wait at the venue; `tier` is the first target that is still ahead
        ("legs", INT), ("stop_order", INT), ("trail_order", INT), ("tier_order", INT), ("tier", INT),
        ("stop_level", FLOAT), ("trail_level", FLOAT), ("trail_extreme", FLOAT),
        # the plan of the exits
        ("stop_ticks", INT), ("entry_stop_ticks", INT), ("trail_ticks", INT), ("best", FLOAT), ("break_even_at", FLOAT),
        ("is_moved", INT), ("is_rearming", INT), ("deadline", INT), ("deadline_code", INT), ("is_firing", INT),
        # market orders: of a wish or an exit by time; and an exit by time that could be sent at once
        ("wants", INT), ("want_target", INT), ("want_code", INT), ("want_order", INT),
        ("closes", INT), ("close_code", INT), ("close_order", INT),
    ]
)  # fmt: skip
# Kinds of distance: −1 (not used) 0 fraction 1 points 2 ticks 3 atr; of slippage: 0 none 1 a distance 2 by volume.
CONFIG = np.dtype(
    [
        ("first", INT), ("unit", INT), ("unit_size", FLOAT), ("step", FLOAT), ("scale", FLOAT),
        ("stop_kind", INT), ("stop", FLOAT), ("trail_kind", INT), ("trail", FLOAT), ("after_kind", INT),
        ("after", FLOAT), ("offset_kind", INT), ("offset", FLOAT), ("tiers", INT), ("by_time", INT), ("guards", INT),
        ("slip_kind", INT), ("slip", FLOAT), ("slip_limit", FLOAT),
    ]
)  # fmt: skip
TIER = np.dtype([("kind", INT), ("value", FLOAT), ("part", INT), ("level", FLOAT)])
TRADE = np.dtype(  # wide fields first: every one is aligned, without gaps
    [
        ("qty", INT), ("entry_ticks", INT), ("exit_ticks", INT),
        ("entry_bar", np.int32), ("exit_bar", np.int32), ("entry_order", np.int32), ("exit_order", np.int32),
        ("sign", np.int32), ("entry_code", np.int16), ("exit_code", np.int16), ("is_inside", np.int16),
        ("is_ambiguous", np.int16), ("entry_turned", np.int16), ("exit_turned", np.int16),
    ]
)  # fmt: skip
NEVER = 1 << 62
BY_VOLUME = 2
# Codes of reasons: those of wishes are the strategy's own small numbers.
BY_STOP, BY_TRAIL, BY_BREAK_EVEN, BY_TARGET, BY_DEADLINE = 1_000, 1_001, 1_002, 1_100, 1_200


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


# ---- the end of a bar ------------------------------------------------------------------------------------------


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


def move_exits(best: float, w: Any) -> None:
    """The best price so far, and the stop at the entry once that was good enough."""
    sign = w.sign
    if sign * (best - w.best) > 0:
        w.best = best
    if sign * (best - w.break_even_at) >= 0:
        w.is_moved, w.is_rearming, w.break_even_at = 1, 1, sign * np.inf


# ---- the open --------------------------------------------------------------------------------------------------


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


# ---- the rest of the bar ---------------------------------------------------------------------------------------


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


# ---- exits -----------------------------------------------------------------------------------------------------


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


# ---- fills -----------------------------------------------------------------------------------------------------


def fill_ticks(price: float, side: int, size: int, volume: float, c: Any, takes: int) -> int:
    """The price of a fill on the grid, rounded against the trader, after slippage where the order takes liquidity."""
    if takes and c.slip_kind:
        away_by = c.slip
        if c.slip_kind == BY_VOLUME:
            share = min(size * c.unit_size / volume, c.slip_limit) if volume > 0 else c.slip_limit
            away_by = price * c.slip * share * share
        price = price + away_by if side > 0 else price - away_by
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
