"""The Schwab feed over real sockets, where it differs from any other feed."""

import time
from typing import Any

import pytest

from brokers.tokens import TokenSource
from brokers.venue import NotAuthorized
from engine.bars.expand import Expander
from engine.model.market import Bar, FeedGap, Quote
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS
from marketdata.backfill.sources import FeedHistory
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import FEEDS, FeedSetup
from marketdata.feeds.schwab.feed import SchwabFeed, following, resolve
from marketdata.feeds.schwab.history import wanted
from marketdata.feeds.schwab.login import LoginToken
from simulators.faults import FaultScript
from simulators.schwab.session import StreamSettings
from tests.marketdata.feeds.schwab.conftest import SECRET


def bars_of(got, symbol):
    return [event for event in got.events if isinstance(event, Bar) and event.symbol == symbol]


async def test_no_volume_is_lost_with_the_trades_in_between(start, watch):
    """Level one comes ten times a second here, the trades two hundred times."""
    async with start(market={"symbols": ("SPY",), "tick_rate": 200.0}, poll_s=0.1) as simulator:
        got = await watch(simulator, "SPY")
        await got.until_prints("SPY", 15, since=0)
        first, last = got.ticks("SPY")[0], got.ticks("SPY")[-1]
        found = sum(tick.size for tick in got.ticks("SPY")[1:])
        sent = [
            tick
            for tick in got.venue.ticks("SPY", start=first.ts, end=last.ts + NS_PER_MS)
            if first.ts < tick.ts // NS_PER_MS * NS_PER_MS <= last.ts
        ]
        assert len(sent) > 3 * len(got.ticks("SPY"))
        assert found == pytest.approx(sum(tick.size for tick in sent), rel=0.02)


async def test_minutes_come_from_the_vendor_whole_and_once(start, watch):
    stream = StreamSettings(chart_delay_s=2.0)
    async with start(market={"symbols": ("SPY",), "tick_rate": 2.0}, speed=60.0, stream=stream) as simulator:
        got = await watch(simulator, "SPY", speed=60.0)
        await got.until(lambda: len(bars_of(got, "SPY")) >= 3)
        bars = bars_of(got, "SPY")
        assert {(bar.timeframe, bar.quality, bar.source) for bar in bars} == {("1", "vendor", "vendor:schwab")}
        assert [bar.ts_open for bar in bars] == [bars[0].ts_open + at * NS_PER_MINUTE for at in range(len(bars))]
        maker = Expander("SPY", ["1"])
        sent = got.venue.ticks("SPY", start=bars[0].ts_open - 1, end=bars[-1].ts + NS_PER_MINUTE)
        built = {bar.ts: bar for tick in sent for bar in maker.on_tick(tick)}
        for bar in bars:
            ours = built[bar.ts]
            assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
                *(ours.open, ours.high, ours.low, ours.close, ours.volume),
            )


async def test_minutes_can_be_sampled_instead(start, watch):
    async with start(market={"symbols": ("SPY",)}, speed=60.0, stream=StreamSettings(chart_delay_s=0.0)) as simulator:
        got = await watch(simulator, "SPY", minutes="sampled", speed=60.0)
        await got.until_prints("SPY", 200, since=0)
        assert bars_of(got, "SPY") == []
        assert got.feed.native_timeframes("SPY") == frozenset()


async def test_a_stock_a_future_an_index_and_an_option_on_one_line(start, watch):
    option = "SPXW  261120C06600000"
    async with start(market={"symbols": ("SPY", "/ESZ26:XCME", "SPX")}, start="2026-11-20T15:00:20+00:00") as simulator:
        got = await watch(simulator, "SPY", "/ESZ26", "SPX", option)
        for symbol in ("SPY", "/ESZ26", "SPX"):
            await got.until_prints(symbol, 5, since=0)
        assert {tick.size for tick in got.ticks("SPX")} == {0.0}
        await got.until(lambda: any(isinstance(event, SymbolFacts) and event.kind == "greeks" for event in got.events))
        quotes = [event for event in got.events if isinstance(event, Quote) and event.symbol == option]
        assert quotes[0].bid < quotes[0].ask
        assert not got.ticks(option)
        assert got.feed.symbols["SPX"] == "$SPX"
        assert got.feed.connects == 1


