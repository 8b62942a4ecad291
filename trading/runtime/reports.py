"""From what a venue tells of our orders to the facts that the engine understands."""

from decimal import Decimal

from brokers.venue import VenueFill, VenueOrder
from engine.model.enums import OrderState
from engine.model.event import Event
from engine.model.orders import (
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from engine.orders.lifecycle import OrderRecord

NOT_ANSWERED = (OrderState.APPROVED, OrderState.SUBMITTED, OrderState.UNKNOWN)


def facts_of(record: OrderRecord, told: VenueOrder, *, now: int) -> list[Event]:
    """What `told` adds to what is known of the order, in the order in which it happened.

    An end that would leave executions behind is not told yet: `lacks_fills` says so, and they are asked for first.
    """
    client_id = record.order.client_id
    facts: list[Event] = []
    if record.is_open and told.state is OrderState.REJECTED and not told.filled_quantity and not told.fills:
        return [OrderRejected(now, client_id, told.reason or "the venue gave no reason", told.code)]
    is_unnamed = not record.venue_id  # its first execution may have been told before the answer
    if is_unnamed or (record.is_open and (record.state in NOT_ANSWERED or record.venue_id != told.venue_id)):
        facts.append(OrderAccepted(now, client_id, told.venue_id))
    facts += new_fills(record, told.fills, now=now)
    if record.is_open and told.state.is_final and not lacks_fills(record, told):
        ended = _end(record, told, now)
        if ended is not None:
            facts.append(ended)
    return facts


def new_fills(record: OrderRecord, fills: tuple[VenueFill, ...], *, now: int) -> list[Event]:
    """Executions that are not counted yet, each once."""
    facts: list[Event] = []
    seen = set(record.fill_ids)
    for fill in fills:
        if fill.fill_id not in seen:
            seen.add(fill.fill_id)
            facts.append(_filled(record.order, fill, now))
    return facts


def lacks_fills(record: OrderRecord, told: VenueOrder) -> bool:
    """Whether the venue counts more as filled than the executions known so far add up to."""
    fresh = {fill.fill_id: fill.quantity for fill in told.fills if fill.fill_id not in record.fill_ids}
    expected = told.quantity if told.state is OrderState.FILLED else told.filled_quantity
    return record.filled + sum(fresh.values(), Decimal(0)) < expected


def _filled(order: Order, fill: VenueFill, now: int) -> OrderFilled:
    # A venue's clock that runs ahead must not carry the engine's time into the future.
    return OrderFilled(
        ts=min(fill.ts, now) if fill.ts else now,
        client_id=order.client_id,
        fill_id=fill.fill_id,
        strategy=order.strategy,
        symbol=order.symbol,
        broker=order.broker,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
    )


def _end(record: OrderRecord, told: VenueOrder, now: int) -> Event | None:
    client_id = record.order.client_id
    if told.state is OrderState.CANCELLED:
        return OrderCancelled(now, client_id, told.reason)
    if told.state is OrderState.EXPIRED:
        return OrderExpired(now, client_id)
    if told.state is OrderState.REJECTED:
        return OrderCancelled(now, client_id, f"rejected after it was filled in part: {told.reason}")
    if told.quantity < record.order.quantity:  # the other leg of its pair was filled in part
        return OrderCancelled(now, client_id, "the venue had made it smaller, as its other leg was filled in part")
    return None  # filled: its executions say so
