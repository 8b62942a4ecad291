"""What only Interactive Brokers' gateway does: one line for everything, client ids, and no day but today."""

import asyncio
import time
from contextlib import asynccontextmanager
from decimal import Decimal as D
from functools import partial
from typing import Any

import pytest

from brokers.adapters import VENUES
from brokers.connections import setup_of
from brokers.ibkr import codec
from brokers.ibkr import line as ibkr_line
from brokers.models import BrokerAccount
from brokers.venue import (
    NotAuthorized,
    OrderRefused,
    OutcomeUnknown,
    PairsExits,
    RateLimited,
    StreamLost,
    StreamRestored,
    VenueOrder,
    VenueSetup,
    VenueUnreachable,
)
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.time import NS_PER_DAY, NS_PER_S
from simulators.brokerage import floor
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.orders import State, Ticket
from simulators.faults import FaultScript
from simulators.ibkr import messages
from simulators.ibkr.serve import IbkrConfig, serve
from simulators.ibkr.wire import Tell, frame
from simulators.market import MarketConfig
from tests.contracts.venues import ibkr
from tests.contracts.venues.base import Desk, ask_until_known, at_desk, changed, is_unknown, known, make_venue
from tests.waiting import DEADLINE_S

SPY = instrument_for("SPY")


@pytest.fixture
async def desk():
    async with at_desk(ibkr.ENTRY) as found:
        yield found


@asynccontextmanager
async def beside(desk: Desk, **options):
    """Another adapter at the same gateway."""
    venue = make_venue(ibkr.ENTRY, desk.simulated, {"client_id": 2, **options})
    other = Desk(venue, desk.simulated)
    await venue.open()
    try:
        yield other
    finally:
        await other.close()


# ---- one connection, and the number it has --------------------------------------------------------------------


async def test_a_client_id_that_another_program_uses_is_told_and_taken_when_it_is_free(desk):
    with pytest.raises(OutcomeUnknown, match="client id is in use"):
        async with beside(desk, client_id=1):
            pass
    await desk.venue.close()
    async with beside(desk, client_id=1) as other:
        await other.place_filled(other.order())


async def test_another_programs_order_is_seen_and_not_touched(desk):
    placed = await desk.place(desk.far_order())
    async with beside(desk) as other:
        (seen,) = known(await other.venue.orders(since=0))
        assert (seen.venue_id, seen.client_id) == (placed.venue_id, placed.client_id)
        with pytest.raises(OrderRefused) as refused:
            await other.venue.cancel(seen)
        assert refused.value.venue_code == "10147"
        with pytest.raises(OrderRefused):
            await other.venue.replace(seen, changed(desk.far_order(), limit_price=D(100)), SPY)
    assert not desk.at_venue()[0].state.is_final


async def test_in_an_emergency_everything_is_cancelled_whoever_placed_it(desk):
    await desk.place(desk.far_order())
    desk.simulated.brokerage.place(
        desk.simulated.account,
        Ticket(symbol="QQQ", side=Side.BUY, quantity=D(1), type=OrderType.LIMIT, limit_price=D(100), payload={}),
    )
    async with beside(desk, client_id=911, emergency=True) as panic:
        for order in known(await panic.venue.orders(since=0)):
            await panic.venue.cancel(order)
        await desk.until(lambda: all(order.state.is_final for order in desk.at_venue()), "end of both")


async def test_a_successor_takes_over_the_orders_of_its_number(desk):
    order = desk.far_order()
    await desk.place(order)
    await desk.venue.close()
    async with beside(desk, client_id=1) as successor:
        found = await successor.found(order, OrderState.WORKING)
        new = changed(order, limit_price=order.limit_price - 5)
        assert (await successor.venue.replace(found, new, SPY)).limit_price == new.limit_price
        await successor.venue.cancel(found)
        await successor.found(order, OrderState.CANCELLED)
        await successor.place_filled(changed(desk.order(), client_id="r2-contract-SPY-000001"))
    assert len(desk.at_venue()) == 3  # the first, its change, and the new one


async def test_of_several_accounts_only_ours_is_seen():
    accounts = (AccountSetup("DU1"), AccountSetup("DU2", cash=D(5_000)))
    market = MarketConfig(seed=5, always_open=True, tick_rate=20.0)
    async with await serve(IbkrConfig(market=market, accounts=accounts)) as simulator:
        options = {"gateway": simulator.gateway_address}

        async def no_login() -> str:
            raise NotAuthorized("none")

        unnamed = VENUES["ibkr"].make(VenueSetup("a", "", "", "", no_login, options))
        with pytest.raises(NotAuthorized, match="DU1, DU2"):
            await unnamed.open()
        await unnamed.close()
        venue = VENUES["ibkr"].make(VenueSetup("a", "DU2", "", "", no_login, options))
        await venue.open()
        simulator.brokerage.place("DU1", Ticket(symbol="SPY", side=Side.BUY, quantity=D(3), payload={}))
        async with asyncio.timeout(DEADLINE_S):
            while not simulator.brokerage.executions("DU1"):
                await asyncio.sleep(0.01)
        assert known(await venue.positions()) == ()
        assert known(await venue.orders(since=0)) == ()
        assert known(await venue.fills(since=0)) == ()
        assert known(await venue.balances()).cash == D(5_000)
        await venue.close()


