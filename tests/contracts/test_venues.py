"""What every venue's adapter promises, tried against its simulator on real sockets, with everything that goes wrong."""

import asyncio
import time
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from brokers.adapters import VENUES
from brokers.registry import FEATURES
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, RateLimited, VenueOrder
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import NS_PER_S
from tests.contracts.venues import ENTRIES, every_venue, promising
from tests.contracts.venues.base import (
    TIMEOUT_S,
    Desk,
    ask_until_known,
    changed,
    is_unknown,
    known,
)

BUY, SELL = Side.BUY, Side.SELL
pytestmark = pytest.mark.timeout(90)


async def cannot_place(desk: Desk, order: Order) -> OrderRefused:
    with pytest.raises(OrderRefused) as refused:
        await desk.place(order)
    return refused.value


def test_every_adapter_is_under_contract():
    assert {entry.name for entry in ENTRIES} == set(FEATURES)


# ---- placing -----------------------------------------------------------------------------------------------


@every_venue
async def test_an_order_is_placed_filled_and_told(desk):
    await desk.watch()
    order = desk.order()
    placed = await desk.place(order)
    assert placed.venue_id
    assert (placed.symbol, placed.side, placed.quantity, placed.type) == ("SPY", BUY, D(10), OrderType.MARKET)
    await desk.until(lambda: any(each.state is OrderState.FILLED for each in desk.reported), "fill on the stream")
    found = await desk.found(order, OrderState.FILLED)
    assert (found.filled_quantity, found.venue_id) == (D(10), placed.venue_id)
    truth = desk.at_venue()[0]
    assert found.average_price == truth.average_price
    assert sum(fill.quantity for fill in desk.told_fills(found).values()) == 10
    (position,) = known(await desk.venue.positions())
    assert (position.symbol, position.quantity) == ("SPY", D(10))
    assert position.average_price == truth.average_price


@every_venue
async def test_what_is_sent_is_what_was_shown_before(desk):
    order = desk.far_order()
    request = desk.venue.request_for(order, instrument_for("SPY"))
    assert request == desk.venue.request_for(order, instrument_for("SPY"))
    assert msgspec.json.decode(msgspec.json.encode(request.body)) == request.body
    assert desk.at_venue() == []
    await desk.place(order)
    (there,) = desk.at_venue()
    assert (there.ticket.side, there.quantity, there.ticket.limit_price) == (BUY, D(10), order.limit_price)


@every_venue
async def test_our_name_stays_with_the_order_where_the_venue_keeps_it(desk):
    order = desk.far_order()
    placed = await desk.place(order)
    expected = order.client_id if desk.venue.features.client_order_ids else ""
    assert placed.client_id == expected
    assert (await desk.found(order)).client_id == expected


@every_venue
async def test_every_order_type_and_time_that_the_table_lists_is_taken(desk):
    features = desk.venue.features
    await desk.place_filled(desk.order(quantity=60))
    below, above = desk.price("SPY", D("0.8")), desk.price("SPY", D("1.25"))
    prices: dict[OrderType, dict[str, Any]] = {
        OrderType.MARKET: {},
        OrderType.LIMIT: {"limit_price": above},
        OrderType.STOP: {"stop_price": below},
        OrderType.STOP_LIMIT: {"stop_price": below, "limit_price": below - 1},
        OrderType.TRAILING_STOP: {"trail": D(90)},
    }
    for kind in features.order_types:
        order = desk.order(SELL, 1, type=kind, intent=OrderIntent.ADJUST, **prices[kind])
        there = await (desk.place_filled if kind is OrderType.MARKET else desk.place)(order)
        assert there.type is kind, kind
    for tif in features.time_in_force:
        await desk.place(desk.far_order(SELL, 1, tif=tif, intent=OrderIntent.ADJUST))
    assert len(desk.at_venue()) == 1 + len(features.order_types) + len(features.time_in_force)


