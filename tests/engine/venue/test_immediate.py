"""Orders "immediate or cancel": what cannot be had at once is cancelled, in words; and stops that are moved."""

from decimal import Decimal

import pytest

from engine.model.enums import OrderType, Side, TimeInForce
from engine.model.market import PartialBar, Quote
from engine.model.orders import (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.venue.latency import FixedLatency
from tests.engine.scenario import MINUTE, bar, tick
from tests.engine.venue.test_matching import order, place, venue

BUY, SELL = Side.BUY, Side.SELL
NOTHING = "immediate or cancel: nothing was to be had at once"
REST = "immediate or cancel: the rest was not to be had at once"
CHEAP = order(BUY, kind=OrderType.LIMIT, limit_price=99, tif=TimeInForce.IOC)


def partial(minute, close, *, low=None):
    ts = minute * MINUTE + 1
    low = close if low is None else low
    return PartialBar(
        ts, "SPY", "1", ts - 1, open=close, high=close, low=low, close=close, volume=1.0, trade_count=1,
        high_since=close, low_since=low,
    )  # fmt: skip


def told(venue, *events):
    """What the venue says, each event's word for it: (kind, time, what)."""
    found: list[tuple[str, int, object]] = []
    for event in events:
        for report in list(venue.match(event)):
            if isinstance(report, OrderFilled):
                found.append(("filled", report.ts, (report.quantity, report.price)))
            elif isinstance(report, OrderCancelled):
                found.append(("cancelled", report.ts, report.reason))
    return found


@pytest.mark.parametrize(
    ("event", "ts"),
    [
        (tick(MINUTE + 5, 100), MINUTE + 5),
        (Quote(MINUTE + 5, "SPY", 99.9, 100.0), MINUTE + 5),
        (partial(1, 100, low=98), MINUTE + 1),  # the range may be older than the order
        (bar(2, 100, low=98), MINUTE),  # its open is what was there at once
    ],
    ids=["print", "quote", "partial bar", "bar"],
)
def test_what_finds_nothing_ends_with_the_first_event_that_it_meets(event, ts):
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, CHEAP)
    assert told(v, event) == [("cancelled", ts, NOTHING)]
    assert not v.working
    assert told(v, tick(3 * MINUTE, 90)) == []


@pytest.mark.parametrize("event", [tick(MINUTE + 5, 98.5), partial(1, 98.5), bar(2, 99, open_=98.5)])
def test_what_is_there_at_once_is_taken(event):
    v = venue()
    list(v.match(bar(1, 100)))
    place(v, CHEAP)
    assert [(kind, what) for kind, _, what in told(v, event)] == [("filled", (Decimal(10), Decimal("98.50")))]


@pytest.mark.parametrize(("size", "filled"), [(60, ["6"]), (5, [])])
def test_of_a_thin_market_only_what_is_there_is_taken(size, filled):
    v = venue(participation=0.1)
    place(v, order(tif=TimeInForce.IOC))
    *fills, (kind, _, reason) = told(v, tick(MINUTE + 5, 100, size=size))
    assert [str(what[0]) for _, _, what in fills] == filled
    assert (kind, reason) == ("cancelled", REST if filled else NOTHING)
    assert not v.working


def test_it_does_not_end_by_what_happened_before_it_arrived():
    v = venue(latency=FixedLatency(10))
    place(v, CHEAP)
    assert told(v, tick(MINUTE + 5, 100)) == []
    assert told(v, tick(MINUTE + 15, 98)) == [("filled", MINUTE + 15, (Decimal(10), Decimal(98)))]


@pytest.mark.parametrize("events", [(tick(MINUTE + 5, 100), tick(MINUTE + 6, 96)), (bar(2, 100), bar(3, 96, open_=96))])
def test_a_stop_may_wait_and_must_fill_when_it_is_triggered(events):
    v = venue()
    list(v.match(bar(1, 100)))
    stop_limit = order(SELL, kind=OrderType.STOP_LIMIT, stop_price=98, limit_price=97.5, tif=TimeInForce.IOC)
    place(v, stop_limit)
    assert told(v, events[0]) == []
    assert v.working == [stop_limit]
    assert [(kind, what) for kind, _, what in told(v, events[1])] == [("cancelled", NOTHING)]


def test_a_successor_ends_it_as_its_predecessor_would_have():
    v, after = venue(), venue()
    place(v, CHEAP)
    after.restore(v.snapshot())
    assert told(after, bar(2, 100)) == [("cancelled", MINUTE, NOTHING)]


def move(v, price, name="o1"):
    return v.move(StopMoveRequested(MINUTE, name, "sim", "SPY", Decimal(price), "it follows the price"))


def test_a_stop_that_waits_is_moved_and_keeps_its_name():
    v = venue()
    list(v.match(tick(1, 100)))
    (accepted,) = place(v, order(SELL, kind=OrderType.STOP, stop_price=95))
    assert isinstance(accepted, OrderAccepted)
    assert move(v, 98) == [StopMoved(MINUTE, "o1", accepted.venue_id, Decimal(98))]
    assert told(v, tick(MINUTE + 1, 97.5)) == [("filled", MINUTE + 1, (Decimal(10), Decimal("97.50")))]
    assert move(v, 99) == []


@pytest.mark.parametrize(
    "instruction",
    [
        order(BUY, kind=OrderType.LIMIT, limit_price=95),
        order(SELL, kind=OrderType.TRAILING_STOP, trail=2, stop_price=95),
    ],
)
def test_what_does_not_wait_at_a_fixed_stop_is_not_moved(instruction):
    v = venue()
    list(v.match(tick(1, 100)))
    place(v, instruction)
    (answer,) = move(v, 98)
    assert isinstance(answer, StopMoveRefused)
    assert "fixed price" in answer.reason
