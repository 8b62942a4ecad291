"""The DXLink feed over real sockets against the simulated venue: data, faults, recovery."""

import time

import pytest

from engine.model.market import FeedGap, Quote, Tick
from engine.model.time import NS_PER_HOUR
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from marketdata.feeds.errors import FeedUnavailable
from marketdata.feeds.facts import SymbolFacts
from simulators.faults import FaultScript
from tests.marketdata.feeds.conftest import Collector, feed_of, until


def sent(venue, symbol: str, first: int, last: int) -> list[tuple[int, float, float]]:
    """What the venue really printed in [first, last]."""
    ticks = venue.market.ticks(symbol, start=first - 1, end=last)
    return [(tick.ts, tick.price, tick.size if tick.size == tick.size else 0.0) for tick in ticks]


def received(ticks: list[Tick]) -> list[tuple[int, float, float]]:
    return [(tick.ts, tick.price, tick.size) for tick in ticks]


@pytest.mark.parametrize("data_format", ["COMPACT", "FULL"])
@pytest.mark.parametrize("prints", ["auto", "time_and_sale", "trade"])
async def test_every_print_comes_once_with_its_time_price_and_size(venue, collect, prints, data_format):
    got = await collect("SPY", "QQQ", "SPX", prints=prints, data_format=data_format)
    await until(lambda: all(len(got.of(Tick, symbol)) > 40 for symbol in ("SPY", "QQQ", "SPX")))
    for symbol in ("SPY", "QQQ", "SPX"):
        ticks = got.of(Tick, symbol)
        assert received(ticks) == sent(venue, symbol, ticks[0].ts, ticks[-1].ts)
        assert all(0 < tick.ts_recv - tick.ts < 5_000_000_000 for tick in ticks)


async def test_quotes_and_facts_come_too(venue, collect):
    got = await collect("SPY", greeks=False)
    await until(lambda: len(got.of(Quote)) > 5 and len(got.of(SymbolFacts)) >= 2 and got.of(Tick))
    assert all(quote.bid < quote.ask for quote in got.of(Quote))
    assert {facts.kind for facts in got.of(SymbolFacts)} == {"summary", "profile"}
    await until(lambda: got.feed.translator.has_sales)
    count = len(got.of(Tick))
    await until(lambda: len(got.of(Tick)) > count + 5)
    assert all(tick.bid < tick.ask for tick in got.of(Tick)[count + 1 :])


async def test_a_symbol_added_and_removed_while_connected(venue, collect):
    got = await collect("SPY")
    await until(lambda: got.of(Tick))
    await got.feed.subscribe(["QQQ"])
    await until(lambda: got.of(Tick, "QQQ"))
    await got.feed.unsubscribe(["SPY"])

    def others_since() -> int:
        """Prints of QQQ since the last one of SPY: what was under way has come before."""
        last = max(at for at, event in enumerate(got.events) if isinstance(event, Tick) and event.symbol == "SPY")
        return sum(isinstance(event, Tick) for event in got.events[last + 1 :])

    await until(lambda: others_since() > 20)
    assert got.feed.symbols == {"QQQ": "QQQ"}


async def test_many_symbols_fit_the_frame_limit(venue, collect):
    got = await collect("SPY", *[f"NONE{number:04d}" for number in range(600)])
    await until(lambda: got.of(Tick))
    assert got.feed.connects == 1


async def test_a_cut_is_told_as_a_gap_and_healed_without_help(venue, collect):
    got = await collect("SPY")
    await until(lambda: len(got.of(Tick)) > 20)
    venue.faults.add(FaultScript("cut", for_s=0.6))
    await until(lambda: got.feed.connects == 2)
    before = len(got.events)
    await until(lambda: len(got.of(Tick)) > 20 and any(isinstance(event, Tick) for event in got.events[before + 5 :]))
    gaps = [place for place, event in enumerate(got.events) if isinstance(event, FeedGap)]
    assert len(gaps) == 2
    assert "was disconnected" in got.events[gaps[1]].reason
    ticks = got.of(Tick)
    assert received(ticks) == [
        each for each in sent(venue, "SPY", ticks[0].ts, ticks[-1].ts) if each in received(ticks)
    ]


async def test_connected_but_mute_is_noticed_and_reconnected(venue, collect):
    got = await collect("SPY", mute_after_s=0.5)
    await until(lambda: len(got.of(Tick)) > 20)
    venue.faults.add(FaultScript("mute"))
    await until(lambda: got.of(FeedGap))
    venue.faults.clear()
    await until(lambda: got.feed.connects >= 2)
    count = len(got.of(Tick))
    await until(lambda: len(got.of(Tick)) > count + 20)
    assert "connected but mute" in got.of(FeedGap)[0].reason