@every_venue
async def test_what_the_venue_cannot_take_is_refused_before_it_is_sent(desk):
    features = desk.venue.features
    assert (await cannot_place(desk, desk.order(quantity="0.12345678901"))).field == "quantity"
    for kind in set(OrderType) - features.order_types:
        refused = await cannot_place(desk, desk.order(type=kind, stop_price=D(1), limit_price=D(1), trail=D(1)))
        assert refused.field == "type"
    for tif in set(TimeInForce) - features.time_in_force:
        assert (await cannot_place(desk, desk.far_order(tif=tif))).field == "tif"
    assert (await cannot_place(desk, desk.order(type=OrderType.LIMIT))).field == "limit_price"
    assert desk.at_venue() == []


@every_venue
async def test_partial_fills_are_told_one_by_one_and_add_up(desk):
    await desk.watch()
    desk.fault("partial_fills", times=2)
    order = desk.order(quantity=30)
    await desk.place(order)
    found = await desk.found(order, OrderState.FILLED)
    await desk.until(lambda: sum(f.quantity for f in desk.told_fills(found).values()) == 30, "all fills on the stream")
    truth = desk.at_venue()[0].fills
    told = desk.told_fills(found).values()
    assert len(truth) > 1
    assert sorted((f.quantity, f.price) for f in told) == sorted((f.quantity, f.price) for f in truth)
    fills = known(await desk.venue.fills(since=time.time_ns() - 60 * NS_PER_S))
    assert {fill.fill_id for fill in fills} == {fill.fill_id for fill in told}


@every_venue
async def test_a_partly_filled_order_says_so(desk):
    desk.fault("partial_fills", times=1)
    order = desk.order(quantity=30)
    await desk.place(order)
    await desk.until(lambda: bool(desk.at_venue()[0].fills), "first fill")
    desk.fault("no_fills")
    found = await desk.found(order)
    if desk.at_venue()[0].remaining:  # the rest may have traded between the two
        assert found.state is OrderState.PARTIALLY_FILLED
        assert 0 < found.filled_quantity < 30


@every_venue
async def test_a_sale_and_a_short_position_have_their_sign(desk):
    await desk.place_filled(desk.order(SELL, 4))
    (position,) = known(await desk.venue.positions())
    assert position.quantity == -4
    fills = known(await desk.venue.fills(since=time.time_ns() - 60 * NS_PER_S))
    assert {fill.side for fill in fills} == {SELL}
    await desk.place_filled(desk.order(BUY, 4, intent=OrderIntent.EXIT))
    assert known(await desk.venue.positions()) == ()


@every_venue
async def test_money_is_told(desk):
    before = known(await desk.venue.balances())
    assert before.cash == D(100_000)
    assert before.net_liquidation == D(100_000)
    assert before.buying_power is not None
    assert before.buying_power > 0
    await desk.place_filled(desk.order())
    after = known(await desk.venue.balances())
    assert after.cash != before.cash
    assert abs(after.net_liquidation - before.net_liquidation) < 100


# ---- other instruments -------------------------------------------------------------------------------------


@promising(asset_class=AssetClass.FUTURE)
async def test_a_future_reverses_with_one_order(desk):
    await desk.place_filled(desk.order(BUY, 2, "/MES"))
    assert known(await desk.venue.positions())[0].symbol == "/MES"
    order = desk.order(SELL, 4, "/MES", intent=OrderIntent.REVERSAL)
    await desk.place_filled(order)
    (position,) = known(await desk.venue.positions())
    assert (position.symbol, position.quantity) == ("/MES", D(-2))
    assert len(desk.at_venue()) == 2


@promising("options by hand", asset_class=AssetClass.OPTION)
async def test_an_option_is_bought_and_closed(desk):
    day = time.strftime("%y%m%d", time.gmtime(time.time() + 3 * 86_400))
    symbol = f"SPXW  {day}C{int(desk.price('SPY')) * 10 // 5 * 5 * 1000:08d}"
    await desk.place_filled(desk.order(BUY, 1, symbol))
    (position,) = known(await desk.venue.positions())
    assert (position.symbol, position.quantity) == (symbol, D(1))
    await desk.place_filled(desk.order(SELL, 1, symbol, intent=OrderIntent.EXIT))
    assert known(await desk.venue.positions()) == ()


