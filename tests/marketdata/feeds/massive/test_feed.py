"""What Massive's statuses mean for the feed, its other markets, and its history, against the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.model.market import Bar, FeedGap, Quote
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from marketdata.feeds.errors import FeedUnauthorized, FeedUnavailable
from marketdata.feeds.massive.feed import MassiveFeed, make
from marketdata.feeds.massive.options import MassiveOptions
from marketdata.feeds.registry import FEEDS, FeedSetup
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from simulators.massive.serve import MassiveConfig, MassiveSimulator, serve_massive
from simulators.massive.stream import MassiveLimits
from tests.contracts.feeds.base import Venue, Watched
from tests.simulators.waiting import refusing


@asynccontextmanager
async def simulator(*, tick_rate: float = 20.0, **settings: Any) -> AsyncIterator[MassiveSimulator]:
    market = MarketConfig(seed=3, tick_rate=tick_rate, always_open=True)
    async with await serve_massive(MassiveConfig(market=market, stream_port=0, poll_s=0.01, **settings)) as running:
        yield running


def feed_of(venue: MassiveSimulator, **options: Any) -> MassiveFeed:
    quick = {"reconnect_base_s": 0.02, "reconnect_cap_s": 0.1, "busy_wait_s": 0.3, "requests_per_minute": 10_000}
    urls = {"data_url": venue.rest_url, "stream_url": venue.stream_url}
    return MassiveFeed("massive", "k", MassiveOptions(**{**quick, **urls, **options}))


@asynccontextmanager
async def watching(venue: MassiveSimulator, *symbols: str, **options: Any) -> AsyncIterator[Watched]:
    feed = feed_of(venue, **options)
    await feed.subscribe(symbols)
    watched = Watched(feed, Venue(venue))
    try:
        yield watched
    finally:
        await watched.close()


async def test_a_subscription_that_the_plan_lacks_is_refused_by_name_and_the_line_stays():
    limits = MassiveLimits(channels=("Q",))
    async with simulator(limits=limits) as venue, watching(venue, "SPY") as got:
        await got.until(lambda: got.feed.refused and [event for event in got.events if isinstance(event, Quote)])
        assert "not authorized to subscribe to T.SPY" in got.feed.refused["SPY"]
        assert got.feed.connects == 1


async def test_a_plan_without_quotes_or_minutes_still_brings_prints():
    async with simulator(limits=MassiveLimits(channels=("T",))) as venue, watching(venue, "SPY") as got:
        await got.until_prints("SPY", 5)
        left_out = [reason for reason in got.feed.counts if "not authorized" in reason]
        assert len(left_out) == 2
        assert not got.feed.refused


async def test_prints_lost_without_a_word_show_in_the_venues_minute():
    options = {"speed": 60.0, "loss_grace_s": 0.5}
    async with simulator(speed=60.0) as venue, watching(venue, "SPY", **options) as got:
        await got.until_prints("SPY", 5)
        minute = NS_PER_MINUTE
        await got.until(lambda: got.ticks("SPY")[-1].ts // minute >= got.ticks("SPY")[0].ts // minute + 3, "3 minutes")
        assert not got.gaps("SPY")
        venue.faults.add(FaultScript("gap", share=0.2))
        await got.until(lambda: [gap for gap in got.gaps("SPY") if gap.ts - gap.since == NS_PER_MINUTE], "a gap")
        gap = got.gaps("SPY")[0]
        assert "of it was received" in gap.reason
        assert isinstance(got.events[got.events.index(gap)], FeedGap)


async def test_a_place_that_another_connection_took_is_waited_for():
    async with simulator() as venue, watching(venue, "SPY") as first:
        await first.until_prints("SPY", 3)
        async with watching(venue, "SPY") as second:
            await first.until(lambda: "max_connections" in first.feed.last_error)
            assert first.gaps("SPY")
            await second.until_prints("SPY", 3)
            await first.close()


@pytest.mark.parametrize(("market", "symbol"), [("indices", "SPX"), ("futures", "/ES")])
async def test_other_markets_have_connections_of_their_own(market, symbol):
    async with simulator() as venue, watching(venue, symbol, "SPY", market=market) as got:
        await got.until_prints(symbol, 5)
        assert not got.ticks("SPY")
        assert "no such symbol" in got.feed.refused["SPY"]


@pytest.mark.parametrize(("prints", "timeframe"), [("minute_bars", "1"), ("second_bars", "1s")])
async def test_the_venues_own_bars_instead_of_prints(prints, timeframe):
    options = {"prints": prints, "quotes": False, "speed": 60.0}
    async with simulator(speed=60.0) as venue, watching(venue, "SPY", **options) as got:
        await got.until(lambda: len(got.events) >= 3)
        assert {(type(event), event.timeframe) for event in got.events} == {(Bar, timeframe)}
        bar = got.events[1]
        ticks = list(venue.market.ticks("SPY", start=bar.ts_open - 1, end=bar.ts - 1))
        assert (bar.open, bar.close, bar.volume) == (ticks[0].price, ticks[-1].price, sum(tick.size for tick in ticks))


async def test_history_comes_without_a_stream_from_aggregates_and_from_prints():
    async with simulator(start="2026-11-20T20:00:00+00:00", tick_rate=2.0) as venue:
        feed = feed_of(venue)
        try:
            now = venue.clock.now()
            days = await feed.history("SPY", "1d", start=now - 12 * NS_PER_DAY, end=now)
            minutes = await feed.history("SPY", "1", start=now - 5 * NS_PER_HOUR, end=now)
            seconds = await feed.history("SPY", "30s", start=now - 10 * NS_PER_MINUTE, end=now)
            counted = await feed.history("SPY", "100t", start=now - NS_PER_HOUR, end=now)
            assert await feed.history("/ES", "1", start=now - NS_PER_HOUR, end=now) == []
        finally:
            await feed.close()
        weekdays = [bar for bar in days if 1 <= (bar.ts_open // NS_PER_DAY + 4) % 7 <= 5]
        assert {bar.ts - bar.ts_open for bar in weekdays} == {16 * NS_PER_HOUR}
        assert len(minutes) == 300
        assert len(seconds) == 20
        assert {bar.trade_count for bar in counted} == {100}


async def test_a_busy_service_is_obeyed_and_a_wrong_key_is_told():
    async with simulator(key="k") as venue:
        feed = feed_of(venue)
        wrong = MassiveFeed("massive", "other", feed.options)
        try:
            with pytest.raises(FeedUnauthorized, match="Unknown API Key"):
                await wrong.history("SPY", "1", start=0, end=1)
            venue.faults.add(FaultScript("throttle"))
            await refusing(venue)
            with pytest.raises(FeedUnavailable) as busy:
                await feed.history("SPY", "1", start=0, end=1)
            assert busy.value.retry_after_s == 1.0
        finally:
            await feed.close()
            await wrong.close()


def test_both_names_of_the_vendor_make_the_same_feed():
    assert FEEDS["polygon"] is FEEDS["massive"]
    feed = make(FeedSetup("mine", "", "key", {"market": "indices"}, str))
    assert feed.options.channels() == ["V"]
    with pytest.raises(InvalidInput, match="API key"):
        make(FeedSetup("mine", "", "", {}, str))


def test_prints_and_bars_are_never_asked_for_together():
    for prints in ("trades", "minute_bars", "second_bars"):
        assert len(MassiveOptions(prints=prints, quotes=False, check_minutes=False).channels()) == 1
    assert MassiveOptions().channels() == ["T", "AM", "Q"]
