"""The Databento feed against the simulated gateway: what is its own beside the contract of all feeds."""

from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.instruments.futures import active_contract, parse_contract
from engine.model.market import Bar, FeedGap, Quote, Tick
from marketdata.admin import FeedSourceForm
from marketdata.feeds.databento.feed import make, subscription
from marketdata.feeds.databento.options import DatabentoOptions
from marketdata.feeds.databento.symbols import venue_name_of
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import FeedSetup
from marketdata.feeds.symbols import streamer_symbol
from simulators.databento.serve import KEY, DatabentoConfig, serve
from simulators.market import MarketConfig
from tests.contracts.feeds.base import Venue, Watched
from tests.marketdata.feeds.databento.conftest import feed_of

ES, NQ = "/ESH28", "/NQH28"


def session_of(venue):
    (session,) = venue.simulator.gateway.clients
    return session


def is_whole(got: Watched, symbol: str = ES) -> bool:
    found = got.prints(symbol)
    return found == got.venue.sent(symbol, found[0].ts, found[-1].ts)


# ---- what is asked for ----------------------------------------------------------------------------------------


async def test_the_login_names_dataset_heartbeat_and_what_to_do_with_slow_readers(venue, watch):
    got = await watch(ES, heartbeat_s=15, slow_reader="warn")
    await got.until_prints(ES, 3)
    said = session_of(venue).login
    assert (said["dataset"], said["encoding"], said["heartbeat_interval_s"]) == ("GLBX.MDP3", "dbn", "15")
    assert said["slow_reader_behavior"] == "warn"


async def test_each_schema_is_subscribed_once_for_all_symbols(venue, watch):
    got = await watch(ES, NQ)
    await got.until_prints(NQ, 3)
    requests = session_of(venue).requests
    assert [each["schema"] for each in requests] == ["tbbo", "statistics", "status", "definition"]
    assert {(each["symbols"], each["stype_in"], each["is_last"]) for each in requests} == {
        ("ESH8,NQH8", "raw_symbol", "1")
    }
    assert not any("start" in each for each in requests)


def test_a_long_list_is_asked_for_in_lines_of_five_hundred():
    lines = subscription("trades", "raw_symbol", [f"S{number}" for number in range(1_200)], number=0, start=5)
    fields = [dict(part.split("=") for part in line.decode().strip().split("|")) for line in lines]
    assert [len(each["symbols"].split(",")) for each in fields] == [500, 500, 200]
    assert [each["is_last"] for each in fields] == ["0", "0", "1"]
    assert {each["start"] for each in fields} == {"5"}


@pytest.mark.parametrize(
    ("symbol", "options", "expected"),
    [
        ("/ESZ26", {}, "ESZ6"),
        ("/ES", {"contract": "v"}, "ES.v.0"),
        ("/ESZ26", {"contract": "v"}, "ESZ6"),
        ("SPY", {}, None),
        ("SPY", {"dataset": "XNAS.ITCH"}, "SPY"),
        ("/ES", {"dataset": "XNAS.ITCH"}, None),
        ("SPX", {"dataset": "XNAS.ITCH"}, None),
        ("SPXW  261120C06000000", {"dataset": "OPRA.PILLAR"}, "SPXW  261120C06000000"),
    ],
)
def test_our_symbols_have_the_exchanges_spelling_in_their_dataset(symbol, options, expected):
    assert venue_name_of(symbol, DatabentoOptions(**options), streamer_symbol) == expected


def test_a_root_is_its_active_contract_by_our_own_calendar():
    today = datetime.now(tz=UTC).date()
    assert venue_name_of("/NQ", DatabentoOptions(), streamer_symbol) == active_contract("/NQ", today).databento


async def test_a_symbol_of_another_dataset_is_refused_with_its_reason_and_the_others_come(venue, watch):
    got = await watch("SPY", ES)
    await got.until_prints(ES, 3)
    assert "no such symbol" in got.feed.refused["SPY"]
    assert set(got.feed.symbols) == {"SPY", ES}
    assert got.feed.symbols[ES] == "ESH8"


