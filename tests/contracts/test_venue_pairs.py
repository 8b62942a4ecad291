"""What a venue promises that takes a stop and a target as one pair: both or none, the first to fill ends the other."""

import time
from decimal import Decimal as D
from functools import partial

import pytest

from brokers.venue import OrderRefused, OutcomeUnknown, PairsExits
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from tests.contracts.venues import promising
from tests.contracts.venues.base import Desk, ask_until_known, changed, known

pytestmark = pytest.mark.timeout(60)
SPY = instrument_for("SPY")
every_pairing_venue = promising(pairs=True)
every_venue_with_a_request_for_both = promising("a pair with one request", pairs=True)


def exits(desk: Desk, quantity: int = 10, *, target: str = "1.25") -> tuple[Order, Order]:
    """A stop far below the price, and a target."""
    common = {"intent": OrderIntent.EXIT, "tif": TimeInForce.GTC, "group": "r1-contract-SPY-000000x"}
    stop = desk.order(Side.SELL, quantity, type=OrderType.STOP, stop_price=desk.price("SPY", D("0.8")), **common)
    limit = desk.price("SPY", D(target))
    return stop, desk.order(Side.SELL, quantity, type=OrderType.LIMIT, limit_price=limit, **common)


def pairing(desk: Desk) -> PairsExits:
    assert isinstance(desk.venue, PairsExits)
    return desk.venue


async def paired(desk: Desk, quantity: int = 10, *, target: str = "1.25") -> tuple[Order, Order]:
    """Shares are held, and a pair guards them."""
    await desk.place_filled(desk.order(quantity=quantity))
    stop, limit = exits(desk, quantity, target=target)
    for order, placed in zip((stop, limit), await pairing(desk).place_pair(stop, limit, SPY), strict=True):
        assert placed.venue_id
        assert (placed.type, placed.side, placed.quantity) == (order.type, Side.SELL, D(quantity))
    return stop, limit


@every_venue_with_a_request_for_both
async def test_both_are_taken_with_one_request(desk):
    await desk.place_filled(desk.order())
    before = desk.simulated.simulator.attempts
    await pairing(desk).place_pair(*exits(desk), SPY)
    assert desk.simulated.simulator.attempts - before <= 2  # Schwab's answer has to be read


@every_pairing_venue
async def test_both_are_one_group_as_was_shown_before(desk):
    await desk.place_filled(desk.order())
    stop, target = exits(desk)
    request = pairing(desk).request_for_pair(stop, target, SPY)
    assert request == pairing(desk).request_for_pair(stop, target, SPY)
    await pairing(desk).place_pair(stop, target, SPY)
    there = desk.at_venue()[1:]
    assert {(order.ticket.type, order.is_oco) for order in there} == {(OrderType.STOP, True), (OrderType.LIMIT, True)}
    assert len({order.group for order in there}) == 1


@every_pairing_venue
async def test_each_is_found_by_itself_and_listed_once(desk):
    stop, target = await paired(desk)
    found = [await desk.found(order, OrderState.WORKING, OrderState.ACCEPTED) for order in (stop, target)]
    assert [(each.type, each.stop_price, each.limit_price) for each in found] == [
        (OrderType.STOP, stop.stop_price, None),
        (OrderType.LIMIT, None, target.limit_price),
    ]
    if desk.venue.features.client_order_ids:
        assert [each.client_id for each in found] == [stop.client_id, target.client_id]
    listed = [each for each in known(await desk.venue.orders(since=0)) if not each.state.is_final]
    assert sorted(each.venue_id for each in listed) == sorted(each.venue_id for each in found)


@every_pairing_venue
async def test_the_target_that_fills_ends_the_stop_and_both_are_told(desk):
    await desk.watch()
    stop, target = await paired(desk, target="0.9")
    assert (await desk.found(target, OrderState.FILLED)).filled_quantity == 10
    assert (await desk.found(stop, OrderState.CANCELLED)).filled_quantity == 0
    assert known(await desk.venue.positions()) == ()
    await desk.until(
        lambda: {each.type for each in desk.reported if each.state.is_final} >= {OrderType.STOP, OrderType.LIMIT},
        "the end of both on the stream",
    )


@every_pairing_venue
async def test_a_part_of_the_target_makes_the_stop_smaller(desk):
    await desk.place_filled(desk.order())
    desk.fault("partial_fills", times=1)
    stop, target = exits(desk, target="0.9")
    await pairing(desk).place_pair(stop, target, SPY)
    await desk.until(lambda: desk.held("SPY") < 10, "a part of the target")
    desk.fault("no_fills")
    left = desk.held("SPY")
    if left:  # the rest may have traded between the two
        assert (await desk.found(stop)).quantity == left


@every_pairing_venue
async def test_a_cancel_of_one_is_a_cancel_of_both(desk):
    stop, target = await paired(desk)
    await desk.venue.cancel(await desk.found(stop))
    for order in (stop, target):
        await desk.found(order, OrderState.CANCELLED)
    assert desk.held("SPY") == 10


@every_pairing_venue
async def test_the_stop_moves_and_the_target_stays(desk):
    stop, target = await paired(desk)
    placed = await desk.found(stop, desk.waits_as)
    higher = changed(stop, stop_price=desk.price("SPY", D("0.85")))
    assert (await desk.venue.replace(placed, higher, SPY)).stop_price == higher.stop_price
    found = await desk.found(higher, desk.waits_as)
    assert (found.stop_price, found.client_id) == (higher.stop_price, placed.client_id)
    assert (await desk.found(target)).state is not OrderState.CANCELLED
    working = [order for order in desk.at_venue() if not order.state.is_final]
    assert sorted(order.ticket.type for order in working) == [OrderType.LIMIT, OrderType.STOP]
    assert all(order.is_oco for order in working)


@pytest.mark.parametrize("fault", ["drop_answer", "server_error_after"])
@every_venue_with_a_request_for_both
async def test_a_pair_that_was_taken_without_an_answer_is_found_leg_by_leg(desk, fault):
    await desk.place_filled(desk.order())
    desk.fault(fault, times=1, actions=("place",))
    (stop, target), since = exits(desk), time.time_ns()
    with pytest.raises(OutcomeUnknown):
        await pairing(desk).place_pair(stop, target, SPY)
    for order in (stop, target):
        assert (await desk.found(order, since=since)).type is order.type
    assert len(desk.at_venue()) == 3


@every_pairing_venue
async def test_a_pair_that_never_came_is_known_not_to_be_there(desk):
    await desk.place_filled(desk.order())
    desk.fault("drop_request", times=1, actions=("place",))
    (stop, target), since = exits(desk), time.time_ns()
    with pytest.raises(OutcomeUnknown):
        await pairing(desk).place_pair(stop, target, SPY)
    for order in (stop, target):
        assert await ask_until_known(partial(desk.venue.find, order, since=since)) is None
    assert len(desk.at_venue()) == 1


@every_pairing_venue
async def test_of_a_refused_pair_nothing_is_there(desk):
    await desk.place_filled(desk.order())
    desk.fault("reject:no_pairs_today", times=1)
    with pytest.raises(OrderRefused) as refused:
        await pairing(desk).place_pair(*exits(desk), SPY)
    assert "no_pairs_today" in f"{refused.value.venue_code} {refused.value.detail}"
    assert len(desk.at_venue()) == 1
