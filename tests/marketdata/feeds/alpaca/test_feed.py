"""What Alpaca's refusals mean for the feed, and its history, against the simulator."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.model.market import Bar, Quote, TickCorrected
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from marketdata.feeds.alpaca.asking import Asking
from marketdata.feeds.alpaca.feed import AlpacaFeed, AlpacaKey, make
from marketdata.feeds.alpaca.options import AlpacaOptions
from marketdata.feeds.errors import FeedUnauthorized, FeedUnavailable
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import FeedSetup
from simulators.alpaca.serve import AlpacaConfig, AlpacaSimulator, serve_alpaca
from simulators.alpaca.stream import DataLimits
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from tests.contracts.feeds.base import Venue, Watched
from tests.simulators.waiting import refusing

KEY = AlpacaKey("k", "s")


@asynccontextmanager
async def simulator(*, tick_rate: float = 40.0, **settings: Any) -> AsyncIterator[AlpacaSimulator]:
    market = MarketConfig(seed=3, symbols=("SPY", "QQQ", "IBM"), tick_rate=tick_rate, always_open=True)
    async with await serve_alpaca(AlpacaConfig(market=market, stream_port=0, poll_s=0.01, **settings)) as running:
        yield running


def feed_of(venue: AlpacaSimulator, **options: Any) -> AlpacaFeed:
    quick = {"reconnect_base_s": 0.02, "reconnect_cap_s": 0.1, "busy_wait_s": 0.3, "requests_per_minute": 10_000}
    urls = {"data_url": venue.rest_url, "stream_url": venue.stream_url}
    return AlpacaFeed("alpaca", KEY, AlpacaOptions(**{**quick, **urls, **options}))


@asynccontextmanager
async def watching(venue: AlpacaSimulator, *symbols: str, **options: Any) -> AsyncIterator[Watched]:
    feed = feed_of(venue, **options)
    await feed.subscribe(symbols)
    watched = Watched(feed, Venue(venue))
    try:
        yield watched
    finally:
        await watched.close()


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_both_languages_bring_every_print_to_the_nanosecond(codec):
    async with simulator() as venue, watching(venue, "SPY", codec=codec) as got:
        await got.until_prints("SPY", 60)
        found = got.prints("SPY")
        assert found == got.venue.sent("SPY", found[0].ts, found[-1].ts)
        assert [event for event in got.events if isinstance(event, Quote)]


async def test_symbols_beyond_the_plan_are_refused_by_name_and_the_others_come():
    limits = DataLimits(symbols=2)
    async with simulator(limits=limits) as venue, watching(venue, "SPY", "QQQ", "IBM", "/ES") as got:
        await got.until(lambda: len(got.feed.refused) == 2 and got.ticks("SPY") and got.ticks("QQQ"))
        assert "405" in got.feed.refused["IBM"]
        assert "no such symbol" in got.feed.refused["/ES"]
        assert got.feed.connects == 1
        await got.feed.unsubscribe(["SPY"])
        await got.until(lambda: got.ticks("IBM"), "the symbol there is room for now")
        assert set(got.feed.refused) == {"/ES"}


async def test_one_silent_symbol_is_asked_for_again_and_a_refused_one_is_not():
    limits = DataLimits(symbols=2)
    async with (
        simulator(limits=limits) as venue,
        watching(venue, "SPY", "QQQ", "IBM", symbol_mute_after_s=0.3) as got,
    ):
        asked: Counter[str] = Counter()  # of what was looked at once IBM was refused
        silent = got.feed._watchdog.silent

        def listened(*args: Any) -> list[str]:
            found: list[str] = silent(*args)
            asked.update(found if "IBM" in got.feed.refused else ())
            return found

        got.feed._watchdog.silent = listened
        await got.until(lambda: got.feed.refused and got.ticks("SPY") and got.ticks("QQQ"))
        venue.faults.add(FaultScript("mute", symbols=("SPY",)))
        await got.until(lambda: asked["SPY"] >= 2, "the question, twice")
        assert "IBM" not in asked
        venue.faults.clear()
        await got.until_prints("SPY", 3)
        assert got.feed.connects == 1


async def test_a_connection_that_another_process_holds_is_waited_for():
    async with simulator() as venue, watching(venue, "SPY") as first:
        await first.until_prints("SPY", 3)
        async with watching(venue, "SPY") as second:
            await second.until(lambda: "406" in second.feed.last_error)
            assert second.feed.connects == 0
            await first.close()
            await second.until_prints("SPY", 3)


async def test_a_feed_the_plan_does_not_hold_is_a_refused_login():
    async with simulator(limits=DataLimits(feeds=("iex",))) as venue, watching(venue, "SPY", feed="sip") as got:
        await got.until(lambda: "409" in got.feed.last_error)
        assert "plan" in got.feed.last_error


async def test_corrections_cancels_and_halts_come_as_events():
    async with simulator() as venue, watching(venue, "SPY") as got:
        await got.until_prints("SPY", 5)
        printed = venue.last_print("SPY")
        assert printed
        await got.until(lambda: got.ticks("SPY")[-1].ts >= printed.ts)
        venue.correct("SPY", printed, price=printed.price - 1, size=4)
        venue.cancel_print("SPY", printed)
        venue.halt("SPY")
        await got.until(lambda: [event for event in got.events if isinstance(event, SymbolFacts)])
        changed, gone = [event for event in got.events if isinstance(event, TickCorrected)]
        assert changed.original.ts == gone.original.ts == printed.ts
        assert changed.replacement
        assert (changed.replacement.price, changed.replacement.size) == (printed.price - 1, 4)
        assert gone.replacement is None


async def test_prints_lost_without_a_word_show_in_the_venues_minute():
    options = {"speed": 60.0, "loss_grace_s": 0.4}
    async with simulator(speed=60.0) as venue, watching(venue, "SPY", **options) as got:
        await got.until_prints("SPY", 5)
        minute = NS_PER_MINUTE
        await got.until(lambda: got.ticks("SPY")[-1].ts // minute >= got.ticks("SPY")[0].ts // minute + 3, "3 minutes")
        assert not got.gaps("SPY")
        assert not [event for event in got.events if isinstance(event, Bar)]
        venue.faults.add(FaultScript("gap", share=0.2))
        await got.until(lambda: [gap for gap in got.gaps("SPY") if gap.missed], "a gap")
        gap = next(gap for gap in got.gaps("SPY") if gap.missed)
        assert gap.ts - gap.since == minute


async def test_the_venues_own_minutes_instead_of_prints():
    options = {"prints": "minute_bars", "quotes": False, "speed": 120.0}
    async with simulator(speed=120.0) as venue, watching(venue, "SPY", **options) as got:
        await got.until(lambda: len(got.events) >= 3)
        assert {type(event) for event in got.events} == {Bar}
        bar = got.events[0]
        ticks = list(venue.market.ticks("SPY", start=bar.ts_open - 1, end=bar.ts - 1))
        assert (bar.open, bar.close, bar.trade_count) == (ticks[0].price, ticks[-1].price, len(ticks))


async def test_history_comes_without_a_stream_and_daily_bars_span_the_trading_day():
    async with simulator(start="2026-11-20T20:00:00+00:00") as venue:
        feed = feed_of(venue)
        try:
            now = venue.clock.now()
            days = await feed.history("SPY", "1d", start=now - 12 * NS_PER_DAY, end=now)
            seconds = await feed.history("SPY", "30s", start=now - 10 * NS_PER_MINUTE, end=now)
            hours = await feed.history("SPY", "1h", start=now - 6 * NS_PER_HOUR, end=now)
            assert await feed.history("/ES", "1", start=now - NS_PER_HOUR, end=now) == []
        finally:
            await feed.close()
        weekdays = [bar for bar in days if 1 <= (bar.ts_open // NS_PER_DAY + 4) % 7 <= 5]
        assert weekdays
        assert {bar.ts - bar.ts_open for bar in weekdays} == {16 * NS_PER_HOUR}
        assert all(bar.ts <= now for bar in days)
        assert 18 <= len(seconds) <= 20
        assert len(hours) == 6
        assert all(bar.quality == "vendor" for bar in [*days, *seconds, *hours])


async def test_a_busy_data_service_is_obeyed_and_a_wrong_key_is_told():
    async with simulator() as venue:
        feed = feed_of(venue)
        venue.faults.add(FaultScript("throttle"))
        await refusing(venue)
        try:
            with pytest.raises(FeedUnavailable) as busy:
                await feed.history("SPY", "1", start=0, end=1)
            assert busy.value.retry_after_s == 1.0
        finally:
            await feed.close()
        wrong = AlpacaFeed("alpaca", AlpacaKey("", ""), feed.options)
        venue.faults.clear()
        with pytest.raises(FeedUnauthorized, match="403"):
            await wrong.history("SPY", "1", start=0, end=1)
        await wrong.close()


def test_a_refused_batch_is_halved_until_the_symbols_are_found():
    asking = Asking(lambda action, symbols: f"{action} {','.join(symbols)}".encode(), batch=4)
    room = 3
    refused: list[str] = []
    given: list[str] = []
    frames = [*asking.ask("subscribe", ["A", "B", "C", "D", "E"])]
    while frames:
        _, _, names = frames.pop().decode().partition(" ")
        symbols = names.split(",")
        if len(given) + len(symbols) <= room:
            given += symbols
            granted, more = asking.granted()
            assert granted == symbols
            frames += more
        else:
            lost, more = asking.refused()
            refused += lost
            frames += more
    assert (given, refused) == (["A", "B", "C"], ["D", "E"])


def test_the_token_is_a_pair_of_key_and_secret():
    setup = FeedSetup("alpaca", "http://127.0.0.1:1", '{"key": "k", "secret": "s"}', {"feed": "sip"}, str)
    feed = make(setup)
    assert (feed.options.feed, feed.options.data_url) == ("sip", "http://127.0.0.1:1")
    with pytest.raises(InvalidInput, match="key and secret"):
        make(setup._replace(token="only a key"))
