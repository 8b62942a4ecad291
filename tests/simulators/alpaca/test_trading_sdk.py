"""alpaca-py, unchanged, as an independent client of the trading interface: it places, lists, cancels and listens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, OrderType, QueryOrderStatus, TimeInForce
from alpaca.trading.models import TradeUpdate
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)
from alpaca.trading.stream import TradingStream

from simulators.alpaca.serve import AlpacaKeys, AlpacaSimulator
from simulators.brokerage.faults import OrderFaultScript

DEADLINE_S = 60.0
BUY, SELL, DAY, GTC = OrderSide.BUY, OrderSide.SELL, TimeInForce.DAY, TimeInForce.GTC


class Sdk:
    """The SDK's client, called beside the loop that serves it."""

    def __init__(self, simulator: AlpacaSimulator, *, key: str = "k") -> None:
        self.simulator = simulator
        self.client = TradingClient(key, "s", paper=True, url_override=simulator.rest_url)

    async def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        return await asyncio.to_thread(lambda: getattr(self.client, name)(*arguments, **named))

    async def until(self, order_id: Any, status: OrderStatus) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            while (order := await self.call("get_order_by_id", order_id)).status is not status:
                await asyncio.sleep(0.02)
        return order

    async def buy(self, quantity: float = 10, **values: Any) -> Any:
        request = MarketOrderRequest(symbol="SPY", qty=quantity, side=BUY, time_in_force=DAY, **values)
        return await self.until((await self.call("submit_order", request)).id, OrderStatus.FILLED)

    def price(self, factor: float) -> float:
        found = self.simulator.brokerage.price_of("SPY")
        assert found is not None
        return float(round(float(found) * factor))

    def limit(self, factor: float = 0.8, quantity: float = 10, side: OrderSide = BUY, **values: Any) -> Any:
        return LimitOrderRequest(
            symbol="SPY", qty=quantity, side=side, time_in_force=DAY, limit_price=self.price(factor), **values
        )


@pytest.fixture
async def sdk(start: Callable[..., Any]) -> AsyncIterator[Sdk]:
    async with start() as simulator:
        yield Sdk(simulator)


@asynccontextmanager
async def listening(simulator: AlpacaSimulator) -> AsyncIterator[list[TradeUpdate]]:
    """The SDK's stream, and what it told."""
    stream = TradingStream("k", "s", paper=True, url_override=f"{simulator.stream_url}/stream")
    told: list[TradeUpdate] = []

    async def take(update: Any) -> None:
        told.append(update)

    stream.subscribe_trade_updates(take)
    task = asyncio.create_task(stream._run_forever())
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not any(client.is_listening for client in simulator._updates.clients):
                await asyncio.sleep(0.01)
        yield told
    finally:
        await stream.stop_ws()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.close()


async def test_an_order_is_placed_streamed_listed_and_becomes_a_position(sdk):
    async with listening(sdk.simulator) as told:
        order = await sdk.buy(client_order_id="mine-1")
        async with asyncio.timeout(DEADLINE_S):
            while not told or told[-1].event != "fill":
                await asyncio.sleep(0.01)
    assert [each.event for each in told] == ["pending_new", "new", "fill"]
    assert (told[-1].qty, told[-1].position_qty, told[-1].order.filled_qty) == (10, 10, "10")
    assert (order.client_order_id, order.filled_qty, order.order_type) == ("mine-1", "10", OrderType.MARKET)
    assert Decimal(str(told[-1].price)) == Decimal(str(order.filled_avg_price))
    (position,) = await sdk.call("get_all_positions")
    assert (position.symbol, position.qty, position.side.value) == ("SPY", "10", "long")
    listed = await sdk.call("get_orders", GetOrdersRequest(status=QueryOrderStatus.CLOSED))
    assert [each.id for each in listed] == [order.id]
    assert (await sdk.call("get_order_by_client_id", "mine-1")).id == order.id
    account = await sdk.call("get_account")
    assert float(account.cash) == pytest.approx(100_000 - 10 * float(order.filled_avg_price))