@every_venue
async def test_shares_are_not_reversed_in_one_order_where_the_table_says_so(desk):
    if AssetClass.EQUITY not in desk.venue.features.linked_reversal:
        pytest.skip("this venue reverses shares with one order")
    await desk.place_filled(desk.order(BUY, 5))
    refused = await cannot_place(desk, desk.order(SELL, 10, intent=OrderIntent.REVERSAL))
    assert refused.field == "intent"
    assert len(desk.at_venue()) == 1


# ---- saying no ---------------------------------------------------------------------------------------------


@promising("codes of its own")
async def test_a_refusal_has_the_venues_code_and_nothing_is_there(desk):
    desk.fault("reject:no_such_luck", times=1)
    order = desk.order()
    refused = await cannot_place(desk, order)
    assert not isinstance(refused, RateLimited | NotAuthorized)
    assert "no_such_luck" in f"{refused.venue_code} {refused.detail}"
    assert desk.at_venue() == []
    await desk.place(order)
    assert len(desk.at_venue()) == 1


@every_venue
async def test_too_little_money_is_told_in_plain_words(desk):
    refused = await cannot_place(desk, desk.order(quantity=90_000))
    assert "buying power" in refused.detail.lower()


@promising("a line")
async def test_an_order_rejected_after_it_was_taken_is_told(desk):
    await desk.watch()
    desk.fault("reject_late:bad_luck", times=1)
    order = desk.order()
    await desk.place(order)
    found = await desk.found(order, OrderState.REJECTED)
    assert found.reason
    await desk.until(lambda: any(each.state is OrderState.REJECTED for each in desk.reported), "rejection")
    assert known(await desk.venue.positions()) == ()


# ---- cancelling and replacing ------------------------------------------------------------------------------


@every_venue
async def test_a_cancel_is_asked_for_and_then_told(desk):
    await desk.watch()
    order = desk.far_order()
    placed = await desk.place(order)
    await desk.venue.cancel(placed)
    assert (await desk.found(order, OrderState.CANCELLED)).filled_quantity == 0
    await desk.until(lambda: any(each.state is OrderState.CANCELLED for each in desk.reported), "cancel on the stream")


@every_venue
async def test_what_is_over_cannot_be_cancelled(desk):
    filled = await desk.place_filled(desk.order())
    with pytest.raises(OrderRefused):
        await desk.venue.cancel(filled)


@promising("replace")
async def test_a_replaced_order_is_one_order_at_another_price(desk):
    await desk.watch()
    order = desk.far_order()
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    new = changed(order, limit_price=order.limit_price - 5)
    answer = await desk.venue.replace(placed, new, instrument_for("SPY"))
    assert answer.limit_price == new.limit_price
    found = await desk.found(new, OrderState.WORKING)
    await desk.until(
        lambda: any(o.state is OrderState.WORKING and o.limit_price == new.limit_price for o in desk.reported),
        "the new price on the stream",
    )
    assert (found.limit_price, found.client_id) == (new.limit_price, placed.client_id)
    open_orders = [each for each in known(await desk.venue.orders(since=0)) if not each.state.is_final]
    assert [each.limit_price for each in open_orders] == [new.limit_price]
    assert OrderState.CANCELLED not in {each.state for each in desk.reported if each.client_id == order.client_id != ""}
    await desk.venue.cancel(found)
    await desk.found(new, OrderState.CANCELLED)


@promising("replace")
async def test_a_replacement_that_is_refused_leaves_the_old_order(desk):
    order = desk.far_order()
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    with pytest.raises(OrderRefused):
        await desk.venue.replace(placed, changed(order, limit_price=D(-1)), instrument_for("SPY"))
    found = await desk.found(order, OrderState.WORKING)
    assert found.limit_price == order.limit_price