def test_the_gateway_is_the_accounts_own_or_that_of_the_settings(settings):
    settings.VENUES = {**settings.VENUES, "ibkr": {"gateway": "gw:4001"}}
    plain = BrokerAccount(name="ib", broker="ibkr", mode="live", account_number="U1", client_id=4)
    assert setup_of(plain).options == {"gateway": "gw:4001", "client_id": 4}
    own = BrokerAccount(name="ib", broker="ibkr", mode="live", account_number="U1", client_id=0, host="h", port=7496)
    assert setup_of(own).options == {"gateway": "gw:4001", "host": "h", "port": 7496, "client_id": 0}


# ---- the line --------------------------------------------------------------------------------------------------


async def test_what_happened_while_the_line_was_down_is_there_to_be_asked():
    async with at_desk(ibkr.ENTRY, timeout_s=0.6) as desk:
        await desk.watch()
        since = time.time_ns()
        desk.fault("cut_stream", for_s=0.8)
        await desk.until(lambda: desk.line[-1] == "down", "loss of the line")
        desk.trade_by_hand("SPY", Side.BUY, 7)
        assert is_unknown(await desk.venue.orders(since=since))
        with pytest.raises(VenueUnreachable):  # it waits for a new line, but not for long
            await desk.place(desk.order())
        await desk.until(lambda: desk.line[-1] == "up", "return of the line")
        fills = await ask_until_known(lambda: desk.venue.fills(since=since))
        assert [fill.quantity for fill in fills] == [7]
        await desk.place_filled(desk.order(quantity=3))
        await desk.until(lambda: any(fill.quantity == 3 for fill in desk.fills), "fill after the return")


async def test_a_gateway_that_lost_the_venue_behind_it_gets_no_order_and_is_believed_nothing(desk):
    await desk.watch()
    order = desk.far_order()
    await desk.place(order)
    desk.fault("upstream_lost", for_s=0.7)
    await desk.until(lambda: desk.line == ["up", "down"], "loss of the venue")
    assert "Connectivity" in next(each.reason for each in desk.news if isinstance(each, StreamLost))
    with pytest.raises(VenueUnreachable):
        await desk.place(desk.order())
    assert is_unknown(await desk.venue.find(order, since=time.time_ns()))
    assert is_unknown(await desk.venue.positions())
    await desk.until(lambda: desk.line == ["up", "down", "up"], "return of the venue")
    await desk.found(order, OrderState.WORKING)
    assert len(desk.at_venue()) == 1


async def test_a_gateway_that_says_nothing_any_more_is_noticed_and_left():
    async with at_desk(ibkr.ENTRY, timeout_s=0.4, heartbeat_s=0.2) as desk:
        await desk.watch()
        simulated = desk.simulated
        assert isinstance(simulated, ibkr.Running)
        simulated.simulator.faults.add(FaultScript("mute", for_s=0.8))
        await desk.until(lambda: "down" in desk.line, "loss of the line")
        await desk.until(lambda: desk.line[-1] == "up", "return of the line")
        await desk.place_filled(desk.order())


async def test_heartbeats_and_questions_do_not_take_each_others_answers():
    async with at_desk(ibkr.ENTRY, timeout_s=0.5, heartbeat_s=0.01) as desk:  # more than the pace lets through
        await desk.watch()
        for _ in range(2):
            answers = await asyncio.gather(desk.venue.positions(), desk.venue.orders(since=0), desk.venue.balances())
            assert [known(each) for each in answers[:2]] == [(), ()]
        assert desk.line == ["up"]


async def test_a_gateway_that_is_not_there_is_told_and_waited_for():
    async with ibkr.start() as simulated:
        port = simulated.simulator.gateway_port
    venue = make_venue(ibkr.ENTRY, simulated, {"gateway": f"127.0.0.1:{port}"})
    with pytest.raises(VenueUnreachable, match="cannot be reached"):
        await venue.open()
    updates = venue.updates()
    first = await asyncio.wait_for(anext(updates), DEADLINE_S)
    assert isinstance(first, StreamLost)
    simulated.simulator.config = IbkrConfig(market=MarketConfig(seed=5, always_open=True), gateway_port=port)
    async with await serve(simulated.simulator.config):
        assert isinstance(await asyncio.wait_for(anext(updates), DEADLINE_S), StreamRestored)
        assert known(await venue.positions()) == ()
    await venue.close()


