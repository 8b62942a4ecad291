"""schwab-py, unchanged, trades at the simulator: places, watches, replaces, cancels, reads the account."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from schwab.orders.common import (
    Duration,
    EquityInstruction,
    OrderStrategyType,
    OrderType,
    Session,
    first_triggers_second,
    one_cancels_other,
)
from schwab.orders.equities import (
    equity_buy_limit,
    equity_buy_market,
    equity_sell_limit,
    equity_sell_market,
    equity_sell_short_market,
)
from schwab.orders.generic import OrderBuilder
from schwab.orders.options import option_buy_to_open_market
from schwab.streaming import StreamClient
from schwab.utils import Utils

from tests.simulators.schwab.client import DEADLINE_S
from tests.simulators.schwab.sdk import sdk_client


class Desk:
    """The SDK with its one account."""

    def __init__(self, client, key):
        self.client = client
        self.key = key

    async def place(self, order):
        reply = await self.client.place_order(self.key, order)
        assert (reply.status_code, reply.content) == (201, b""), reply.text
        return Utils(self.client, self.key).extract_order_id(reply)

    async def order(self, order_id):
        return (await self.client.get_order(order_id, self.key)).json()

    async def until(self, order_id, status):
        while (order := await self.order(order_id))["status"] != status:
            await asyncio.sleep(0.02)
        return order

    async def account(self):
        reply = await self.client.get_account(self.key, fields=[self.client.Account.Fields.POSITIONS])
        return reply.json()["securitiesAccount"]


@pytest.fixture
def trading(start, monkeypatch):
    @asynccontextmanager
    async def run(**settings):
        async with (
            start(**settings) as simulator,
            sdk_client(simulator, monkeypatch) as client,
            asyncio.timeout(2 * DEADLINE_S),
        ):
            (account,) = (await client.get_account_numbers()).json()
            assert account["accountNumber"] == "12345678"
            yield simulator, Desk(client, account["hashValue"])

    return run


async def test_a_market_order_becomes_a_position_and_a_transaction(trading):
    async with trading() as (_, desk):
        order_id = await desk.place(equity_buy_market("SPY", 10))
        order = await desk.until(order_id, "FILLED")
        execution = order["orderActivityCollection"][0]
        assert (execution["quantity"], order["filledQuantity"], order["remainingQuantity"]) == (10, 10, 0)
        account = await desk.account()
        (position,) = account["positions"]
        assert (position["longQuantity"], position["instrument"]["symbol"]) == (10, "SPY")
        assert position["averagePrice"] == execution["executionLegs"][0]["price"]
        assert account["currentBalances"]["cashBalance"] < 100_000
        (trade,) = (await desk.client.get_transactions(desk.key)).json()
        assert trade["orderId"] == order_id
        await desk.until(await desk.place(equity_sell_market("SPY", 10)), "FILLED")
        assert (await desk.account())["positions"] == []


async def test_a_limit_order_is_listed_replaced_and_cancelled(trading):
    async with trading() as (_, desk):
        first = await desk.place(equity_buy_limit("SPY", 1, "100.00"))
        await desk.until(first, "WORKING")
        (listed,) = (await desk.client.get_orders_for_account(desk.key)).json()
        assert (listed["orderId"], listed["price"]) == (first, 100)
        reply = await desk.client.replace_order(desk.key, first, equity_buy_limit("SPY", 2, "101.00"))
        second = Utils(desk.client, desk.key).extract_order_id(reply)
        assert second != first
        await desk.until(first, "REPLACED")
        assert (await desk.until(second, "WORKING"))["quantity"] == 2
        assert (await desk.client.cancel_order(second, desk.key)).status_code == 200
        await desk.until(second, "CANCELED")
        assert (await desk.client.cancel_order(second, desk.key)).status_code == 400


async def test_a_bracket_waits_for_its_entry_and_one_leg_ends_the_other(trading):
    async with trading() as (_, desk):
        stop = (
            OrderBuilder()
            .set_order_type(OrderType.STOP)
            .set_session(Session.NORMAL)
            .set_duration(Duration.GOOD_TILL_CANCEL)
            .set_order_strategy_type(OrderStrategyType.SINGLE)
            .set_stop_price("100.00")
            .add_equity_leg(EquityInstruction.SELL, "SPY", 3)
        )
        exits = one_cancels_other(equity_sell_limit("SPY", 3, "5000.00"), stop)
        entry = await desk.place(first_triggers_second(equity_buy_market("SPY", 3), exits))
        await desk.until(entry, "FILLED")
        orders = (await desk.client.get_orders_for_account(desk.key)).json()
        (trigger,) = [order for order in orders if order["orderStrategyType"] == "TRIGGER"]
        limit, stop_leg = trigger["childOrderStrategies"][0]["childOrderStrategies"]
        await desk.until(stop_leg["orderId"], "AWAITING_STOP_CONDITION")
        await desk.client.cancel_order(limit["orderId"], desk.key)
        await desk.until(stop_leg["orderId"], "CANCELED")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (equity_sell_market("SPY", 5), "oversold"),
        (equity_sell_short_market("MSTR", 5), "hard to borrow"),
        (equity_buy_market("NONE", 5), "Symbol not found"),
        (equity_buy_market("SPY", 1_000_000), "buying power"),
        (equity_buy_market("/ESZ26", 1), "no EQUITY"),
        (equity_buy_limit("SPY", 1, "100.00").set_session(Session.SEAMLESS).set_order_type(OrderType.MARKET), "price"),
    ],
)
async def test_the_venues_refusals_are_told_in_its_form(trading, order, words):
    async with trading() as (_, desk):
        reply = await desk.client.place_order(desk.key, order)
        assert reply.status_code == 400
        assert words in " ".join(reply.json()["errors"])
        assert (await desk.client.get_orders_for_account(desk.key)).json() == []


async def test_an_option_of_today_is_bought_on_its_symbol(trading):
    async with trading() as (_, desk):
        symbol = "SPXW  261120C06600000"
        order = await desk.until(await desk.place(option_buy_to_open_market(symbol, 1)), "FILLED")
        assert order["orderLegCollection"][0]["instrument"]["symbol"] == symbol
        (position,) = (await desk.account())["positions"]
        assert position["instrument"]["assetType"] == "OPTION"


async def test_the_account_activity_tells_of_it(trading):
    async with trading() as (_, desk):
        stream = StreamClient(desk.client)
        await stream.login()
        told = []
        stream.add_account_activity_handler(lambda message: told.extend(message["content"]))
        await stream.account_activity_sub()
        order_id = await desk.place(equity_buy_market("SPY", 2))
        while "OrderFillCompleted" not in [content["MESSAGE_TYPE"] for content in told]:
            await stream.handle_message()
        assert told[0]["MESSAGE_TYPE"] == "SUBSCRIBED"
        assert [content["seq"] for content in told] == list(range(len(told)))
        data = json.loads(told[-1]["MESSAGE_DATA"])
        assert (data["SchwabOrderID"], data["AccountNumber"]) == (str(order_id), "12345678")
        info = data["BaseEvent"]["OrderFillCompletedEventOrderLegQuantityInfo"]
        quantity = info["QuantityInfo"]["CumulativeQuantity"]
        assert int(quantity["lo"]) / 10 ** (quantity["signScale"] >> 1) == 2
        await stream.logout()


async def test_shares_that_a_resting_order_will_sell_cannot_be_sold_again(trading):
    async with trading() as (_, desk):
        await desk.until(await desk.place(equity_buy_market("SPY", 5)), "FILLED")
        resting = await desk.place(equity_sell_limit("SPY", 4, "5000.00"))
        refused = await desk.client.place_order(desk.key, equity_sell_market("SPY", 2))
        assert (refused.status_code, "oversold" in refused.text) == (400, True)
        await desk.until(await desk.place(equity_sell_market("SPY", 1)), "FILLED")
        await desk.client.cancel_order(resting, desk.key)
        await desk.until(resting, "CANCELED")
        await desk.until(await desk.place(equity_sell_market("SPY", 4)), "FILLED")