async def test_a_name_is_unique_for_ever(sdk):
    await sdk.call("submit_order", sdk.limit(client_order_id="once"))
    with pytest.raises(APIError, match="client_order_id must be unique") as refused:
        await sdk.call("submit_order", sdk.limit(client_order_id="once"))
    assert (refused.value.code, refused.value.status_code) == (40010001, 422)


async def test_a_replaced_order_is_another_one_with_another_name(sdk):
    old = await sdk.call("submit_order", sdk.limit(client_order_id="first"))
    await sdk.until(old.id, OrderStatus.NEW)
    new = await sdk.call(
        "replace_order_by_id", old.id, ReplaceOrderRequest(limit_price=sdk.price(0.7), client_order_id="second")
    )
    assert (new.replaces, new.client_order_id) == (old.id, "second")
    assert (await sdk.until(old.id, OrderStatus.REPLACED)).replaced_by == new.id
    await sdk.until(new.id, OrderStatus.NEW)
    open_orders = await sdk.call("get_orders", GetOrdersRequest(status=QueryOrderStatus.OPEN))
    assert [each.id for each in open_orders] == [new.id]


async def test_cancelling_one_and_all(sdk):
    first, second = [await sdk.call("submit_order", sdk.limit(factor)) for factor in (0.8, 0.7)]
    await sdk.call("cancel_order_by_id", first.id)
    await sdk.until(first.id, OrderStatus.CANCELED)
    with pytest.raises(APIError, match="not cancelable"):
        await sdk.call("cancel_order_by_id", first.id)
    (answer,) = await sdk.call("cancel_orders")
    assert (answer.id, answer.status) == (second.id, 200)
    await sdk.until(second.id, OrderStatus.CANCELED)


async def test_a_bracket_waits_for_its_entry_and_one_exit_ends_the_other(sdk):
    request = MarketOrderRequest(
        symbol="SPY", qty=5, side=BUY, time_in_force=DAY, order_class=OrderClass.BRACKET,
        take_profit=TakeProfitRequest(limit_price=sdk.price(0.9)), stop_loss=StopLossRequest(stop_price=sdk.price(0.8)),
    )  # fmt: skip
    bracket = await sdk.call("submit_order", request)
    profit, loss = bracket.legs
    assert (profit.status, loss.status) == (OrderStatus.HELD, OrderStatus.HELD)
    # The profit's limit lies below the market, so it trades as soon as the entry has.
    assert (await sdk.until(profit.id, OrderStatus.FILLED)).side is SELL
    await sdk.until(loss.id, OrderStatus.CANCELED)
    assert await sdk.call("get_all_positions") == []


async def test_an_oco_guards_what_is_held(sdk):
    await sdk.buy(5)
    request = LimitOrderRequest(
        symbol="SPY", qty=5, side=SELL, time_in_force=GTC, order_class=OrderClass.OCO,
        take_profit=TakeProfitRequest(limit_price=sdk.price(1.3)), stop_loss=StopLossRequest(stop_price=sdk.price(0.7)),
    )  # fmt: skip
    oco = await sdk.call("submit_order", request)
    (stop,) = oco.legs
    assert (oco.order_type, stop.order_type) == (OrderType.LIMIT, OrderType.STOP)
    (position,) = await sdk.call("get_all_positions")
    assert position.qty_available == "0"
    with pytest.raises(APIError, match=r"insufficient qty available .*requested: 1, available: 0"):
        await sdk.call("submit_order", sdk.limit(1.2, quantity=1, side=SELL))
    await sdk.call("cancel_order_by_id", oco.id)
    await sdk.until(oco.id, OrderStatus.CANCELED)
    await sdk.until(stop.id, OrderStatus.CANCELED)