async def test_one_silent_symbol_is_subscribed_again(venue, collect, caplog):
    caplog.set_level("INFO")
    got = await collect("SPY", "QQQ", symbol_mute_after_s=0.5, mute_after_s=4.0)
    await until(lambda: len(got.of(Tick)) > 20 and got.of(Tick, "QQQ"))
    venue.faults.add(FaultScript("mute", symbols=("SPY",)))
    await until(lambda: "silent, subscribed again: SPY" in caplog.text)
    venue.faults.clear()
    assert got.feed.connects == 1
    await until(lambda: got.of(FeedGap))
    gap = got.of(FeedGap)[0]
    assert "of it was received" in gap.reason
    ticks = got.of(Tick)
    whole = [each for each in sent(venue, "SPY", ticks[0].ts, gap.ts) if each[0] <= gap.since]
    assert whole == received([tick for tick in ticks if tick.ts <= gap.since])  # what was lost comes after it


async def test_an_unreadable_frame_is_a_gap_and_several_end_the_connection(venue, collect):
    got = await collect("SPY")
    await until(lambda: len(got.of(Tick)) > 20)
    venue.faults.add(FaultScript("bad_frame"))
    await until(lambda: got.of(FeedGap))
    await until(lambda: got.feed.counts["unreadable frame"] >= 1)
    venue.faults.clear()
    count = len(got.of(Tick))
    await until(lambda: len(got.of(Tick)) > count + 100)
    assert "could not be read" in got.of(FeedGap)[0].reason


async def test_repeated_prints_are_counted_once(venue, collect):
    got = await collect("SPY")
    venue.faults.add(FaultScript("duplicate", for_s=30.0))
    await until(lambda: got.feed.counts["duplicate print"] > 10 and len(got.of(Tick)) > 60)
    ticks = got.of(Tick)
    assert received(ticks) == sent(venue, "SPY", ticks[0].ts, ticks[-1].ts)


async def test_an_expired_token_is_fetched_anew(venue, collect):
    got = await collect("SPY")
    await until(lambda: got.of(Tick))
    venue.faults.add(FaultScript("token_expiry"))
    count = len(got.of(Tick))
    await until(lambda: len(got.of(Tick)) > count + 40)


async def test_the_token_is_renewed_before_it_ends_without_losing_the_line(venue, collect):
    asked = []
    feed = feed_of(venue, token_life_s=0.4)
    fetch = feed._fetch_token

    async def counted():
        asked.append(time.monotonic())
        return await fetch()

    feed._fetch_token = counted
    await feed.subscribe(["SPY"])
    got = Collector(feed)
    try:
        await until(lambda: len(asked) >= 3)
        count = len(got.of(Tick))
        await until(lambda: len(got.of(Tick)) > count + 20)
        assert feed.connects == 1
        assert not got.of(FeedGap)
    finally:
        await got.close()


async def test_history_comes_oldest_first_closed_and_as_the_vendors(venue, collect):
    got = await collect("SPY", mute_after_s=10.0)
    await until(lambda: got.of(Tick))
    end = venue.clock.now()
    bars = await got.feed.history("SPY", "1", start=end - NS_PER_HOUR, end=end)
    assert 50 <= len(bars) <= 60
    assert [bar.ts for bar in bars] == sorted({bar.ts for bar in bars})
    assert bars[-1].ts <= end
    assert {(bar.symbol, bar.timeframe, bar.quality, bar.source) for bar in bars} == {
        ("SPY", "1", "vendor", "vendor:test")
    }
    ticks = sent(venue, "SPY", bars[-1].ts_open, bars[-1].ts - 1)
    assert (bars[-1].open, bars[-1].close) == (ticks[0][1], ticks[-1][1])
    assert bars[-1].volume == sum(size for _, _, size in ticks)


async def test_history_of_ticks_and_of_an_unknown_symbol(venue, collect):
    got = await collect("SPY", mute_after_s=10.0)
    await until(lambda: got.of(Tick))
    end = venue.clock.now()
    bars = await got.feed.history("SPY", "144t", start=end - NS_PER_HOUR // 6, end=end)
    assert len(bars) > 10
    assert {bar.trade_count for bar in bars[:-1]} == {144}
    assert await got.feed.history("NONE", "1", start=end - NS_PER_HOUR, end=end) == []


async def test_history_fails_where_there_is_no_line(venue):
    feed = feed_of(venue)
    with pytest.raises(FeedUnavailable, match="not connected"):
        await feed.history("SPY", "1", start=0, end=1)


async def test_a_refused_login_is_not_repeated_in_haste(venue):
    feed = DXLinkFeed("test", token=TokenSource(venue.rest_url, "not a token").fetch, options=DXLinkOptions())
    await feed.subscribe(["SPY"])
    got = Collector(feed)
    try:
        await until(lambda: feed.last_error)
        assert "log in to the broker again" in feed.last_error
        assert feed.connects == 0
    finally:
        await got.close()