async def test_a_message_that_cannot_be_read_makes_a_list_unknown(desk, monkeypatch):
    order = desk.far_order()
    await desk.place(order)
    whole = messages.open_order
    monkeypatch.setattr(messages, "open_order", lambda *given: frame(Tell.OPEN_ORDER, "no order at all"))
    for answer in (await desk.venue.orders(since=0), await desk.venue.find(order, since=0)):
        assert is_unknown(answer)
    monkeypatch.setattr(messages, "open_order", whole)
    await desk.found(order, OrderState.WORKING)


# ---- orders ----------------------------------------------------------------------------------------------------


async def test_a_read_only_gateway_says_where_the_switch_is(desk):
    desk.fault("unauthorized", times=1, actions=("place",))
    with pytest.raises(NotAuthorized, match="Read-Only API"):
        await desk.place(desk.order())
    assert desk.at_venue() == []


async def test_a_gateway_that_is_too_busy_names_no_order_so_it_is_asked_about(desk):
    desk.fault("throttle", times=1, actions=("place",))
    order, since = desk.far_order(), time.time_ns()
    with pytest.raises(OutcomeUnknown, match="dropped a message"):
        await desk.place(order)
    assert await ask_until_known(lambda: desk.venue.find(order, since=since)) is None
    await desk.place(order)
    assert len(desk.at_venue()) == 1


async def test_many_orders_at_once_keep_to_the_gateways_pace():
    async with at_desk(ibkr.ENTRY, timeout_s=10.0) as desk:
        orders = [desk.far_order(quantity=1) for _ in range(60)]
        await asyncio.gather(*(desk.place(order) for order in orders))
        assert len(desk.at_venue()) == 60


async def test_an_order_that_waited_too_long_for_its_turn_is_not_sent_later(monkeypatch):
    monkeypatch.setattr(codec, "PER_SECOND", 3)
    monkeypatch.setattr(codec, "SECOND", 1.2)
    async with at_desk(ibkr.ENTRY, timeout_s=1.8) as desk:
        await asyncio.sleep(1.2)  # what opening took of the pace is over
        placing = [asyncio.create_task(desk.place(desk.far_order())) for _ in range(9)]
        await desk.until(lambda: len(desk.at_venue()) == 3, "the first second's orders")
        placing[5].cancel()
        ended = await asyncio.gather(*placing, return_exceptions=True)
        assert [type(each) for each in ended[5:]] == [asyncio.CancelledError, VenueOrder, RateLimited, RateLimited]
        await asyncio.sleep(1.2)
        assert len(desk.at_venue()) == 6


async def test_an_order_of_yesterday_that_is_not_listed_does_not_work_any_more(desk):
    order = desk.order()
    assert known(await desk.venue.find(order, since=time.time_ns() - NS_PER_DAY)) is None
    assert is_unknown(await desk.venue.find(order, since=time.time_ns())), "it may still be on its way"


async def test_an_order_of_which_only_executions_are_listed_is_what_they_say(desk, monkeypatch):
    order = desk.order(quantity=20)
    await desk.place_filled(order)
    larger = changed(order, quantity=D(30))  # of which the twenty are a part
    monkeypatch.setattr(messages, "completed_order", lambda standing, contract: b"")
    async with beside(desk) as other:
        now = time.time_ns()
        whole = known(await other.venue.find(order, since=now))
        assert (whole.state, whole.filled_quantity) == (OrderState.FILLED, D(20))
        assert is_unknown(await other.venue.find(larger, since=now))
        old = known(await other.venue.find(larger, since=now - 2 * NS_PER_DAY))
        assert (old.state, old.filled_quantity) == (OrderState.CANCELLED, D(20))


async def test_costs_that_are_not_told_do_not_keep_an_execution_back(desk, monkeypatch):
    monkeypatch.setattr(messages, "commission", lambda each: b"")
    monkeypatch.setattr(ibkr_line, "_FEE_WAIT_S", 0.1)
    await desk.watch()
    order = desk.order()
    await desk.place(order)
    await desk.until(lambda: bool(desk.fills), "execution without its costs")
    assert desk.fills[0].fee == 0
    (fill,) = known(await desk.venue.fills(since=time.time_ns() - 60 * NS_PER_S))
    assert fill.fill_id == desk.fills[0].fill_id


async def test_costs_come_with_the_execution(desk, monkeypatch):
    monkeypatch.setattr(floor, "fee_of", lambda instrument, quantity: D("0.35"))
    await desk.watch()
    await desk.place_filled(desk.order())
    await desk.until(lambda: bool(desk.fills), "execution")
    assert desk.fills[0].fee == D("0.35")
    assert all(each.state is not OrderState.FILLED or each.fills for each in desk.reported)