async def test_fractions_values_and_closing_a_position(sdk):
    part = await sdk.buy(0.5)
    assert part.filled_qty == "0.5"
    worth = MarketOrderRequest(symbol="SPY", notional=1_000, side=BUY, time_in_force=DAY)
    order = await sdk.until((await sdk.call("submit_order", worth)).id, OrderStatus.FILLED)
    assert (order.qty, order.notional) == (None, "1000")
    assert float(order.filled_qty) * float(order.filled_avg_price) == pytest.approx(1_000, rel=1e-3)
    half = await sdk.call("close_position", "SPY", ClosePositionRequest(qty="0.5"))
    await sdk.until(half.id, OrderStatus.FILLED)
    (closed,) = await sdk.call("close_all_positions", cancel_orders=True)
    assert (closed.symbol, closed.status) == ("SPY", 200)
    await sdk.until(closed.body.id, OrderStatus.FILLED)
    assert await sdk.call("get_all_positions") == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda sdk: sdk.limit(quantity=90_000), "insufficient buying power"),
        (lambda sdk: sdk.limit(quantity=0.5, extended_hours=True), "fractional orders must be DAY orders"),
        (
            lambda sdk: MarketOrderRequest(symbol="SPY", qty=1, side=BUY, time_in_force=DAY, extended_hours=True),
            "extended hours order must be DAY limit orders",
        ),
        (lambda sdk: MarketOrderRequest(symbol="MSTR", qty=1, side=SELL, time_in_force=DAY), "cannot be sold short"),
        (lambda sdk: MarketOrderRequest(symbol="NONE", qty=1, side=BUY, time_in_force=DAY), "asset not found"),
        (
            lambda sdk: TrailingStopOrderRequest(symbol="SPY", qty=0.5, side=BUY, time_in_force=DAY, trail_price=1),
            "fractional orders must be DAY orders",
        ),
    ],
)
async def test_what_cannot_be_is_refused_in_alpacas_words(start, make, said):
    async with start(market={"symbols": ("SPY", "MSTR")}) as simulator:
        sdk = Sdk(simulator)
        with pytest.raises(APIError, match=said):
            await sdk.call("submit_order", make(sdk))
        assert await sdk.call("get_orders") == []


async def test_a_stop_works_and_the_far_one_does_not(sdk):
    await sdk.buy(2)
    near = StopOrderRequest(symbol="SPY", qty=1, side=SELL, time_in_force=GTC, stop_price=sdk.price(1.2))
    far = StopOrderRequest(symbol="SPY", qty=1, side=SELL, time_in_force=GTC, stop_price=sdk.price(0.7))
    resting = await sdk.call("submit_order", far)
    await sdk.until((await sdk.call("submit_order", near)).id, OrderStatus.FILLED)
    assert (await sdk.call("get_order_by_id", resting.id)).status is OrderStatus.NEW


async def test_assets_clock_and_calendar(sdk):
    assets = await sdk.call("get_all_assets")
    assert {asset.symbol for asset in assets} == {"SPY", "QQQ"}
    assert (await sdk.call("get_asset", "SPY")).fractionable
    assert (await sdk.call("get_clock")).is_open
    assert len(await sdk.call("get_calendar")) > 15


async def test_a_key_that_is_not_accepted_is_told(start):
    async with start(keys=AlpacaKeys("right", "s")) as simulator:
        with pytest.raises(APIError, match="forbidden"):
            await Sdk(simulator, key="wrong").call("get_account")
        stream = TradingStream("wrong", "s", paper=True, url_override=f"{simulator.stream_url}/stream")
        with pytest.raises(ValueError, match="failed to authenticate"):
            await stream._start_ws()
        await stream.close()


async def test_fills_are_listed_as_activities_in_pages(sdk):
    sdk.simulator.order_faults.add(OrderFaultScript("partial_fills", times=3))
    await sdk.buy(30)
    found = await asyncio.to_thread(lambda: sdk.client.get("/account/activities/FILL", {"direction": "asc"}))
    assert len(found) >= 2
    assert [each["type"] for each in found[:-1]] == ["partial_fill"] * (len(found) - 1)
    assert (found[-1]["type"], found[-1]["cum_qty"], found[-1]["leaves_qty"]) == ("fill", "30", "0")
    query = {"direction": "asc", "page_size": 1, "page_token": found[0]["id"]}
    following = await asyncio.to_thread(lambda: sdk.client.get("/account/activities/FILL", query))
    assert [each["id"] for each in following] == [found[1]["id"]]
