"""What Alpaca's adapter makes of keys, chains of replacements, long lists and a stream that dies, at the simulator."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from decimal import Decimal as D
from typing import Any

import pytest

from brokers.adapters import VENUES
from brokers.alpaca.auth import PAPER, Keys
from brokers.alpaca.broker import AlpacaVenue
from brokers.alpaca.client import Client
from brokers.alpaca.translate import ORDERS, order_doc
from brokers.connections import setup_of
from brokers.models import BrokerAccount
from brokers.venue import FillReported, Known, NotAuthorized, OrderRefused, OutcomeUnknown
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderState, OrderType, Side, TimeInForce
from infra.logging import scrub
from simulators.alpaca.serve import AlpacaConfig, serve_alpaca
from simulators.brokerage.orders import Ticket
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from tests.contracts.venues.alpaca import ENTRY, KEYS, Running
from tests.contracts.venues.base import Desk, at_desk, changed, known, make_venue

SPY = instrument_for("SPY")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_desk(ENTRY) as found:
        yield found


async def test_keys_are_required_and_the_secret_is_in_no_log(desk):
    setup = desk.simulated.setup({})
    without = VENUES["alpaca"].make(setup._replace(options={}))
    assert without.request_for(desk.order(), SPY).path == "/v2/orders"
    with pytest.raises(NotAuthorized, match="ALPACA_KEY"):
        await without.open()
    await without.close()
    VENUES["alpaca"].make(setup._replace(options={"key": "k", "secret": "a-long-secret"}))
    assert "a-long-secret" not in scrub("the secret is a-long-secret")


async def test_a_wrong_key_is_no_refusal_of_the_order(desk):
    setup = desk.simulated.setup({"key": "wrong"})
    venue = VENUES["alpaca"].make(setup)
    with pytest.raises(NotAuthorized, match="does not accept the key"):
        await venue.open()
    await venue.close()


def test_without_an_address_only_the_practice_account_is_reached():
    client = Client("", Keys("k", "s"))
    assert str(client._http.base_url).rstrip("/") == PAPER


@pytest.mark.django_db
def test_the_settings_give_keys_and_the_address_of_practice(settings):
    settings.VENUES = {**settings.VENUES, "alpaca": {**settings.VENUES["alpaca"], "key": "k", "secret": "long-secret"}}
    setup = setup_of(BrokerAccount(name="a", broker="alpaca", mode="live", account_number="PA1"))
    assert (setup.api_url, setup.account_number) == (PAPER, "PA1")
    assert isinstance(VENUES["alpaca"].make(setup), AlpacaVenue)


async def test_an_order_replaced_again_and_again_is_found_by_its_first_name(desk):
    await desk.watch()
    order = desk.far_order()
    working = await desk.place(order)
    for step in range(1, 4):
        await desk.found(order, OrderState.WORKING)
        new = changed(order, limit_price=order.limit_price - step)
        working = await desk.venue.replace(working, new, SPY)
        assert working.client_id == order.client_id
    found = await desk.found(order, OrderState.WORKING)
    assert (found.venue_id, found.limit_price) == (working.venue_id, order.limit_price - 3)
    listed = known(await desk.venue.orders(since=0))
    assert [each.venue_id for each in listed] == [working.venue_id]
    await desk.until(lambda: any(each.limit_price == order.limit_price - 3 for each in desk.reported), "the last one")
    assert {each.state for each in desk.reported} <= {OrderState.ACCEPTED, OrderState.WORKING}
    assert len({each.ticket.tag for each in desk.at_venue()}) == 4


async def test_a_replacement_without_an_answer_is_found(desk):
    order = desk.far_order()
    working = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    desk.fault("drop_answer", times=1, actions=("replace",))
    new = changed(order, limit_price=order.limit_price - 7)
    with pytest.raises(OutcomeUnknown):
        await desk.venue.replace(working, new, SPY)
    await desk.until(lambda: desk.at_venue()[-1].state == "working", "the replacement")
    assert (await desk.found(order, OrderState.WORKING)).limit_price == new.limit_price


async def test_a_replacement_that_came_too_late_leaves_the_fill(desk):
    order = desk.far_order()
    working = await desk.place(order)
    await desk.found(order, OrderState.WORKING)
    old = order_doc(await desk.venue._client.call("GET", f"/v2/orders/{working.venue_id}"))
    chain = {
        "old": changed_doc(old, id="old", status="filled", filled_qty=D(10), replaced_by=None),
        "new": changed_doc(old, id="new", status="rejected", replaces="old"),
    }

    async def read(name: str) -> Any:
        return chain[name]

    desk.venue._read_order = read
    truth = await desk.venue._truth(chain["new"])
    assert (truth.id, truth.status) == ("old", "filled")
    both = {**chain, "old": changed_doc(chain["old"], status="pending_replace", replaced_by="new")}
    chain.update(both)
    assert (await desk.venue._truth(chain["old"])).id == "old"
    assert [name for name, doc in chain.items() if not desk.venue._is_hidden(doc, chain)] == ["old"]


def changed_doc(doc: Any, **values: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(doc, **values)


async def test_an_order_of_our_name_that_is_there_already_is_unknown_and_not_refused(desk):
    """Only an earlier attempt of ours can have brought it there: the venue is asked, nothing is sent again."""
    order = desk.far_order()
    await desk.place(order)
    with pytest.raises(OutcomeUnknown, match="has an order of this name already"):
        await desk.place(order)
    assert len(desk.at_venue()) == 1


async def test_lists_longer_than_a_page_are_read_to_their_end(desk, monkeypatch):
    monkeypatch.setattr("brokers.alpaca.broker._PAGE", 4)
    monkeypatch.setattr("brokers.alpaca.broker._FILL_PAGE", 3)
    orders = [desk.far_order(quantity=number) for number in range(1, 12)]
    for each in orders:
        await desk.place(each)
    for _ in range(7):
        await desk.place_filled(desk.order(quantity=1))
    listed = known(await desk.venue.orders(since=time.time_ns() - 60_000_000_000))
    assert len(listed) == 18
    fills = known(await desk.venue.fills(since=time.time_ns() - 60_000_000_000))
    assert len({fill.fill_id for fill in fills}) == 7
    assert all(fill.client_id.startswith("r1-contract-SPY-") for fill in fills)


async def test_an_old_order_that_traded_just_now_is_listed(desk):
    order = desk.order(type=OrderType.LIMIT, limit_price=desk.price("SPY"), tif=TimeInForce.GTC)
    desk.fault("no_fills", for_s=0.3)
    await desk.place(order)
    there = desk.simulated.brokerage._floor.orders
    oldest = there[min(there)]
    oldest.placed_ts -= 40 * 86_400 * 10**9
    since = time.time_ns()
    oldest.ticket = changed(oldest.ticket, limit_price=desk.price("SPY", D("1.1")))
    await desk.found(order, OrderState.FILLED)
    (listed,) = known(await desk.venue.orders(since=since))
    assert listed.state is OrderState.FILLED
    assert len(known(await desk.venue.fills(since=since))) == 1


async def test_selling_more_than_is_held_is_told_in_plain_words(desk):
    await desk.place_filled(desk.order(quantity=2))
    with pytest.raises(OrderRefused) as refused:
        await desk.place(desk.order(Side.SELL, 3))
    assert "More would be sold than is held" in refused.value.detail
    assert refused.value.venue_code == "40310000"


async def test_a_limit_that_is_reached_says_when_to_come_back(desk):
    simulated: Any = desk.simulated
    simulated.simulator.faults.add(FaultScript("throttle", for_s=30.0))
    await asyncio.sleep(0.1)
    answer = await desk.venue.positions()
    assert not isinstance(answer, Known)
    assert "pause" in answer.reason


async def test_a_stream_that_goes_mute_is_given_up_and_connected_again():
    async with at_desk(ENTRY, heartbeat_s=0.2) as desk:
        await desk.watch()
        simulated: Any = desk.simulated
        stuck = next(iter(simulated.simulator._updates.clients))
        stuck._socket.transport.pause_reading()  # pings are not answered any more
        await desk.until(lambda: desk.line == ["up", "down", "up"], "a new connection")


async def test_messages_that_are_not_understood_are_left_to_polling(desk, caplog):
    caplog.set_level(logging.WARNING)
    assert await desk.venue._news({"event": "fill", "order": {"id": "x"}}) == []
    assert "left to polling" in caplog.text


async def test_an_execution_is_told_although_what_took_the_orders_place_cannot_be_asked_for(desk):
    placed = await desk.place(desk.far_order())
    document = await desk.venue._client.call("GET", f"{ORDERS}/{placed.venue_id}")
    order = {**document, "status": "pending_replace", "replaced_by": "another", "filled_qty": "4"}
    event = {"event": "partial_fill", "order": order, "timestamp": "2026-11-20T15:00:00Z", "price": "100", "qty": "4"}
    desk.fault("throttle", times=1, actions=("query",))
    (told,) = await desk.venue._news(event)
    assert isinstance(told, FillReported)
    assert (told.fill.venue_id, told.fill.quantity) == (placed.venue_id, D(4))


async def test_positions_by_hand_and_shorts_are_seen(desk):
    desk.simulated.brokerage.place(
        desk.simulated.account, Ticket(symbol="QQQ", side=Side.SELL, quantity=D(3), payload={})
    )
    await desk.until(lambda: desk.held("QQQ") == -3, "the short sale")
    (position,) = known(await desk.venue.positions())
    assert (position.symbol, position.quantity) == ("QQQ", D(-3))


async def test_half_a_share_is_held_and_told_as_half_a_share(desk):
    order = desk.order(quantity="0.5")
    found = await desk.place_filled(order)
    assert (found.quantity, found.filled_quantity) == (D("0.5"), D("0.5"))
    (position,) = known(await desk.venue.positions())
    assert position.quantity == D("0.5")
    (fill,) = known(await desk.venue.fills(since=time.time_ns() - 60_000_000_000))
    assert fill.quantity == D("0.5")


async def test_before_the_opening_an_extended_order_trades_and_one_of_the_day_waits():
    market = MarketConfig(seed=5, symbols=("SPY",), tick_rate=20.0)
    config = AlpacaConfig(market=market, stream_port=0, keys=KEYS, start="2026-11-20T07:00:00-05:00")
    async with await serve_alpaca(config) as simulator:
        desk = Desk(make_venue(ENTRY, Running(simulator), {}), Running(simulator))
        try:
            await desk.venue.open()
            limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": desk.price("SPY", D("1.1"))}
            early = desk.order(quantity=2, tif=TimeInForce.EXTENDED, **limit)
            waiting = desk.order(quantity=3, **limit)
            await desk.place(waiting)
            await desk.place(early)
            await desk.until(lambda: desk.held("SPY") == 2, "the early fill")
            states = {each.ticket.tag: (each.ticket.extended, str(each.state)) for each in desk.at_venue()}
            assert states == {early.client_id: (True, "filled"), waiting.client_id: (False, "received")}
        finally:
            await desk.close()