async def test_a_fraction_that_a_person_bought_is_seen_as_it_is_and_no_program_can_order_one(desk):
    desk.trade_by_hand("SPY", Side.BUY, "0.25")
    await desk.until(lambda: desk.held("SPY") > 0, "the fraction")
    assert [each.quantity for each in known(await desk.venue.positions())] == [D("0.25")]
    assert [each.quantity for each in known(await desk.venue.fills(since=0))] == [D("0.25")]
    with pytest.raises(OrderRefused, match="multiples of 1 "):
        await desk.place(desk.order(Side.SELL, "0.25"))


async def test_a_currency_pair_is_bought_guarded_and_turned_with_one_order():
    market = MarketConfig(seed=5, symbols=("EUR/USD",), always_open=True, tick_rate=20.0)
    async with at_desk(ibkr.ENTRY._replace(start=partial(ibkr.start, market))) as desk:
        pair = instrument_for("EURUSD")
        await desk.place_filled(desk.order(quantity=20_000, symbol="EUR/USD"))
        (held,) = known(await desk.venue.positions())
        assert (held.symbol, held.quantity) == ("EUR/USD", D(20_000))
        assert held.average_price == held.average_price.quantize(pair.tick_size)
        exits: dict[str, Any] = {
            "symbol": "EUR/USD", "quantity": 20_000, "intent": OrderIntent.EXIT, "tif": TimeInForce.GTC,
        }  # fmt: skip
        stop = desk.order(Side.SELL, type=OrderType.STOP, stop_price=D("0.9"), **exits)
        target = desk.order(Side.SELL, type=OrderType.LIMIT, limit_price=D("1.60005"), **exits)
        assert isinstance(desk.venue, PairsExits)
        await desk.venue.place_pair(stop, target, pair)
        await desk.venue.cancel(await desk.found(stop, OrderState.ACCEPTED))
        await desk.found(target, OrderState.CANCELLED)
        await desk.place_filled(desk.order(Side.SELL, 40_000, "EUR/USD", intent=OrderIntent.REVERSAL))
        (held,) = known(await desk.venue.positions())
        assert held.quantity == D(-20_000)


async def test_a_trailing_stop_waits_at_the_venue(desk):
    await desk.place_filled(desk.order(quantity=1))
    order = desk.order(Side.SELL, 1, type=OrderType.TRAILING_STOP, trail=D(90), intent=OrderIntent.EXIT)
    await desk.place(order)
    found = await desk.found(order)
    assert (found.type, found.state) == (OrderType.TRAILING_STOP, OrderState.ACCEPTED)
    await desk.until(lambda: desk.at_venue()[-1].stop_price is not None, "the stop follows the market")


async def test_a_stop_that_waits_is_moved_and_stays_the_same_order(desk):
    await desk.place_filled(desk.order())
    stop = desk.order(Side.SELL, type=OrderType.STOP, stop_price=desk.price("SPY", D("0.8")), intent=OrderIntent.EXIT)
    placed = await desk.place(stop)
    higher = changed(stop, stop_price=desk.price("SPY", D("0.9")))
    moved = await desk.venue.replace(placed, higher, SPY)
    assert (moved.stop_price, moved.venue_id) == (higher.stop_price, placed.venue_id)
    (working,) = [each for each in known(await desk.venue.orders(since=0)) if not each.state.is_final]
    assert (working.stop_price, working.client_id) == (higher.stop_price, stop.client_id)
    await desk.until(lambda: desk.at_venue()[-1].state is State.WORKING, "the new stop at work")
    assert [each.state.is_final for each in desk.at_venue()] == [True, True, False]


async def test_a_change_that_meets_the_fill_is_refused(desk):
    desk.fault("no_fills", for_s=0.5)
    order = desk.order()
    placed = await desk.place(order)
    await desk.found(order, OrderState.FILLED)
    with pytest.raises(OrderRefused) as refused:
        await desk.venue.replace(placed, changed(order, quantity=D(5)), SPY)
    assert refused.value.venue_code == "104"
    assert desk.held("SPY") == 10


@pytest.mark.parametrize("code", [399, 10349, 77777])
async def test_what_is_said_beside_an_order_does_not_end_it(desk, monkeypatch, code):
    """A code that is taken for a refusal by mistake would be an order that works and counts as not there."""
    whole = messages.open_order

    def with_remark(standing, contract):
        return messages.error(standing.entry.order_id, code, "by the way") + whole(standing, contract)

    monkeypatch.setattr(messages, "open_order", with_remark)
    placed = await desk.place(desk.far_order())
    await desk.venue.cancel(placed)
    await desk.until(lambda: desk.at_venue()[0].state.is_final, "the cancel")