async def test_a_line_without_a_wish_is_kept_by_one_key_that_nobody_reads(start, watch):
    async with start(market={"symbols": ("SPY", "SPX")}, stream=StreamSettings(idle_s=1.5)) as simulator:
        got = await watch(simulator)
        await got.until(lambda: got.feed.is_connected)
        served, since = simulator.stream.attempts, time.monotonic()
        await got.until(lambda: time.monotonic() - since > 2.0 and got.feed.counts["unknown symbol"] > 20)
        await got.feed.subscribe(["SPY"])
        await got.until_prints("SPY", 5)
        await got.feed.unsubscribe(["SPY"])
        ignored = got.feed.counts["unknown symbol"]
        await got.until(lambda: got.feed.counts["unknown symbol"] > ignored + 20)
        assert simulator.stream.attempts == served == 1
        assert not [event for event in got.events if isinstance(event, FeedGap)]


async def test_a_second_connection_of_the_login_is_told_so_and_takes_over_when_the_first_ends(start, watch):
    async with start(market={"symbols": ("SPY",)}) as simulator:
        first = await watch(simulator, "SPY")
        await first.until_prints("SPY", 3)
        second = await watch(simulator, "SPY")
        await second.until(lambda: "another connection of this login" in second.feed.last_error)
        await first.close()
        await second.until_prints("SPY", 3)


async def test_more_symbols_than_the_venue_allows_are_refused_and_named(start, watch, caplog):
    async with start(market={"symbols": ("SPY",), "extra_symbols": 6}) as simulator:
        got = await watch(simulator, *[f"SYM{number:03d}" for number in range(1, 6)], max_symbols=3)
        await got.until_prints("SYM001", 3, since=0)
        assert set(got.feed.refused) == {"SYM004", "SYM005"}
        assert "the limit of 3 symbols a service is reached" in caplog.text


