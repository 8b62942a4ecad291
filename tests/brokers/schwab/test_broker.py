"""The adapter where Schwab differs: lost names, orders alike, and one streamer for everything."""

import asyncio
import time
from datetime import date
from decimal import Decimal as D

import pytest

from brokers.schwab.broker import SchwabVenue
from brokers.schwab.stream import ActivityStream
from brokers.schwab.translate import first_triggers, order_body
from brokers.venue import Known, OrderRefused, OutcomeUnknown, StreamLost, StreamRestored, Unknown
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from simulators.schwab.answers import trader_error
from simulators.schwab.session import StreamSettings
from tests.contracts.venues.base import at_desk, changed, known
from tests.contracts.venues.schwab import ENTRY
from tests.waiting import DEADLINE_S

SPY = instrument_for("SPY")


@pytest.fixture
async def desk():
    async with at_desk(ENTRY) as found:
        yield found


async def successor(desk, **options):
    """Another adapter of the same account, as after a restart."""
    venue = SchwabVenue(desk.simulated.setup({"settle_s": 0.1, "timeout_s": 2.0, **options}))
    await venue.open()
    return venue


async def test_an_answer_without_the_orders_address_is_unknown_and_the_order_is_found(desk, monkeypatch):
    desk_there = desk.simulated.simulator.broker.desk
    made = desk_there._created
    monkeypatch.setattr(desk_there, "_created", lambda key, order_id: trader_error(201, ""))
    order, since = desk.far_order(), time.time_ns()
    with pytest.raises(OutcomeUnknown, match="under which name"):
        await desk.place(order)
    monkeypatch.setattr(desk_there, "_created", made)
    found = await desk.found(order, since=since)
    assert found.venue_id == str(desk.at_venue()[0].id)


async def test_between_two_orders_alike_nothing_is_said_until_one_of_them_is_known(desk):
    first, since = desk.far_order(), time.time_ns()
    second = changed(first, client_id="r1-contract-SPY-777777")
    there = [await desk.place(each) for each in (first, second)]
    after = await successor(desk)
    answer = await after.find(first, since=since)
    assert isinstance(answer, Unknown)
    assert "2 orders" in answer.reason
    after.adopt(second.client_id, there[1].venue_id)
    assert known(await after.find(first, since=since)).venue_id == there[0].venue_id
    assert known(await after.find(second, since=since)).venue_id == there[1].venue_id
    await after.close()


async def test_somebody_elses_order_of_another_size_is_not_taken_for_ours(desk):
    since = time.time_ns()
    await desk.place(desk.far_order(quantity=11))
    await asyncio.sleep(0.5)
    assert known(await (await successor(desk)).find(desk.far_order(quantity=10), since=since)) is None


async def test_an_order_from_before_the_window_is_listed_while_it_is_open_and_when_it_ends(desk):
    old = await desk.place(desk.far_order(tif=TimeInForce.GTC))
    desk.simulated.brokerage._floor.orders[int(old.venue_id)].placed_ts -= 40 * 86_400 * 1_000_000_000
    after, since = await successor(desk), time.time_ns()
    await asyncio.sleep(0.1)
    assert [each.venue_id for each in known(await after.orders(since=since))] == [old.venue_id]
    await after.cancel(old)
    await desk.until(lambda: desk.at_venue()[0].state == "cancelled", "the cancel")
    (ended,) = known(await after.orders(since=since))
    assert ended.state is OrderState.CANCELLED
    assert known(await after.orders(since=time.time_ns() + 10_000_000_000)) == ()
    await after.close()


async def test_an_order_that_was_replaced_does_not_count_as_cancelled(desk):
    await desk.watch()
    order, since = desk.far_order(), time.time_ns()
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    lower = changed(order, limit_price=order.limit_price - 5, quantity=D(7))
    new = await desk.venue.replace(placed, lower, SPY)
    assert new.venue_id != placed.venue_id
    found = await desk.found(lower, OrderState.WORKING)
    assert (found.venue_id, found.quantity) == (new.venue_id, D(7))
    assert [each.venue_id for each in known(await desk.venue.orders(since=since))] == [new.venue_id]
    assert OrderState.CANCELLED not in {each.state for each in desk.reported}


async def test_a_replacement_that_came_too_late_leaves_the_fill_to_be_told(desk):
    desk.fault("late_fill", times=1, delay_s=0.4)
    order = desk.order(type=OrderType.LIMIT, limit_price=desk.price("SPY") + 5)
    placed = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    await asyncio.sleep(0.1)
    await desk.venue.replace(placed, changed(order, limit_price=desk.price("SPY") - 50), SPY)
    found = await desk.found(order, OrderState.FILLED)
    assert found.venue_id == placed.venue_id
    assert desk.held("SPY") == 10


async def test_a_second_adapter_of_the_login_follows_by_polling_and_says_why(desk):
    await desk.watch()
    after = await successor(desk)
    updates = after.updates()
    lost = await asyncio.wait_for(anext(updates), DEADLINE_S)
    assert isinstance(lost, StreamLost)
    assert "another connection of this login" in lost.reason
    await updates.aclose()
    await after.close()