@promising("replace")
async def test_what_is_over_cannot_be_replaced(desk):
    order = desk.order()
    filled = await desk.place_filled(order)
    later = changed(order, type=OrderType.LIMIT, limit_price=desk.price("SPY"))
    with pytest.raises(OrderRefused):
        await desk.venue.replace(filled, later, instrument_for("SPY"))
    assert [each.symbol for each in desk.at_venue()] == ["SPY"]


# ---- answers that do not come ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_answer", "server_error_after", "late_answer"])
@promising("a line")
async def test_an_order_that_was_taken_without_an_answer_is_found_and_is_one(desk, fault):
    desk.fault(fault, times=1, actions=("place",), delay_s=1e6 if fault == "late_answer" else 1.0)
    order, since = desk.far_order(), time.time_ns()
    with pytest.raises(OutcomeUnknown):
        await asyncio.wait_for(desk.place(order), TIMEOUT_S + 10)
    found = await desk.found(order, since=since)
    assert (found.quantity, found.limit_price) == (D(10), order.limit_price)
    assert len(desk.at_venue()) == 1


@pytest.mark.parametrize("fault", ["drop_request", "server_error"])
@promising("a line")
async def test_an_order_that_never_came_is_known_not_to_be_there(desk, fault):
    desk.fault(fault, times=1, actions=("place",))
    order, since = desk.far_order(), time.time_ns()
    with pytest.raises(OutcomeUnknown):
        await desk.place(order)
    assert await ask_until_known(lambda: desk.venue.find(order, since=since)) is None
    assert desk.at_venue() == []


@promising("a line")
async def test_nothing_is_sent_again_by_itself(desk):
    desk.fault("drop_answer", times=3, actions=("place",))
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            await desk.place(desk.far_order())
    assert len(desk.at_venue()) == 3


@promising("a line")
async def test_two_orders_alike_are_told_apart_or_nothing_is_said(desk):
    first, since = desk.far_order(), time.time_ns()
    second = changed(first, client_id="r1-contract-SPY-999999")
    await desk.place(first)
    desk.fault("drop_request", times=1, actions=("place",))
    with pytest.raises(OutcomeUnknown):
        await desk.place(second)
    if desk.venue.features.client_order_ids:
        assert await ask_until_known(lambda: desk.venue.find(second, since=since)) is None
    else:
        found = await desk.venue.find(second, since=since)
        assert is_unknown(found) or known(found).venue_id


@promising("a line")
async def test_a_cancel_without_an_answer_is_unknown_and_the_order_tells(desk):
    order = desk.far_order()
    placed = await desk.place(order)
    desk.fault("drop_answer", times=1, actions=("cancel",))
    with pytest.raises(OutcomeUnknown):
        await desk.venue.cancel(placed)
    await desk.found(order, OrderState.CANCELLED)


# ---- limits and logins -------------------------------------------------------------------------------------


@promising("throttle")
async def test_a_venue_that_is_busy_says_when_to_come_back(desk):
    desk.fault("throttle", times=1, actions=("place",))
    order = desk.order()
    with pytest.raises(RateLimited) as limited:
        await desk.place(order)
    assert limited.value.retry_after_s >= 1.0
    assert desk.at_venue() == []
    await desk.place(order)
    assert len(desk.at_venue()) == 1


@promising("login")
async def test_a_login_that_ended_is_renewed_and_the_order_goes_once(desk):
    desk.simulated.expire_tokens()
    await desk.place(desk.far_order())
    assert len(desk.at_venue()) == 1


@promising("login")
async def test_a_login_that_is_not_accepted_any_more_asks_for_a_person(desk):
    desk.fault("unauthorized", actions=("place", "query"))
    with pytest.raises(NotAuthorized):
        await desk.place(desk.order())
    assert is_unknown(await desk.venue.positions())
    assert desk.at_venue() == []


