"""alpaca-py, unchanged, as an independent client of the market data: it streams and pages from the simulator."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockLatestTradeRequest, StockTradesRequest
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from engine.model.time import NS_PER_S, from_datetime, to_datetime
from simulators.alpaca.serve import AlpacaKeys
from simulators.tape import Print

DEADLINE_S = 60.0


class Listener:
    """The SDK's stream in this loop, and what its handlers got."""

    def __init__(self, simulator, *, key: str = "k", secret: str = "s") -> None:
        self.stream = StockDataStream(key, secret, url_override=f"{simulator.stream_url}/v2/iex")
        self.got: list[Any] = []
        self._task: asyncio.Task[None] | None = None

    async def take(self, message: Any) -> None:
        self.got.append(message)

    def begin(self) -> None:
        self._task = asyncio.create_task(self.stream._run_forever())

    def of(self, kind: str) -> list[Any]:
        return [each for each in self.got if type(each).__name__ == kind]

    async def until(self, condition) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.stream.stop_ws()
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.stream.close()


async def test_the_sdk_streams_trades_quotes_and_bars(start):
    async with start(speed=60, market={"symbols": ("SPY", "QQQ"), "tick_rate": 5.0}) as simulator:
        listener = Listener(simulator)
        listener.stream.subscribe_trades(listener.take, "SPY", "QQQ")
        listener.stream.subscribe_quotes(listener.take, "SPY")
        listener.stream.subscribe_bars(listener.take, "SPY")
        listener.begin()
        try:
            await listener.until(lambda: len(listener.of("Bar")) >= 2 and len(listener.of("Trade")) > 200)
        finally:
            await listener.close()
        trades = [each for each in listener.of("Trade") if each.symbol == "SPY"]
        first, last = trades[0].timestamp, trades[-1].timestamp
        sent = simulator.market.ticks("SPY", start=from_datetime(first) - 1, end=from_datetime(last) + 1_000)
        assert [(each.timestamp, each.price, each.size) for each in trades] == [
            (to_datetime(tick.ts), tick.price, tick.size) for tick in sent
        ]
        assert {each.symbol for each in listener.of("Trade")} == {"SPY", "QQQ"}
        assert all(quote.bid_price < quote.ask_price for quote in listener.of("Quote"))
        assert_bar_is_made_of_the_prints(simulator, listener.of("Bar")[0])


def assert_bar_is_made_of_the_prints(simulator, bar) -> None:
    opened = from_datetime(bar.timestamp)
    ticks = list(simulator.market.ticks("SPY", start=opened - 1, end=opened + 60 * NS_PER_S - 1))
    prices = [tick.price for tick in ticks]
    assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert (bar.volume, bar.trade_count) == (sum(tick.size for tick in ticks), len(ticks))


async def test_the_sdk_is_told_of_corrections_cancels_and_halts(start):
    async with start() as simulator:
        listener = Listener(simulator)
        listener.stream.subscribe_trades(listener.take, "SPY")
        listener.stream.register_trade_corrections(listener.take)
        listener.stream.register_trade_cancels(listener.take)
        listener.stream.subscribe_trading_statuses(listener.take, "SPY")
        listener.begin()
        try:
            await listener.until(lambda: listener.of("Trade"))
            printed: Print = simulator.last_print("SPY")
            simulator.correct("SPY", printed, price=printed.price + 1, size=7)
            simulator.cancel_print("SPY", printed)
            simulator.halt("SPY")
            await listener.until(lambda: {"TradeCorrection", "TradeCancel", "TradingStatus"} <= kinds(listener.got))
        finally:
            await listener.close()
        (correction,) = listener.of("TradeCorrection")
        assert (correction.original_id, correction.original_price) == (printed.ordinal + 1, printed.price)
        assert (correction.corrected_price, correction.corrected_size) == (printed.price + 1, 7)
        assert listener.of("TradeCancel")[0].id == printed.ordinal + 1
        assert listener.of("TradingStatus")[0].status_message == "Trading Halt"


def kinds(found: list[Any]) -> set[str]:
    return {type(each).__name__ for each in found}


async def test_the_sdk_pages_through_bars_and_trades(start):
    async with start() as simulator:
        client = StockHistoricalDataClient("k", "s", url_override=simulator.rest_url)
        now = datetime(2026, 11, 20, 15, 0, 20, tzinfo=UTC)
        hours = StockBarsRequest(
            symbol_or_symbols=["SPY", "QQQ"],
            timeframe=TimeFrame(5, TimeFrameUnit.Minute),
            start=now - timedelta(days=2),
        )
        found = await asyncio.to_thread(client.get_stock_bars, hours)
        assert {len(found[name]) for name in ("SPY", "QQQ")} == {2 * 24 * 12 - 1}
        assert found["SPY"][-1].timestamp + timedelta(minutes=5) <= now
        span = StockTradesRequest(symbol_or_symbols="SPY", start=now - timedelta(minutes=10), end=now, limit=25_000)
        trades = (await asyncio.to_thread(client.get_stock_trades, span))["SPY"]
        sent = list(
            simulator.market.ticks("SPY", start=from_datetime(now - timedelta(minutes=10)) - 1, end=from_datetime(now))
        )
        assert len(sent) > 10_000, "more than one page"
        assert [(each.price, each.size) for each in trades] == [(tick.price, tick.size) for tick in sent]
        latest = await asyncio.to_thread(
            client.get_stock_latest_trade, StockLatestTradeRequest(symbol_or_symbols=["SPY"])
        )
        quotes = await asyncio.to_thread(
            client.get_stock_latest_quote, StockLatestQuoteRequest(symbol_or_symbols=["SPY"])
        )
        assert quotes["SPY"].bid_price < quotes["SPY"].ask_price
        assert latest["SPY"].timestamp >= trades[-1].timestamp


async def test_the_sdk_is_told_no_in_alpacas_words(start):
    async with start(keys=AlpacaKeys("right", "secret"), is_delayed_sip=True) as simulator:
        wrong = StockHistoricalDataClient("wrong", "secret", url_override=simulator.rest_url)
        right = StockHistoricalDataClient("right", "secret", url_override=simulator.rest_url)
        request = StockBarsRequest(symbol_or_symbols="SPY", timeframe=TimeFrame.Minute)
        with pytest.raises(APIError, match="forbidden"):
            await asyncio.to_thread(wrong.get_stock_bars, request)
        with pytest.raises(APIError, match="does not permit querying recent SIP data"):
            await asyncio.to_thread(right.get_stock_bars, request)
        listener = Listener(simulator, key="wrong", secret="secret")
        listener.stream.subscribe_trades(listener.take, "SPY")
        with pytest.raises(ValueError, match="auth failed"):
            await listener.stream._start_ws()
        await listener.stream.close()