async def test_an_account_set_to_polling_never_takes_the_streamer(desk):
    polling = await successor(desk, activity="poll")
    updates = polling.updates()
    assert isinstance(await anext(updates), StreamLost)
    waiting = asyncio.ensure_future(anext(updates))
    await desk.watch()
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await polling.close()


async def test_a_streamer_that_says_nothing_is_given_up(desk):
    simulator = desk.simulated.simulator
    simulator.stream.settings = StreamSettings(heartbeat_s=1e9)
    silent = await successor(desk)
    stream = ActivityStream(desk.simulated.setup({}), silent._client, "12345678", silence_s=0.3)
    news = stream.news()
    assert isinstance(await asyncio.wait_for(anext(news), DEADLINE_S), StreamRestored)
    assert isinstance(await asyncio.wait_for(anext(news), DEADLINE_S), StreamLost)
    await news.aclose()
    await silent.close()


async def test_another_account_of_the_login_is_not_ours_to_tell(desk):
    await desk.watch()
    desk.simulated.simulator.stream.account_activity(
        "99999999", "OrderCreated", '{"SchwabOrderID":"1","AccountNumber":"99999999"}'
    )
    desk.simulated.simulator.stream.account_activity("12345678", "", "Feature not supported")
    await desk.place(desk.order())
    await desk.until(lambda: bool(desk.fills), "our own fill")
    assert desk.line == ["up"]


async def test_a_rejected_sale_says_why_in_plain_words(desk):
    with pytest.raises(OrderRefused, match="does not hold what this order would close"):
        await desk.place(desk.order(Side.SELL, 5, intent=OrderIntent.EXIT))
    assert desk.at_venue() == []


async def test_an_order_named_by_the_stream_that_cannot_be_read_begins_the_line_anew(desk):
    await desk.watch()
    desk.fault("server_error", actions=("query",), times=2)
    await desk.place(desk.order())
    await desk.until(lambda: desk.line[-2:] == ["down", "up"], "a new line")
    lost = next(each for each in desk.news if isinstance(each, StreamLost))
    assert "cannot be read" in lost.reason


async def test_a_list_that_is_cut_off_is_unknown(desk, monkeypatch):
    monkeypatch.setattr("brokers.schwab.lists._MAX_RESULTS", 2)
    for _ in range(2):
        await desk.place(desk.far_order())
    answer = await desk.venue.orders(since=time.time_ns())
    assert isinstance(answer, Unknown)
    assert "cut off" in answer.reason


async def test_what_paper_would_have_sent_needs_no_login(desk):
    venue = SchwabVenue(desk.simulated.setup({})._replace(account_number="PAPER"))
    request = venue.request_for(desk.far_order(), SPY)
    assert request.path == "/trader/v1/accounts/PAPER/orders"
    assert isinstance(await desk.venue.positions(), Known)


async def test_a_bracket_of_ours_is_taken_as_a_group_and_told_apart_again(desk):
    entry = desk.order(quantity=3)
    exits = [
        desk.far_order(Side.SELL, 3, intent=OrderIntent.EXIT, tif=TimeInForce.GTC),
        desk.order(
            Side.SELL, 3, type=OrderType.STOP, stop_price=desk.price("SPY", D("0.8")), intent=OrderIntent.EXIT,
            tif=TimeInForce.GTC,
        ),
    ]  # fmt: skip
    group = first_triggers(_body(entry), [_body(each) for each in exits])
    await desk.venue._client.send("POST", f"/trader/v1/accounts/{desk.venue._key}/orders", body=group)
    await desk.until(lambda: desk.held("SPY") == 3, "the entry")
    orders = known(await desk.venue.orders(since=time.time_ns() - 60_000_000_000))
    assert len({each.group for each in orders}) == 1
    assert {each.type for each in orders} == {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP}
    (stop,) = [each for each in orders if each.type is OrderType.STOP]
    await desk.venue.cancel(stop)
    await desk.until(lambda: {each.state for each in desk.at_venue()} == {"filled", "cancelled"}, "both exits' end")


def _body(order):
    return order_body(order, SPY, day=date(2026, 11, 20))


async def test_one_round_of_questions_takes_two_requests_and_an_answer_is_shared_once(desk):
    await desk.place_filled(desk.order())
    since = time.time_ns() - 60_000_000_000
    await desk.venue.orders(since=since)  # looks for old ones, too
    simulator = desk.simulated.simulator
    before = simulator.attempts
    orders = await desk.venue.orders(since=since)
    fills = await desk.venue.fills(since=since)
    held = await desk.venue.positions()
    money = await desk.venue.balances()
    assert simulator.attempts - before == 2
    assert (orders.ts, held.ts) == (fills.ts, money.ts)
    assert len(known(fills)) == 1
    await desk.place_filled(desk.order(quantity=3))
    assert len(known(await desk.venue.fills(since=since))) == 2
    assert known(await desk.venue.balances()).cash < known(money).cash
