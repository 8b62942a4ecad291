"""A stop and its target at Interactive Brokers are two messages: whatever breaks between them, the stop is there."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from brokers.venue import Known, OutcomeUnknown
from engine.model.enums import OrderState, OrderType
from engine.model.orders import Order
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import State
from simulators.brokerage.updates import Update
from simulators.ibkr.book import Standing
from tests.contracts.test_venue_pairs import SPY, exits, pairing
from tests.contracts.venues import ibkr
from tests.contracts.venues.base import Desk, ask_until_known, at_desk, changed

STOP, TARGET = OrderType.STOP, OrderType.LIMIT


@pytest.fixture
async def desk():
    async with at_desk(ibkr.ENTRY, timeout_s=0.4) as found:
        await found.place_filled(found.order())
        yield found


def when_the_stop_is_there(brokerage: Brokerage, strike: Callable[[], object]) -> None:
    """Call it once, before the adapter hears of the stop."""

    def heard(update: Update) -> None:
        if update.order is not None and update.order.is_oco and not struck:
            struck.append(update.order.id)
            strike()

    struck: list[int] = []
    brokerage.listen(heard)


def at_work(desk: Desk) -> list[OrderType]:
    return sorted((each.ticket.type for each in desk.at_venue() if not each.state.is_final), reverse=True)


async def placed(desk: Desk, stop: Order, target: Order) -> list[OrderState | None]:
    """The pair is sent once; what is known of the two afterwards, by asking where it has to be."""
    since = time.time_ns()
    try:
        return [each.state for each in await pairing(desk).place_pair(stop, target, SPY)]
    except OutcomeUnknown:
        found = [await ask_until_known(partial(desk.venue.find, order, since=since)) for order in (stop, target)]
        return [None if each is None else each.state for each in found]


@pytest.mark.parametrize(
    ("fault", "target_is"),
    [
        ("drop_request", None),
        ("throttle", None),
        ("server_error_after", OrderState.WORKING),
        ("reject:no_targets_today", OrderState.REJECTED),
    ],
)
async def test_whatever_happens_to_the_targets_message_the_stop_guards_the_position(desk, fault, target_is):
    when_the_stop_is_there(desk.simulated.brokerage, partial(desk.fault, fault, times=1, actions=("place",)))
    stop, target = exits(desk)
    assert await placed(desk, stop, target) == [OrderState.ACCEPTED, target_is]
    assert at_work(desk) == ([STOP, TARGET] if target_is is OrderState.WORKING else [STOP])


@pytest.mark.parametrize(("fault", "is_there"), [("drop_request", False), ("server_error_after", True)])
async def test_while_nobody_knows_of_the_stop_no_target_is_sent(desk, fault, is_there):
    desk.fault(fault, times=1, actions=("place",))
    assert await placed(desk, *exits(desk)) == [OrderState.ACCEPTED if is_there else None, None]
    assert at_work(desk) == ([STOP] if is_there else [])


async def test_who_ends_between_the_two_messages_leaves_a_stop_and_a_successor_knows(desk):
    (stop, target), since = exits(desk), time.time_ns()
    placing = asyncio.create_task(pairing(desk).place_pair(stop, target, SPY))
    when_the_stop_is_there(desk.simulated.brokerage, placing.cancel)
    with pytest.raises(asyncio.CancelledError):
        await placing
    await desk.restart()
    assert (await desk.found(stop, OrderState.ACCEPTED, since=since)).stop_price == stop.stop_price
    assert await ask_until_known(partial(desk.venue.find, target, since=since)) is None
    assert at_work(desk) == [STOP]


async def test_the_target_follows_when_not_the_gateway_alone_has_the_stop(desk, monkeypatch):
    whole = vars(Standing)["status"].fget

    def status(standing: Standing) -> str:
        return "PendingSubmit" if standing.order.state is State.RECEIVED else whole(standing)

    def heard(update: Update) -> None:
        if update.order is not None and update.order.is_oco and update.order.ticket.type is TARGET:
            stops.append(desk.at_venue()[1].state)

    stops: list[State] = []
    monkeypatch.setattr(Standing, "status", property(status))
    desk.simulated.brokerage.listen(heard)
    await pairing(desk).place_pair(*exits(desk), SPY)
    assert stops[0] is State.WORKING


async def test_prices_that_are_both_there_already_close_the_position_once(desk):
    stop, target = exits(desk, target="0.9")
    stop = changed(stop, stop_price=desk.price("SPY", Decimal("1.1")))
    first, second = await pairing(desk).place_pair(stop, target, SPY)
    assert first.venue_id
    assert second.state in (OrderState.ACCEPTED, OrderState.WORKING, OrderState.REJECTED)
    await desk.found(stop, OrderState.FILLED, OrderState.CANCELLED)
    assert at_work(desk) == []
    assert desk.held("SPY") == 0


async def test_a_stop_that_is_over_gets_no_target(desk, monkeypatch):
    stop, target = exits(desk)
    whole = desk.venue._sent

    async def sent(*given, **named):
        return changed(await whole(*given, **named), state=OrderState.FILLED)

    monkeypatch.setattr(desk.venue, "_sent", sent)
    _, second = await pairing(desk).place_pair(stop, target, SPY)
    assert (second.state, second.reason) == (OrderState.REJECTED, "its stop is filled already")
    assert at_work(desk) == [STOP]


async def test_a_pair_is_placed_anew_under_another_name(desk):
    """The venue takes the name of a group once."""
    first, second = exits(desk), exits(desk)
    assert first[0].group == second[0].group
    await pairing(desk).place_pair(*first, SPY)
    await desk.venue.cancel(await desk.found(first[0]))
    await desk.until(lambda: at_work(desk) == [], "the end of both")
    await pairing(desk).place_pair(*second, SPY)
    assert at_work(desk) == [STOP, TARGET]
    answer = await desk.venue.find(second[0], since=0)
    assert isinstance(answer, Known)
    assert answer.value is not None
    assert answer.value.group == second[0].client_id