async def test_the_vendors_continuous_contract_is_mapped_to_the_exchanges(venue, watch):
    got = await watch("/NQ", contract="v", resolve=streamer_symbol)
    await got.until_prints("/NQ", 3)
    today = datetime.now(tz=UTC).date()
    assert got.feed.symbols["/NQ"] == active_contract("/NQ", today).databento


async def test_a_root_that_rolls_moves_over_to_the_new_contract(venue, watch):
    active = ["/ESH28"]
    got = await watch("/ES", resolve=lambda symbol: parse_contract(active[0]).streamer)
    await got.until_prints("/ES", 5)
    assert got.feed.symbols["/ES"] == "ESH8"
    active[0] = "/ESM28"
    await got.feed.subscribe(["/ES"])
    await got.until(lambda: got.feed.symbols["/ES"] == "ESM8", "the roll")
    mark = len(got.events)
    await got.until_prints("/ES", 5)
    (roll,) = got.gaps("/ES")
    assert (roll.is_roll, roll.reason) == (True, "/ES rolled from ESH8 to ESM8")
    ticks = got.ticks("/ES", since=max(mark, got.events.index(roll)))
    sent = venue.simulator.market.ticks("/ESM28:XCME", start=ticks[0].ts - 1, end=ticks[-1].ts)
    assert [(tick.ts, tick.price) for tick in ticks] == [(tick.ts, tick.price) for tick in sent]
    assert got.feed.connects == 1


# ---- what comes -----------------------------------------------------------------------------------------------


async def test_tbbo_gives_bid_and_ask_with_each_print_and_mbp_1_the_quotes_between(venue, watch):
    got = await watch(ES)
    await got.until_prints(ES, 10)
    assert all(tick.bid < tick.ask for tick in got.ticks(ES))
    assert not [event for event in got.events if isinstance(event, Quote)]
    deep = await watch(ES, prints="mbp-1")
    await deep.until_prints(ES, 10)
    assert [event for event in deep.events if isinstance(event, Quote)]
    assert is_whole(deep)


async def test_the_vendors_seconds_come_as_bars(venue, watch):
    got = await watch(ES, prints="ohlcv-1s")
    await got.until(lambda: len([event for event in got.events if isinstance(event, Bar)]) >= 2)
    bar = next(event for event in got.events if isinstance(event, Bar))
    inside = venue.sent(ES, bar.ts_open, bar.ts - 1)
    assert (bar.timeframe, bar.open, bar.close) == ("1s", inside[0].price, inside[-1].price)
    assert bar.volume == sum(each.size for each in inside)


async def test_the_days_summary_and_the_profile_come_as_facts(venue, watch):
    got = await watch(ES)
    await got.until(
        lambda: {event.kind for event in got.events if isinstance(event, SymbolFacts)} == {"summary", "profile"}
    )
    facts = {
        name: value for event in got.events if isinstance(event, SymbolFacts) for name, value in event.values.items()
    }
    assert facts["tradingStatus"] == "ACTIVE"
    assert (facts["tickSize"], facts["multiplier"]) == (0.25, 50.0)
    assert facts["openInterest"] == 2_000_000.0


# ---- what goes wrong ------------------------------------------------------------------------------------------


async def test_what_was_missed_in_a_cut_comes_as_one_frame_before_anything_newer(venue, watch):
    got = await watch(ES, NQ)
    await got.until_prints(ES, 20)
    await got.until_prints(NQ, 20, since=0)
    venue.fail("cut", for_s=0.5)
    await got.until(lambda: got.feed.connects == 2)
    await got.until_prints(ES, 60)
    await got.until_prints(NQ, 20)
    assert not [event for event in got.events if isinstance(event, FeedGap)]
    assert is_whole(got, ES)
    assert is_whole(got, NQ)
    assert [each.get("start") is not None for each in session_of(venue).requests] == [True, False, False, False]