@promising("other hands")
async def test_another_persons_account_cannot_be_opened(entry, desk):
    setup = desk.simulated.setup({"settle_s": 0.1, "timeout_s": TIMEOUT_S})
    wrong = VENUES[entry.name].make(setup._replace(account_number="5WT99999"))
    with pytest.raises((NotAuthorized, OutcomeUnknown)):
        await wrong.open()
    await wrong.close()


# ---- knowing and not knowing -------------------------------------------------------------------------------


@every_venue
async def test_an_empty_account_is_confirmed_to_be_empty(desk):
    since = time.time_ns()
    assert known(await desk.venue.positions()) == ()
    assert known(await desk.venue.orders(since=since)) == ()
    assert known(await desk.venue.fills(since=since)) == ()


@promising("a line")
async def test_a_venue_that_is_down_is_unknown_and_never_empty_and_comes_back_as_it_was(desk):
    await desk.watch()
    order = desk.far_order()
    await desk.place_filled(desk.order())
    await desk.place(order)
    desk.fault("restart", for_s=1.0)
    await desk.until(lambda: "down" in desk.line, "loss of the stream")
    since = time.time_ns() - 60 * NS_PER_S
    for answer in (
        await desk.venue.positions(),
        await desk.venue.orders(since=since),
        await desk.venue.fills(since=since),
        await desk.venue.find(order, since=since),
        await desk.venue.balances(),
    ):
        assert is_unknown(answer)
    await desk.until(lambda: desk.line[-1] == "up", "return of the stream")
    (position,) = await ask_until_known(desk.venue.positions)
    assert position.quantity == 10
    orders = await ask_until_known(lambda: desk.venue.orders(since=since))
    assert sorted(each.state for each in orders) == sorted([OrderState.FILLED, OrderState.WORKING])
    await desk.place_filled(desk.order(quantity=1))
    assert len(desk.at_venue()) == 3


@promising("a line for orders beside the stream")
async def test_what_happened_while_the_stream_was_down_is_there_to_be_asked(desk):
    await desk.watch()
    since = time.time_ns()
    desk.fault("cut_stream", for_s=0.8)
    await desk.until(lambda: desk.line[-1] == "down", "loss of the stream")
    order = desk.order()
    await desk.place_filled(order)
    await desk.until(lambda: desk.line[-1] == "up", "return of the stream")
    assert desk.line == ["up", "down", "up"]
    fills = known(await desk.venue.fills(since=since))
    assert sum(fill.quantity for fill in fills) == 10
    await desk.place(desk.order(quantity=3))
    await desk.until(lambda: any(fill.quantity == 3 for fill in desk.fills), "fill after the return")


@every_venue
async def test_executions_have_one_name_however_often_and_wherever_they_are_told(desk):
    await desk.watch()
    desk.fault("duplicate_fill")
    desk.fault("duplicate_events")
    order = desk.order()
    await desk.place(order)
    found = await desk.found(order, OrderState.FILLED)
    await desk.until(lambda: bool(desk.told_fills(found)), "fill on the stream")
    await asyncio.sleep(0.1)  # whatever else comes may come
    listed = known(await desk.venue.fills(since=time.time_ns() - 60 * NS_PER_S))
    assert {fill.fill_id for fill in desk.fills} == {fill.fill_id for fill in listed}
    assert len(listed) == 1
    assert desk.held("SPY") == 10


@promising("a line")
async def test_a_fill_that_comes_after_the_cancel_is_told(desk):
    await desk.watch()
    desk.fault("late_fill", times=1, delay_s=0.6)
    order = desk.order()
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    await asyncio.sleep(0.1)
    await desk.venue.cancel(placed)
    await desk.found(order, OrderState.CANCELLED)
    await desk.until(lambda: sum(fill.quantity for fill in desk.fills) == 10, "late fill")
    (position,) = known(await desk.venue.positions())
    assert position.quantity == 10


