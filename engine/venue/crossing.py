"""Which working orders an event fills, at which observed price, in which order.

Inside a bar or between two partial bars the order of prices is unknown. What is worse for the holder is taken: stops
before limits, the nearer to the open first, and such a fill is marked ambiguous when the other leg was reached too.
"""

from collections.abc import Iterator

import msgspec

from engine.model.enums import Side
from engine.model.market import Bar, PartialBar
from engine.venue.fills import FillModel, Touch
from engine.venue.levels import trail_inside
from engine.venue.working import SymbolBook, WorkingOrder


class Match(msgspec.Struct, frozen=True):
    """One order may trade now. `takes` says whether it takes liquidity, which is what slippage is for."""

    working: WorkingOrder
    ts: int
    price: float
    takes: bool = True
    is_ambiguous: bool = False


def at_open(book: SymbolBook, bar: Bar, seen: set[str]) -> Iterator[Match]:
    """What the first price of the bar fills: market orders, and stops and limits that the open jumped over.

    Orders that arrive while this runs (placed because of a fill at the open) take part, each once.
    """
    while book.orders:
        fresh = [w for name, w in book.orders.items() if name not in seen and w.active_ts <= bar.ts_open]
        if not fresh:
            return
        if len(fresh) > 1:
            fresh.sort(key=lambda w: not w.is_market)
        for working in fresh:
            seen.add(working.order.client_id)
            if working.order.client_id in book.orders and _trades_at(working, bar.open):
                yield Match(
                    working, max(bar.ts_open, working.active_ts), bar.open, takes=working.is_stop or working.is_market
                )


def _trades_at(working: WorkingOrder, price: float) -> bool:
    if working.is_market:
        return True
    if not working.is_reached(price, price):
        return False
    if working.is_stop and working.limit == working.limit:
        working.become_limit()
        return working.is_reached(price, price)
    return True


def inside_bar(book: SymbolBook, bar: Bar) -> Iterator[Match]:
    """What the rest of the bar fills. Orders that arrive because of a fill in here meet the range pessimistically:
    stops count as hit, limits do not."""
    known = [w for w in book if w.active_ts <= bar.ts_open]
    before = set(book.orders)
    low, high = bar.low, bar.high
    filled = False
    for working in sorted(known, key=lambda w: _priority(w, bar.open)):
        if working.order.client_id not in book.orders or working.is_market:
            continue
        price = _price_inside(working, low, high, bar.close)
        if price is None:
            continue
        filled = True
        both = working.is_stop and any(not o.is_stop and o.is_reached(low, high) for o in book.group(working))
        yield Match(working, bar.ts, price, takes=working.is_stop, is_ambiguous=both)
    if filled:
        yield from _arrivals(book, bar, before)


def _arrivals(book: SymbolBook, bar: Bar, before: set[str]) -> Iterator[Match]:
    for working in [w for w in book if w.order.client_id not in before]:
        if working.is_stop and working.order.client_id in book.orders and working.is_reached(bar.low, bar.high):
            yield Match(working, bar.ts, working.level, is_ambiguous=True)


def _priority(working: WorkingOrder, open_: float) -> tuple[bool, float]:
    return (not working.is_stop, abs(working.level - open_))


def _price_inside(working: WorkingOrder, low: float, high: float, last: float) -> float | None:
    """The price the range fills the order at; None when it does not."""
    if working.trail == working.trail:
        hit, working.level, working.extreme = trail_inside(
            working.sign, working.trail, working.level, working.extreme, low, high, last
        )
        return working.level if hit else None
    if working.is_reached(low, high):
        return _level_price(working, low, high)
    return None


def _level_price(working: WorkingOrder, low: float, high: float) -> float | None:
    level = working.level
    if working.is_stop and working.limit == working.limit:
        working.become_limit()
        # Triggered on the way; its limit is only certain to trade when the trigger itself is within the limit.
        return level if working.sign * (level - working.level) <= 0 else None
    return level


def on_print(book: SymbolBook, ts: int, touch: Touch, model: FillModel) -> Iterator[Match]:
    """What one print or quote fills, with `touch` being the market at that moment."""
    price = touch.last
    for working in sorted(book, key=lambda w: not w.is_stop):
        if working.order.client_id not in book.orders or ts < working.active_ts:
            continue
        match = _match_print(working, ts, price, touch, model)
        working.is_new = False
        if match is not None:
            yield match


def _match_print(working: WorkingOrder, ts: int, price: float, touch: Touch, model: FillModel) -> Match | None:
    if working.is_market:
        return _take(working, ts, touch, model)
    if working.is_stop:
        if working.trail == working.trail and price == price:
            working.follow(price)
        trigger = price if price == price else touch.side(working.order.side)
        if not working.is_reached(trigger, trigger):
            return None
        if working.limit != working.limit:
            return _take(working, ts, touch, model)
        working.become_limit()
    return _match_limit(working, ts, price, touch)


def _take(working: WorkingOrder, ts: int, touch: Touch, model: FillModel) -> Match | None:
    price = model.price(working.order.side, touch)
    return Match(working, ts, price) if price == price else None


def _match_limit(working: WorkingOrder, ts: int, price: float, touch: Touch) -> Match | None:
    """A limit trades when the far side or a print reaches it; better than its limit only when it arrives."""
    far = touch.side(working.order.side)
    reached = far if far == far and working.is_reached(far, far) else price
    if not working.is_reached(reached, reached):
        return None
    return Match(working, ts, reached if working.is_new else working.level, takes=False)


def on_partial(book: SymbolBook, partial: PartialBar, model: FillModel, touch: Touch) -> Iterator[Match]:
    """What happened since the previous partial bar: its range for orders that were there, its last price for new."""
    low, high, last = partial.low_since, partial.high_since, partial.close
    for working in sorted(book, key=lambda w: _priority(w, last)):
        if working.order.client_id not in book.orders or partial.ts < working.active_ts:
            continue
        if working.is_market or working.is_new:
            match = _match_print(working, partial.ts, last, touch, model)
            working.is_new = False
        else:
            match = _match_range(book, working, partial.ts, low=low, high=high, last=last)
        if match is not None:
            yield match


def _match_range(
    book: SymbolBook, working: WorkingOrder, ts: int, *, low: float, high: float, last: float
) -> Match | None:
    price = _price_inside(working, low, high, last)
    if price is None:
        return None
    if not working.is_stop:
        return Match(working, ts, price, takes=False)
    both = any(not o.is_stop and o.is_reached(low, high) for o in book.group(working))
    worse = max(price, last) if working.order.side is Side.BUY else min(price, last)
    return Match(working, ts, worse, is_ambiguous=both)
