"""The massive SDK, unchanged, as an independent client: it streams and pages from the simulator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from massive import RESTClient, WebSocketClient
from massive.exceptions import AuthError, BadResponse

from engine.model.time import NS_PER_MS, NS_PER_S
from simulators.faults import FaultScript
from tests.simulators.waiting import refusing

DEADLINE_S = 60.0


@asynccontextmanager
async def listening(simulator, *subscriptions: str, market: str = "stocks", key: str = "k") -> AsyncIterator[list[Any]]:
    """The SDK's stream, and the messages that it gave."""
    host = simulator.stream_url.removeprefix("ws://")
    client = WebSocketClient(key, feed=host, market=market, secure=False, subscriptions=list(subscriptions))
    got: list[Any] = []

    async def take(messages: list[Any]) -> None:
        got.extend(messages)

    task = asyncio.create_task(client.connect(take))
    try:
        yield got
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


async def until(condition) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


def of(got: list[Any], kind: str) -> list[Any]:
    return [each for each in got if each.event_type == kind]


async def test_the_sdk_streams_trades_quotes_and_both_aggregates(start):
    async with start(speed=60, market={"tick_rate": 5.0}) as simulator:
        async with listening(simulator, "T.SPY", "Q.SPY", "A.SPY", "AM.SPY", "T.QQQ") as got:
            await until(lambda: len(of(got, "AM")) >= 2 and len(of(got, "A")) > 60)
        trades = [each for each in of(got, "T") if each.symbol == "SPY"]
        first, last = trades[0].timestamp * NS_PER_MS, (trades[-1].timestamp + 1) * NS_PER_MS
        sent = [
            (tick.ts // NS_PER_MS, tick.price, tick.size)
            for tick in simulator.market.ticks("SPY", start=first - 1, end=last)
        ]
        found = [(each.timestamp, each.price, each.size) for each in trades]
        assert found == sent[sent.index(found[0]) :][: len(found)]
        assert {each.symbol for each in of(got, "T")} == {"SPY", "QQQ"}
        assert all(quote.bid_price < quote.ask_price for quote in of(got, "Q"))
        for kind, span in (("AM", 60), ("A", 1)):
            assert_made_of_the_prints(simulator, of(got, kind)[0], span_s=span)


def assert_made_of_the_prints(simulator, bar, *, span_s: int) -> None:
    assert bar.end_timestamp - bar.start_timestamp == span_s * 1_000
    opened = bar.start_timestamp * NS_PER_MS
    ticks = list(simulator.market.ticks("SPY", start=opened - 1, end=opened + span_s * NS_PER_S - 1))
    prices = [tick.price for tick in ticks]
    assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert bar.volume == sum(tick.size for tick in ticks)


async def test_the_sdk_streams_the_index_and_the_futures_of_their_own_markets(start):
    async with start() as simulator:
        async with listening(simulator, "V.I:SPX", market="indices") as got:
            await until(lambda: len(got) > 5)
            assert {each.ticker for each in got} == {"I:SPX"}
        async with listening(simulator, "T.ESZ6", market="futures") as got:
            await until(lambda: len(got) > 5)
            assert {each.symbol for each in got} == {"ESZ6"}


async def test_the_sdk_is_told_that_its_key_is_wrong(start):
    async with start(key="right") as simulator:
        host = simulator.stream_url.removeprefix("ws://")
        client = WebSocketClient("wrong", feed=host, market="stocks", secure=False, subscriptions=["T.SPY"])
        with pytest.raises(AuthError, match="authentication failed"):
            async with asyncio.timeout(DEADLINE_S):
                await client.connect(lambda messages: asyncio.sleep(0))
        rest = RESTClient("wrong", base=simulator.rest_url, retries=0)
        with pytest.raises(BadResponse, match="Unknown API Key"):
            await asyncio.to_thread(lambda: list(rest.list_tickers()))


async def test_the_sdk_pages_through_aggregates_trades_and_tickers(start):
    async with start() as simulator:
        rest = RESTClient("k", base=simulator.rest_url, retries=0)
        end = simulator.clock.now()
        begin = end - 7_200 * NS_PER_S

        def ask() -> tuple[list[Any], list[Any], list[Any], Any]:
            aggregates = list(
                rest.list_aggs("SPY", 5, "minute", begin // NS_PER_MS, end // NS_PER_MS, limit=40, sort="asc")
            )
            trades = list(
                rest.list_trades("SPY", timestamp_gte=end - 60 * NS_PER_S, timestamp_lt=end, limit=500, order="asc")
            )
            return aggregates, trades, list(rest.list_tickers(market="stocks")), rest.get_last_trade("SPY")

        aggregates, trades, tickers, last = await asyncio.to_thread(ask)
        assert len(aggregates) == 23
        assert [each.timestamp for each in aggregates] == sorted({each.timestamp for each in aggregates})
        sent = list(simulator.market.ticks("SPY", start=end - 60 * NS_PER_S - 1, end=end - 1))
        assert len(sent) > 1_000, "more than two pages"
        assert [(each.sip_timestamp, each.price, each.size) for each in trades] == [
            (tick.ts, tick.price, tick.size) for tick in sent
        ]
        assert {"SPY", "QQQ", "IBM"} <= {each.ticker for each in tickers}
        assert "SPX" not in {each.ticker for each in tickers}
        assert last.sip_timestamp >= trades[-1].sip_timestamp


async def test_the_sdk_is_told_of_the_limit(start):
    async with start() as simulator:
        simulator.faults.add(FaultScript("throttle"))
        await refusing(simulator)
        rest = RESTClient("k", base=simulator.rest_url, retries=0)
        with pytest.raises(Exception, match=r"429|maximum requests per minute"):
            await asyncio.to_thread(lambda: list(rest.list_tickers()))