async def test_bars_of_the_vendor_that_were_missed_come_too(venue, watch):
    got = await watch(ES, prints="ohlcv-1s")

    def opens():
        return [event.ts_open for event in got.events if isinstance(event, Bar)]

    await got.until(opens, "a bar")
    venue.fail("cut", for_s=1.5)
    await got.until(lambda: got.feed.connects == 2)
    end = venue.now() + 1_500_000_000
    await got.until(lambda: opens()[-1] > end, "bars again")
    assert {later - earlier for earlier, later in pairwise(opens())} == {1_000_000_000}
    assert not got.gaps(ES)


async def test_of_what_was_missed_under_mbp_1_the_prints_come_and_the_old_quotes_do_not(venue, watch):
    got = await watch(ES, prints="mbp-1")
    await got.until_prints(ES, 20)
    mark = len(got.events)
    venue.fail("cut", for_s=0.3)
    await got.until(lambda: got.feed.connects == 2)
    await got.until_prints(ES, 40)
    assert is_whole(got)
    frame = [event for event in got.events[mark:] if isinstance(event, Tick | Quote)]
    longest = max(len(list(run)) for kind, run in groupby(frame, key=type) if kind is Tick)
    assert longest > 10  # prints on end, where otherwise a quote follows each


@pytest.mark.parametrize("options", [{"replay_missed_s": 0.0}, {"replay_missed_s": 0.2}])
async def test_where_nothing_is_replayed_a_cut_is_a_gap(venue, watch, options):
    got = await watch(ES, **options)
    await got.until_prints(ES, 10)
    venue.fail("cut", for_s=0.5)
    await got.until(lambda: got.feed.connects == 2)
    await got.until_prints(ES, 10)
    assert "disconnected" in got.gaps(ES)[-1].reason
    ticks = got.ticks(ES)
    gap = got.events.index(got.gaps(ES)[-1])
    after = next(event for event in got.events[gap:] if isinstance(event, Tick))
    before = next(event for event in reversed(got.events[:gap]) if isinstance(event, Tick))
    assert venue.sent(ES, before.ts + 1, after.ts - 1), "nothing was missed"
    assert ticks == sorted(ticks, key=lambda tick: tick.ts)


async def test_a_replay_that_is_refused_is_a_gap_and_is_not_asked_for_again(venue, watch, monkeypatch):
    got = await watch(ES)
    await got.until_prints(ES, 10)
    monkeypatch.setattr(got.feed._translator, "expect_repeats", lambda: venue.now() - 90_000_000_000_000)
    venue.fail("cut", for_s=0.1)
    await got.until(lambda: got.gaps(ES), "a gap")
    await got.until_prints(ES, 10)
    assert "REPLAY_DATA_AGED_OUT" in got.feed.last_error
    assert "start" not in session_of(venue).requests[0]


async def test_a_line_that_breaks_again_while_it_catches_up_is_asked_for_all_of_it_again(venue, watch):
    got = await watch(ES)
    await got.until_prints(ES, 10)
    got.feed._catch_up = lambda events, told: got.feed._held.extend(events) or ()  # it never catches up
    venue.fail("cut", for_s=0.1)
    await got.until(lambda: got.feed._held, "a replay")
    del got.feed._catch_up
    connects = got.feed.connects
    venue.fail("cut", for_s=0.1)
    await got.until(lambda: got.feed.connects > connects, "another connection")
    await got.until_prints(ES, 20)
    assert not got.gaps(ES)
    assert is_whole(got)


async def test_a_replay_that_does_not_come_in_time_is_a_gap(venue, watch, monkeypatch):
    monkeypatch.setattr("marketdata.feeds.databento.feed._CATCH_UP_S", 0.0)
    got = await watch(ES)
    await got.until_prints(ES, 10)
    told = got.feed._translator.translate

    def without_the_mark(data, ts_recv, said):
        found = told(data, ts_recv, said)
        said.systems.clear()
        return found

    monkeypatch.setattr(got.feed._translator, "translate", without_the_mark)
    venue.fail("cut", for_s=0.1)
    await got.until(lambda: got.gaps(ES), "a gap")
    assert "did not come in time" in got.gaps(ES)[0].reason
    await got.until_prints(ES, 10)


