"""A stop that waits at the venue while the engine watches the rest: where it begins, and how it follows."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.core.config import VenueExits
from engine.core.desk import Desk
from engine.core.holding import Guard, Holding
from engine.exits.plan import ExitPlan, Tier, on_venue_grid
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderType
from engine.model.event import Event
from engine.model.orders import OrderCancelled, OrderRejected
from engine.orders.lifecycle import OrderRecord

STEP_SHARE = Decimal("0.25")  # of the trail's distance: what is worth a message to the venue
STEP_NS = 2_000_000_000  # and not more often


def is_pair(plan: ExitPlan, tiers: list[Tier], quantity: Decimal, symbol: str, venue: VenueExits) -> bool:
    """Whether the exits are one fixed stop and one target for everything, and the venue holds such a pair."""
    return symbol in venue.pairs and _is_plain(plan) and len(tiers) == 1 and tiers[0].quantity == quantity


def _is_plain(plan: ExitPlan) -> bool:
    return plan.stop is not None and plan.trail is None


def lost_target(update: Event, record: OrderRecord, holding: Holding, guard: Guard, venue: VenueExits) -> bool:
    """Whether the target of a pair is over that nobody filled or withdrew, and its stop is still there."""
    if type(update) not in (OrderCancelled, OrderRejected) or record.order.type is not OrderType.LIMIT:
        return False
    if holding.symbol not in venue.pairs or record.is_cancelling or guard.is_held or guard.is_split:
        return False
    rest = holding.protective.values()
    return bool(rest) and all(each.order.type is OrderType.STOP and not each.is_cancelling for each in rest)


def trail_level(guard: Guard, plan: ExitPlan, trail: Decimal, instrument: Instrument) -> Decimal:
    """Where the trail is now, on the price grid; rounded away from the market."""
    away = ROUND_FLOOR if plan.sign > 0 else ROUND_CEILING
    price = instrument.price(guard.extreme - plan.sign * float(trail), rounding=away)
    return on_venue_grid(price, instrument, away)


def reason_of(guard: Guard, plan: ExitPlan) -> str:
    """What closes the position where the fixed stop is reached."""
    if guard.moved_to_entry and guard.stop == plan.break_even_stop:
        return "break_even"
    return "trailing" if plan.trail is not None and guard.stop != plan.stop else "stop"


def is_past_break_even(guard: Guard, plan: ExitPlan) -> bool:
    """Whether the trail has carried the stop at the venue further than the entry price."""
    if plan.trail is None or guard.stop is None or plan.break_even_stop is None:
        return False
    return plan.sign * (guard.stop - plan.break_even_stop) >= 0


def follow_trail(
    holding: Holding, guard: Guard, *, instrument: Instrument, desk: Desk, ts: int, out: list[Event]
) -> None:
    """Send the stop at the venue after the trail, which is watched here: it is never far behind when we are gone."""
    plan = guard.plan
    if plan is None or plan.trail is None or guard.stop is None or ts < guard.stepped_ts + STEP_NS:
        return
    level = trail_level(guard, plan, plan.trail, instrument)
    if plan.sign * (level - guard.stop) < max(plan.trail * STEP_SHARE, instrument.tick_size):
        return
    guard.stop, guard.stepped_ts = level, ts
    move_stops(holding, guard.stop, desk=desk, ts=ts, reason="it follows the price", out=out)


def move_stops(holding: Holding, stop: Decimal, *, desk: Desk, ts: int, reason: str, out: list[Event]) -> None:
    """Ask for the fixed stop of the holding at another price, where one works."""
    for record in holding.protective.values():
        if record.order.type is OrderType.STOP and not record.is_cancelling:
            desk.move_stop(record, stop, ts, reason, out)
