"""The states of an order, moved by what venues report."""

from decimal import Decimal

import pytest

from engine.errors import InvariantBroken
from engine.model.enums import OrderState, Side
from engine.model.orders import (
    Order,
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
)
from engine.orders.lifecycle import KEEP_CLOSED, OrderBook

ORDER = Order("o1", "s", "SPY", "sim", Side.BUY, Decimal(10))


def book(*updates, order=ORDER):
    orders = OrderBook()
    orders.add(order)
    for update in updates:
        orders.apply(update)
    return orders


def filled(number, quantity, order="o1"):
    return OrderFilled(number, order, f"{order}/{number}", "s", "SPY", "sim", Side.BUY, Decimal(quantity), Decimal(100))


def test_fills_add_up_to_filled():
    orders = book(OrderAccepted(1, "o1", "v1"), filled(1, 4))
    record = orders.get("o1")
    assert (record.state, record.remaining, record.venue_id) == (OrderState.PARTIALLY_FILLED, Decimal(6), "v1")
    orders.apply(filled(2, 6))
    assert orders.get("o1").state is OrderState.FILLED
    assert len(orders) == 0


def test_a_repeated_fill_and_a_repeated_end_change_nothing():
    orders = book(filled(1, 4))
    assert orders.apply(filled(1, 4)) is None
    assert orders.apply(OrderCancelled(3, "o1")).state is OrderState.CANCELLED
    assert orders.apply(OrderCancelled(3, "o1")) is None
    assert orders.get("o1").filled == Decimal(4)


def test_a_late_acknowledgement_does_not_move_an_order_back():
    orders = book(filled(1, 4))
    assert orders.apply(OrderSubmitted(2, "o1")) is None
    assert orders.apply(OrderAccepted(2, "o1", "v1")) is None
    assert orders.get("o1").state is OrderState.PARTIALLY_FILLED


def test_a_fill_that_raced_with_the_cancel_still_counts():
    orders = book(OrderCancelled(2, "o1"))
    record = orders.apply(filled(3, 10))
    assert (record.filled, record.state) == (Decimal(10), OrderState.FILLED)


@pytest.mark.parametrize(
    ("update", "state"),
    [
        (OrderAccepted(3, "o1", "v1"), OrderState.ACCEPTED),
        (OrderRejected(3, "o1", "no"), OrderState.REJECTED),
        (OrderCancelled(3, "o1"), OrderState.CANCELLED),
    ],
)
def test_an_unknown_order_is_resolved_by_what_a_query_finds(update, state):
    orders = book(OrderSubmitted(1, "o1"), OrderBecameUnknown(2, "o1", "no answer"))
    assert orders.get("o1").state is OrderState.UNKNOWN
    assert orders.apply(update).state is state


def test_reports_about_other_peoples_orders_are_ignored():
    assert book().apply(filled(1, 1, order="theirs")) is None


def test_an_id_is_never_given_out_twice():
    with pytest.raises(InvariantBroken):
        book().add(ORDER)


def test_finished_orders_are_forgotten_in_the_end():
    orders = OrderBook()
    for number in range(KEEP_CLOSED + 5):
        orders.add(Order(f"o{number}", "s", "SPY", "sim", Side.BUY, Decimal(1)))
        orders.apply(filled(1, 1, order=f"o{number}"))
    assert orders.get("o0") is None
    assert orders.get(f"o{KEEP_CLOSED + 4}") is not None
