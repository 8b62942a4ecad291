"""The tastytrade SDK, unchanged, trades at the simulator: logs in, places, watches, replaces, cancels."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal as D

import pytest
import tastytrade.session
import tastytrade.streamer
from tastytrade import Account, AlertStreamer, Session
from tastytrade.account import AccountBalance, CurrentPosition
from tastytrade.instruments import Equity, Future, NestedOptionChain
from tastytrade.market_data import get_market_data_by_type
from tastytrade.order import (
    InstrumentType,
    Leg,
    LimitOrder,
    MarketOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    OTOCOOrder,
    PlacedOrder,
    StopOrder,
)
from tastytrade.utils import TastytradeError

from tests.simulators.link import DEADLINE_S


@pytest.fixture
def connect(start, monkeypatch):
    """A session of the SDK, its account, and the simulator."""

    @asynccontextmanager
    async def run(**settings):
        async with start(**settings) as simulator, asyncio.timeout(2 * DEADLINE_S):
            monkeypatch.setattr(tastytrade.session, "API_URL", simulator.rest_url)
            monkeypatch.setattr(tastytrade.streamer, "STREAMER_URL", simulator.account_stream_url)
            async with Session("secret", "refresh", trust_env=False) as session:
                (account,) = await Account.get(session)
                yield simulator, session, account

    return run


def leg(action: OrderAction, quantity: int, symbol: str = "SPY", kind=InstrumentType.EQUITY) -> Leg:
    return Leg(instrument_type=kind, symbol=symbol, action=action, quantity=quantity)


async def until(listening, wanted):
    async for item in listening:
        if wanted(item):
            return item
    return None


async def test_the_sdk_places_watches_and_lists(connect):
    async with connect() as (_, session, account), AlertStreamer(session) as streamer:
        await streamer.subscribe_accounts([account])
        order = MarketOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 10)], external_identifier="r1-ema-SPY-000001")
        preview = await account.place_order(session, order, dry_run=True)
        assert preview.order.status is OrderStatus.RECEIVED
        assert preview.buying_power_effect.change_in_buying_power < 0
        placed = (await account.place_order(session, order, dry_run=False)).order
        assert (placed.status, placed.external_identifier) == (OrderStatus.ROUTED, "r1-ema-SPY-000001")
        filled = await until(streamer.listen(PlacedOrder), lambda each: each.status is OrderStatus.FILLED)
        assert (filled.id, filled.legs[0].fills[0].quantity) == (placed.id, D(10))
        position = await until(streamer.listen(CurrentPosition), lambda each: True)
        assert (position.symbol, position.quantity, position.quantity_direction) == ("SPY", D(10), "Long")
        balance = await until(streamer.listen(AccountBalance), lambda each: True)
        assert balance.cash_balance == D(100_000) - 10 * filled.legs[0].fills[0].fill_price
        assert [each.id for each in await account.get_live_orders(session)] == [placed.id]
        assert [each.symbol for each in await account.get_positions(session)] == ["SPY"]
        (trade,) = await account.get_history(session)
        assert (trade.order_id, trade.quantity, trade.symbol) == (placed.id, D(10), "SPY")
        assert (await account.get_balances(session)).cash_balance == balance.cash_balance
        assert (await account.get_trading_status(session)).is_futures_enabled


async def test_the_sdk_replaces_and_cancels_a_future(connect):
    async with connect() as (simulator, session, account):
        future = next(each for each in await Future.get(session, product_codes=["MES"]) if each.active_month)
        assert (future.symbol, future.streamer_symbol) == ("/MESZ6", "/MESZ26:XCME")
        buy = LimitOrder(legs=[future.build_leg(2, OrderAction.BUY)], price=D("-5000.25"))
        placed = (await account.place_order(session, buy, dry_run=False)).order
        assert placed.price == D("-5000.25")
        new = await account.replace_order(
            session, placed.id, LimitOrder(legs=buy.legs, price=D("-5001.25"), time_in_force=buy.time_in_force)
        )
        assert (new.replaces_order_id, new.status) == (placed.id, OrderStatus.CONTINGENT)
        while (now := await account.get_order(session, new.id)).status is not OrderStatus.LIVE:
            await asyncio.sleep(0.02)
        assert now.price == D("-5001.25")
        old = await account.get_order(session, placed.id)
        assert (old.status, old.edited, old.replacing_order_id) == (OrderStatus.CANCELLED, True, new.id)
        await account.delete_order(session, new.id)
        while (now := await account.get_order(session, new.id)).status is not OrderStatus.CANCELLED:
            await asyncio.sleep(0.02)
        with pytest.raises(TastytradeError, match="cannot_update_order"):
            await account.delete_order(session, new.id)
        assert simulator.broker.brokerage.account(account.account_number).holdings == {}


async def test_the_sdk_places_a_bracket_on_an_option_of_the_chain(connect):
    async with connect() as (_, session, account):
        (chain,) = await NestedOptionChain.get(session, "SPX")
        assert chain.root_symbol == "SPXW"
        strikes = chain.expirations[1].strikes
        call = strikes[len(strikes) // 2].call
        option = InstrumentType.EQUITY_OPTION
        close = leg(OrderAction.SELL_TO_CLOSE, 1, call, option)
        bracket = OTOCOOrder(
            trigger_order=MarketOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 1, call, option)]),
            take_profit=LimitOrder(legs=[close], price=D("900")),
            stop_loss=StopOrder(legs=[close], stop_trigger=D("0.05")),
        )
        placed = (await account.place_complex_order(session, bracket, dry_run=False)).complex_order
        assert placed.take_profit.status is OrderStatus.CONTINGENT
        while {each.status for each in (await account.get_complex_order(session, placed.id)).orders} != {
            OrderStatus.LIVE
        }:
            await asyncio.sleep(0.02)
        await account.delete_complex_order(session, placed.id)
        while (await account.get_complex_order(session, placed.id)).terminal_at is None:
            await asyncio.sleep(0.02)
        assert [each.symbol for each in await account.get_positions(session)] == [call]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (LimitOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 1)], price=D(500)), "cant_buy_for_credit"),
        (
            MarketOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 1)], time_in_force=OrderTimeInForce.GTC),
            "gtc_market_orders_not_supported",
        ),
        (MarketOrder(legs=[leg(OrderAction.BUY, 1)]), "invalid_action"),
        (MarketOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 1, "NOSUCHCO")]), "instrument_validation_failed"),
        (
            MarketOrder(legs=[leg(OrderAction.BUY, 1, "/MESZ26", InstrumentType.FUTURE)]),
            "instrument_validation_failed",
        ),
        (MarketOrder(legs=[leg(OrderAction.BUY_TO_OPEN, 100_000)]), "margin_check_failed"),
        (MarketOrder(legs=[leg(OrderAction.SELL_TO_OPEN, 1, "MSTR")]), "cannot_short_hard_to_borrow"),
    ],
)
async def test_the_venue_refuses_in_its_own_words(connect, order, code):
    async with connect() as (_, session, account):
        with pytest.raises(TastytradeError, match=code):
            await account.place_order(session, order, dry_run=False)
        assert await account.get_live_orders(session) == []


async def test_the_sdk_reads_a_stock(connect):
    async with connect() as (_, session, _account):
        assert (await Equity.get(session, "SPY")).symbol == "SPY"


async def test_an_expired_token_is_refused_everywhere(connect):
    async with connect() as (simulator, session, account):
        simulator.tokens.expire_all()
        with pytest.raises(TastytradeError, match="token_invalid"):
            await account.get_positions(session)
        await session.refresh(force=True)
        assert await account.get_positions(session) == []


async def test_the_sdk_reads_the_same_quotes(connect):
    async with connect() as (_, session, _account):
        found = await get_market_data_by_type(session, equities=["SPY"], indices=["SPX"], futures=["/MESZ6"])
        assert [each.symbol for each in found] == ["SPY", "SPX", "/MESZ6"]
        assert all(each.mark for each in found)