async def test_a_lost_frame_is_followed_by_a_whole_new_subscription(start, watch):
    async with start(market={"symbols": ("SPY",)}) as simulator:
        got = await watch(simulator, "SPY")
        await got.until_prints("SPY", 5)
        simulator.faults.add(FaultScript("bad_frame", share=1.0))
        await got.until(lambda: got.gaps("SPY"))
        simulator.faults.clear()
        mark = len(got.events)
        await got.until_prints("SPY", 10, since=mark)
        sent = {
            (tick.ts // NS_PER_MS * NS_PER_MS, tick.price)
            for tick in got.venue.ticks("SPY", start=got.ticks("SPY")[0].ts - NS_PER_MS, end=got.venue.now())
        }
        assert {(tick.ts, tick.price) for tick in got.ticks("SPY")} <= sent


async def test_history_of_sizes_that_the_venue_lacks_is_put_together_and_of_ticks_there_is_none(start, watch):
    async with start(market={"symbols": ("SPY", "/ESZ26:XCME")}, start="2026-11-20T15:07:20+00:00") as simulator:
        got = await watch(simulator, "SPY")
        await got.until(lambda: got.feed.is_connected)
        end = got.venue.now()
        minutes = await got.feed.history("SPY", "1", start=end - 2 * NS_PER_HOUR, end=end)
        threes = await got.feed.history("SPY", "3", start=end - NS_PER_HOUR, end=end)
        assert minutes[-1].ts <= end < minutes[-1].ts + NS_PER_MINUTE
        for bar in threes:
            parts = [each for each in minutes if bar.ts_open < each.ts <= bar.ts]
            assert (bar.open, bar.close) == (parts[0].open, parts[-1].close)
            assert (bar.high, bar.low) == (max(each.high for each in parts), min(each.low for each in parts))
            assert bar.volume == sum(each.volume for each in parts)
        days = await got.feed.history("SPY", "1d", start=end - 200 * NS_PER_HOUR, end=end)
        assert [bar.timeframe for bar in days] == ["1d"] * len(days)
        assert len(days) >= 4
        for timeframe in ("30s", "144t", "5000v"):
            assert await got.feed.history("SPY", timeframe, start=end - NS_PER_HOUR, end=end) == []
        assert await got.feed.history("/ESZ26", "1", start=end - NS_PER_HOUR, end=end) == []


@pytest.mark.parametrize(
    ("timeframe", "minutes"), [("1", 1), ("2", 1), ("5", 5), ("20", 10), ("45", 15), ("1h", 30), ("4h", 30)]
)
def test_the_largest_candle_that_fits_is_asked_for(timeframe, minutes):
    asked = wanted("SPY", timeframe)
    assert asked is not None
    assert asked.minutes == minutes


def test_symbols_in_schwabs_spelling():
    assert [resolve(symbol) for symbol in ("SPY", "BRK.B", "SPX", "SPXW  261120C06000000", "/ESZ26")] == [
        *("SPY", "BRK/B", "$SPX", "SPXW  261120C06000000", "/ESZ26"),
    ]
    root = resolve("/ES")
    assert root is not None
    assert (root[:3], len(root)) == ("/ES", 6)
    assert resolve("EUR/USD") is None


async def test_a_login_older_than_seven_days_asks_for_a_person(start, watch):
    async with start(market={"symbols": ("SPY",)}) as simulator:
        simulator.login.end_login()
        got = await watch(simulator, "SPY", reconnect_cap_s=30.0)
        await got.until(lambda: got.feed.last_error)
        assert "every seven days" in got.feed.last_error
        assert got.feed.connects == 0


async def test_a_secret_that_is_none_names_what_was_expected():
    with pytest.raises(NotAuthorized, match="app_key, app_secret and refresh_token"):
        await LoginToken("http://127.0.0.1:1", '{"app_key": "k"}')()
    with pytest.raises(NotAuthorized, match="no login"):
        await LoginToken("http://127.0.0.1:1", " ")()


def test_a_feed_without_a_secret_takes_the_login_of_the_accounts_and_its_address(settings):
    settings.VENUES = {
        "schwab": {"client_id": "k", "client_secret": "s", "redirect_uri": "", "api_url": "http://127.0.0.1:1"}
    }
    feed: Any = FEEDS["schwab"].make(FeedSetup("schwab", "", "", {}, lambda symbol: symbol))
    assert isinstance(feed._token, TokenSource)
    assert (feed._token.broker, feed._token.login) == ("schwab", "main")
    assert feed._client._api_url == "http://127.0.0.1:1"
    own: Any = FEEDS["schwab"].make(FeedSetup("schwab", "http://127.0.0.1:2", SECRET, {}, lambda symbol: symbol))
    assert isinstance(own._token, LoginToken)
    assert own._client._api_url == "http://127.0.0.1:2"


def test_a_future_is_the_contract_that_people_chose_to_roll_to():
    chosen = {"/NQ": "/NQH27:XCME", "/ESZ26": "/ESZ26:XCME"}
    names = following(lambda symbol: chosen[symbol])
    assert [names(symbol) for symbol in ("/NQ", "/ESZ26", "SPX", "BRK.B")] == ["/NQH27", "/ESZ26", "$SPX", "BRK/B"]


async def test_a_backfill_beside_the_running_feed_takes_no_second_line(start, watch):
    async with start(market={"symbols": ("SPY",)}, start="2026-11-20T15:07:20+00:00") as simulator:
        got = await watch(simulator, "SPY")
        await got.until_prints("SPY", 3)
        url = simulator.rest_url
        source = FeedHistory(SchwabFeed("schwab", token=LoginToken(url, SECRET), api_url=url))
        end = got.venue.now()
        bars = await source.bars("SPY", "5", start=end - 2 * NS_PER_HOUR, end=end)
        assert 22 <= len(bars) <= 24
        assert source.request_ns is not None
        await source.close()
        assert simulator.stream.attempts == 1
