"""The tastytrade SDK, unchanged, as an independent client: it logs in and streams from the simulator."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
import tastytrade.session
from tastytrade import DXLinkStreamer, Session
from tastytrade.dxfeed import Candle, Greeks, Profile, Quote, Summary, TimeAndSale, Trade
from tastytrade.utils import TastytradeError

from engine.model.time import NS_PER_MS, to_datetime
from simulators.dxlink.quote_tokens import Credentials
from tests.simulators.link import DEADLINE_S

END_OF_SNAPSHOT = 8


@pytest.fixture
def sdk_points_at(monkeypatch):
    return lambda simulator: monkeypatch.setattr(tastytrade.session, "API_URL", simulator.rest_url)


async def test_the_sdk_streams_quotes_trades_and_candles(start, sdk_points_at):
    async with start(speed=5) as simulator, asyncio.timeout(4 * DEADLINE_S):
        sdk_points_at(simulator)
        async with Session("secret", "refresh", trust_env=False) as session, DXLinkStreamer(session) as streamer:
            assert await session.validate()
            symbols = ["SPY", "/MESZ26:XCME"]
            await streamer.subscribe(Quote, symbols)
            await streamer.subscribe(Trade, symbols, refresh_interval=0)
            quotes = [await streamer.get_event(Quote) for _ in range(30)]
            assert {quote.event_symbol for quote in quotes} == set(symbols)
            assert all(quote.bid_price < quote.ask_price for quote in quotes)
            trades = [await streamer.get_event(Trade) for _ in range(60)]
            truth = {
                (tick.symbol, tick.ts // NS_PER_MS, Decimal(str(tick.price)), int(tick.size))
                for symbol in symbols
                for tick in simulator.market.ticks(
                    symbol, start=simulator.clock.now() - 120_000_000_000, end=simulator.clock.now()
                )
            }
            assert {(trade.event_symbol, trade.time, trade.price, trade.size) for trade in trades} <= truth

            since = to_datetime(simulator.clock.now()) - timedelta(minutes=30)
            await streamer.subscribe_candle(["SPY"], "1m", since, extended_trading_hours=True)
            candles = [await streamer.get_event(Candle)]
            while not candles[-1].event_flags & END_OF_SNAPSHOT:
                candles.append(await streamer.get_event(Candle))
            assert len(candles) >= 30
            assert candles[0].snapshot_begin
            assert candles[0].event_symbol == "SPY{=m}"
            assert all(candle.low <= candle.open <= candle.high for candle in candles[:-1])
            following = await streamer.get_event(Candle)
            assert following.time >= candles[0].time


async def test_the_sdk_reads_the_other_events_too(start, sdk_points_at):
    async with start() as simulator, asyncio.timeout(2 * DEADLINE_S):
        sdk_points_at(simulator)
        async with Session("secret", "refresh", trust_env=False) as session, DXLinkStreamer(session) as streamer:
            await streamer.subscribe(TimeAndSale, ["SPY"])
            await streamer.subscribe(Summary, ["SPY"])
            await streamer.subscribe(Profile, ["SPY"])
            await streamer.subscribe(Greeks, [".SPXW261120C6500"])
            sale = await streamer.get_event(TimeAndSale)
            assert sale.aggressor_side in ("BUY", "SELL")
            assert sale.price in (sale.bid_price, sale.ask_price)
            summary = await streamer.get_event(Summary)
            assert summary.day_low_price and summary.day_open_price and summary.day_high_price
            assert summary.day_low_price <= summary.day_open_price <= summary.day_high_price
            assert (await streamer.get_event(Profile)).description == "SPDR S&P 500 ETF"
            assert 0 < (await streamer.get_event(Greeks)).delta < 1


async def test_the_sdk_is_told_when_its_refresh_token_is_wrong(start, sdk_points_at):
    async with start(credentials=Credentials(refresh_token="right")) as simulator:
        sdk_points_at(simulator)
        async with Session("secret", "wrong", trust_env=False) as session:
            with pytest.raises(TastytradeError, match="invalid_grant"):
                await session.refresh()