@promising("other hands")
async def test_a_trade_by_hand_is_told_and_carries_no_name_of_ours(desk):
    await desk.watch()
    since = time.time_ns()
    desk.trade_by_hand("SPY", BUY, 7)
    await desk.until(lambda: any(fill.quantity == 7 for fill in desk.fills), "somebody else's fill")
    assert {fill.client_id for fill in desk.fills} == {""}
    (order,) = [each for each in known(await desk.venue.orders(since=since)) if each.filled_quantity]
    assert (order.client_id, order.quantity) == ("", D(7))
    assert known(await desk.venue.positions())[0].quantity == 7


@every_venue
async def test_what_ended_before_is_not_told_again(desk):
    await desk.place_filled(desk.order())
    await asyncio.sleep(2.2)  # clocks are compared to two seconds
    since = time.time_ns()
    later = desk.far_order()
    await desk.place(later)
    assert [each.limit_price for each in known(await desk.venue.orders(since=since))] == [later.limit_price]
    assert known(await desk.venue.fills(since=since)) == ()


@promising("a clock of its own")
async def test_a_venue_whose_clock_is_wrong_is_understood(desk):
    desk.fault("clock_skew", delay_s=-240)
    since = time.time_ns()
    order = desk.order()
    await desk.place(order)
    await desk.found(order, OrderState.FILLED, since=since)
    assert len(known(await desk.venue.fills(since=since))) == 1


@every_venue
async def test_a_new_process_finds_what_the_old_one_left(desk):
    since = time.time_ns() - 60 * NS_PER_S
    await desk.place_filled(desk.order())
    order = desk.far_order()
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    before = {fill.fill_id for fill in known(await desk.venue.fills(since=since))}
    await desk.restart()
    (position,) = await ask_until_known(desk.venue.positions)
    assert (position.symbol, position.quantity) == ("SPY", D(10))
    assert {fill.fill_id for fill in await ask_until_known(lambda: desk.venue.fills(since=since))} == before
    found = await desk.found(order, OrderState.WORKING)
    assert (found.venue_id, found.limit_price) == (placed.venue_id, order.limit_price)
    await desk.venue.cancel(found)
    await desk.found(order, OrderState.CANCELLED)
    assert [each.state.is_final for each in desk.at_venue()] == [True, True]
    assert desk.held("SPY") == 10


@every_venue
async def test_many_requests_at_once_do_not_disturb_each_other(desk):
    orders = [desk.far_order(quantity=n) for n in range(1, 9)]
    placed: list[VenueOrder] = list(await asyncio.gather(*(desk.place(order) for order in orders)))
    assert [each.quantity for each in placed] == [D(n) for n in range(1, 9)]
    assert len({each.venue_id for each in placed}) == 8
    await asyncio.gather(*(desk.venue.cancel(each) for each in placed))
    await asyncio.gather(*(desk.found(order, OrderState.CANCELLED) for order in orders))


@every_venue
async def test_a_day_that_is_cut_short_ends_the_orders_of_the_day_and_leaves_the_others(desk):
    await desk.watch()
    await desk.place_filled(desk.order())
    of_the_day = desk.far_order(SELL, 4, intent=OrderIntent.EXIT)
    until_cancelled = desk.far_order(SELL, 6, intent=OrderIntent.EXIT, tif=TimeInForce.GTC)
    for order in (of_the_day, until_cancelled):
        await desk.place(order)
        await desk.found(order, OrderState.WORKING)
    desk.fault("half_day")
    ended = (OrderState.EXPIRED, OrderState.CANCELLED)  # Interactive Brokers has one word for both
    assert (await desk.found(of_the_day, *ended)).filled_quantity == 0
    await desk.until(lambda: any(each.state in ended for each in desk.reported), "its end on the stream")
    assert (await desk.found(until_cancelled)).state is OrderState.WORKING
