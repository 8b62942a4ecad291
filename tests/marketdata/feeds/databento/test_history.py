"""Databento's history over HTTP: which bars, what of it is refused, and a backfill that needs no stream."""

import asyncio

import httpx
import pytest

from engine.instruments.catalog import bar_session
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from marketdata.backfill.sources import FeedHistory
from marketdata.feeds.databento.history import DatabentoHistory, TooExpensive
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable
from simulators.databento.serve import KEY, DatabentoConfig, serve
from tests.marketdata.feeds.databento.conftest import MARKET, feed_of

ES = "/ESH28"


@pytest.fixture
async def history(venue):
    made = DatabentoHistory("test", KEY, dataset="GLBX.MDP3", url=venue.simulator.rest_url)
    yield made
    await made.close()


async def of(history, timeframe, *, start, end, symbol=ES, name="ESH8"):
    return await history.bars(symbol, name, timeframe, start=start, end=end)


async def test_hours_are_made_of_hours_and_days_of_the_exchanges_trading_day(venue, history):
    end = venue.now()
    hours = await of(history, "2h", start=end - 12 * NS_PER_HOUR, end=end)
    assert {(bar.ts - bar.ts_open) // NS_PER_HOUR for bar in hours} == {2}
    assert all(bar.ts_open % (2 * NS_PER_HOUR) == 0 for bar in hours)
    opened = bar_session(ES)(end - 8 * NS_PER_DAY).open  # the simulated market trades at weekends too
    days = await of(history, "1d", start=opened, end=end)
    assert 4 <= len(days) <= 7
    for bar in days:
        session = bar_session(ES)(bar.ts_open)
        assert (bar.ts_open, bar.ts) == (session.open, session.close)
        whole = await of(history, "1h", start=bar.ts_open, end=bar.ts)
        assert bar.volume == sum(hour.volume for hour in whole if hour.ts_open >= bar.ts_open)
        assert bar.high == max(hour.high for hour in whole)
        break


async def test_tick_bars_are_whole_and_counted_by_us(venue, history):
    end = venue.now()
    bars = await of(history, "200t", start=end - 5 * NS_PER_MINUTE, end=end)
    assert len(bars) > 5
    assert {bar.trade_count for bar in bars} == {200}
    assert {bar.quality for bar in bars} == {"vendor"}


async def test_what_the_vendor_does_not_have_yet_is_not_asked_for():
    async with await serve(DatabentoConfig(market=MARKET, history_lag_s=600.0)) as simulator:
        end = simulator.clock.now()
        made = DatabentoHistory("test", KEY, dataset="GLBX.MDP3", url=simulator.rest_url)
        bars = await of(made, "1", start=end - 30 * NS_PER_MINUTE, end=end)
        assert end - 12 * NS_PER_MINUTE < bars[-1].ts <= end - 10 * NS_PER_MINUTE
        assert await of(made, "1", start=end - 5 * NS_PER_MINUTE, end=end) == []
        await made.close()


async def test_a_request_that_costs_more_than_allowed_is_not_made(venue):
    end = venue.now()
    made = DatabentoHistory("test", KEY, dataset="GLBX.MDP3", url=venue.simulator.rest_url, max_cost_usd=0.000_01)
    with pytest.raises(TooExpensive, match="max_cost_usd") as refused:
        await of(made, "1", start=end - 20 * NS_PER_HOUR, end=end)
    assert not refused.value.retryable
    assert not [path for path, _ in venue.simulator.historical.requests if "get_range" in path and "timeseries" in path]
    assert await of(made, "1", start=end - 2 * NS_PER_MINUTE, end=end)
    await made.close()


async def test_a_busy_venue_says_when_to_ask_again(venue, history):
    venue.fail("throttle")
    async with asyncio.timeout(60):
        while not venue.simulator.faults.refuses_requests:
            await asyncio.sleep(0.01)
    before = venue.attempts
    with pytest.raises(FeedUnavailable, match="429") as busy:
        await of(history, "1", start=venue.now() - NS_PER_HOUR, end=venue.now())
    assert busy.value.retry_after_s == 1.0
    assert venue.attempts - before == 1


async def test_a_wrong_key_is_told_in_clear_words(venue):
    made = DatabentoHistory("test", "db-" + "x" * 29, dataset="GLBX.MDP3", url=venue.simulator.rest_url)
    with pytest.raises(FeedUnauthorized, match="API key"):
        await of(made, "1", start=venue.now() - NS_PER_HOUR, end=venue.now())
    await made.close()


async def test_an_unknown_symbol_has_no_history_and_is_no_error(venue, history):
    assert await of(history, "1", start=venue.now() - NS_PER_HOUR, end=venue.now(), name="XXZ9") == []


async def test_an_answer_that_cannot_be_read_is_an_error(history, venue, monkeypatch):
    end = venue.now()
    await history._available_end()

    async def broken(verb, method, **content):
        return httpx.Response(200, content=b"no zstd at all")

    monkeypatch.setattr(history, "_ask", broken)
    with pytest.raises(FeedProtocolError, match="cannot be read"):
        await of(history, "1", start=end - NS_PER_HOUR, end=end)


async def test_a_server_that_is_not_there_may_be_asked_again():
    made = DatabentoHistory("test", KEY, dataset="GLBX.MDP3", url="http://127.0.0.1:1")
    with pytest.raises(FeedUnavailable, match="does not answer"):
        await of(made, "1", start=0, end=NS_PER_S)
    await made.close()


async def test_a_backfill_needs_no_stream(venue):
    source = FeedHistory(feed_of(venue.simulator))
    end = venue.now()
    bars = await source.bars(ES, "1", start=end - NS_PER_HOUR, end=end)
    assert 58 <= len(bars) <= 60
    assert venue.simulator.gateway.attempts == 0
    await source.close()