async def test_a_symbol_that_cannot_be_resolved_is_left_out_for_a_while(venue, watch):
    got = await watch("/CLF28", ES)
    await got.until_prints(ES, 5)
    assert "does not know CLF8" in got.feed.refused["/CLF28"]
    assert got.feed.connects == 2
    requests = session_of(venue).requests
    assert all("CLF8" not in each["symbols"].split(",") for each in requests)


async def test_a_key_that_is_withdrawn_is_told_and_not_tried_in_haste(venue, watch):
    got = await watch(ES, reconnect_cap_s=30.0)
    await got.until_prints(ES, 5)
    before = venue.attempts
    venue.fail("token_expiry")
    await got.until(lambda: "API key" in got.feed.last_error, "the reason")
    assert venue.attempts == before
    assert not got.feed.is_connected


async def test_records_that_the_gateway_skipped_are_a_gap(venue, watch, monkeypatch):
    got = await watch(ES, slow_reader="skip")
    await got.until_prints(ES, 5)
    mark = len(got.ticks(ES)) - 1
    monkeypatch.setattr("simulators.databento.session.SLOW_BYTES", -1)  # nobody reads fast enough now
    begun = venue.now()
    await got.until(lambda: venue.now() > begun + 300_000_000)
    monkeypatch.undo()
    await got.until(lambda: got.gaps(ES), "a gap")
    await got.until_prints(ES, 5)
    assert "skipped" in got.gaps(ES)[0].reason
    assert got.feed.connects == 1
    ticks = got.ticks(ES)
    assert venue.sent(ES, ticks[mark].ts, ticks[-1].ts) != got.prints(ES)[mark:]


async def test_a_warning_that_we_read_too_slowly_is_counted_and_nothing_is_missing(venue, watch, monkeypatch):
    got = await watch(ES, slow_reader="warn")
    await got.until_prints(ES, 5)
    monkeypatch.setattr("simulators.databento.session.SLOW_BYTES", -1)
    await got.until(lambda: any("SLOW_READER" in reason for reason in got.feed.counts), "the warning")
    await got.until_prints(ES, 5)
    assert is_whole(got)
    assert not got.gaps(ES)


async def test_a_line_without_even_a_heartbeat_is_dead(venue, watch):
    got = await watch(ES, dead_after_s=0.4)
    await got.until_prints(ES, 5)
    venue.fail("mute")
    await got.until(lambda: "heartbeat" in got.feed.last_error, "the silence noticed")
    venue.heal()
    await got.until_prints(ES, 5)
    assert is_whole(got)


async def test_a_gateway_that_is_not_there_is_told(venue):
    feed = feed_of(venue.simulator, gateway="127.0.0.1:1")
    await feed.subscribe([ES])
    got = Watched(feed, venue)
    try:
        await got.until(lambda: "127.0.0.1:1 cannot be reached" in feed.last_error)
    finally:
        await got.close()


async def test_stocks_come_from_their_own_dataset():
    market = MarketConfig(seed=3, symbols=("SPY",), tick_rate=100.0, always_open=True)
    async with await serve(DatabentoConfig(market=market, poll_s=0.01)) as simulator:
        venue = Venue(simulator)
        feed = feed_of(simulator, dataset="EQUS.MINI", resolve=str)
        await feed.subscribe(["SPY"])
        got = Watched(feed, venue)
        try:
            await got.until_prints("SPY", 20)
            assert is_whole(got, "SPY")
        finally:
            await got.close()


def test_it_can_be_chosen_in_the_admin_and_is_called_legacy():
    field: Any = FeedSourceForm().fields["kind"]
    choices = dict(field.choices)
    assert "legacy" in choices["databento"]
    assert "legacy" not in choices["dxlink"]


def test_a_feed_without_a_key_is_refused():
    with pytest.raises(InvalidInput, match="API key"):
        make(FeedSetup("d", "", " ", {}, streamer_symbol))


def test_where_bars_come_once_a_minute_silence_may_last_longer():
    feed = make(FeedSetup("d", "", KEY, {"prints": "ohlcv-1m"}, streamer_symbol))
    assert feed._settings.mute_after_s > 120
    assert DatabentoOptions().address == ("glbx-mdp3.lsg.databento.com", 13000)
