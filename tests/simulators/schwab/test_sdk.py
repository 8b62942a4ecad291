"""schwab-py, unchanged, as an independent client: it logs in, reads and streams from the simulator."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from schwab.streaming import StreamClient

from engine.model.time import NS_PER_MS
from simulators.schwab.session import StreamSettings
from tests.simulators.schwab.client import DEADLINE_S
from tests.simulators.schwab.sdk import sdk_client


async def test_the_sdk_streams_level_one_that_was_traded(start, monkeypatch):
    async with (
        start(speed=5) as simulator,
        sdk_client(simulator, monkeypatch) as client,
        asyncio.timeout(4 * DEADLINE_S),
    ):
        stream = StreamClient(client)
        await stream.login()
        told = []
        stream.add_level_one_equity_handler(lambda message: told.extend(message["content"]))
        await stream.level_one_equity_subs(["SPY"])
        while len(told) < 40:
            await stream.handle_message()
        view: dict[str, Any] = {}
        seen = set()
        for content in told:
            view |= content
            seen.add((view["TRADE_TIME_MILLIS"], view["LAST_PRICE"]))
        truth = {
            (tick.ts // NS_PER_MS, tick.price)
            for tick in simulator.market.ticks("SPY", start=min(seen)[0] * NS_PER_MS - 1, end=simulator.clock.now())
        }
        assert seen <= truth
        await stream.logout()


async def test_the_sdk_reads_the_minutes_as_the_venue_really_orders_them(start, monkeypatch):
    settings = StreamSettings(chart_delay_s=1.0)
    async with (
        start(speed=60, stream=settings, market={"tick_rate": 2.0}) as simulator,
        sdk_client(simulator, monkeypatch) as client,
        asyncio.timeout(4 * DEADLINE_S),
    ):
        stream = StreamClient(client)
        await stream.login()
        bars = []
        stream.add_chart_equity_handler(lambda message: bars.extend(message["content"]))
        await stream.chart_equity_subs(["SPY"])
        while not bars:
            await stream.handle_message()
        bar = bars[0]
        assert bar["LOW_PRICE"] <= bar["OPEN_PRICE"] <= bar["HIGH_PRICE"]
        assert bar["CHART_TIME_MILLIS"] % 60_000 == 0


async def test_the_sdk_reads_history_quotes_and_todays_chain(start, monkeypatch):
    async with start() as simulator, sdk_client(simulator, monkeypatch) as client, asyncio.timeout(4 * DEADLINE_S):
        begin = datetime(2026, 11, 20, 14, tzinfo=UTC)
        reply = await client.get_price_history_every_minute("SPY", start_datetime=begin)
        assert len(reply.json()["candles"]) > 60
        quotes = (await client.get_quotes(["SPY", "$SPX"])).json()
        assert set(quotes) == {"SPY", "$SPX"}
        chain = await client.get_option_chain("$SPX", strike_count=4, from_date=begin.date(), to_date=begin.date())
        assert len(next(iter(chain.json()["putExpDateMap"].values()))) == 4
