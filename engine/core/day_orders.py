"""Orders of persons that last for the day: withdrawn when it is over, wherever the venue has not ended them itself."""

from datetime import time
from typing import TYPE_CHECKING

from msgspec import UNSET

from engine.core.holding import NEVER
from engine.instruments.sessions import from_new_york, new_york, session_of
from engine.model.enums import OrderType, TimeInForce
from engine.model.event import Event
from engine.model.orders import Order
from engine.model.time import NS_PER_S

if TYPE_CHECKING:
    from engine.core.engine import Engine

GRACE_NS = 60 * NS_PER_S  # a venue ends its orders itself, and says so
EXTENDED_ENDS = time(20)  # New York's clock


def note(engine: "Engine", order: Order) -> None:
    """Look at the order again when its day is over."""
    if _lasts_a_day(order):
        engine.guards.next_deadline = min(engine.guards.next_deadline, _end(engine, order))


def on_time(engine: "Engine", ts: int, out: list[Event]) -> int:
    """Withdraw what has had its day; when the next one has."""
    upcoming = NEVER
    for record in list(engine.desk.orders):
        if record.is_cancelling or not _lasts_a_day(record.order):
            continue
        end = _end(engine, record.order)
        if ts >= end:
            engine.desk.withdraw([record], ts, "its day is over", out)
        else:
            upcoming = min(upcoming, end)
    return upcoming


def _lasts_a_day(order: Order) -> bool:
    waits = order.by_hand is not UNSET and order.type is not OrderType.MARKET
    return waits and order.tif in (TimeInForce.DAY, TimeInForce.EXTENDED)


def _end(engine: "Engine", order: Order) -> int:
    """The end of the session it was given in; given between two sessions it lasts for the coming one."""
    close = session_of(engine.config.instruments[order.symbol].calendar)(order.signal_ts).close
    if order.tif is TimeInForce.EXTENDED:
        close = max(close, from_new_york(new_york(close).date(), EXTENDED_ENDS))
    return close + GRACE_NS
