"""What every feed promises, tried against its venue's own protocol on real sockets, with everything that goes wrong."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest

from engine.bars.timeframe import parse_timeframe
from engine.model.market import Quote, Tick
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata.feeds.dxlink.connection import DXLinkConnection
from marketdata.feeds.errors import FeedError
from marketdata.feeds.registry import FEEDS
from marketdata.feeds.streaming.line import StreamLine
from marketdata.feeds.streaming.pace import Turns
from marketdata.history import plan_join
from tests.contracts.feeds import feeds_under_test
from tests.contracts.feeds.base import DEADLINE_S, FeedUnderTest, Policy, Venue, Watched
from tests.contracts.feeds.checks import (
    assert_no_print_is_missing_unless_told,
    assert_nothing_invented,
    assert_nothing_lost,
    assert_same_as_built,
    assert_true,
    built_bars,
    connected_again,
    until_it_goes_on,
)
from tests.simulators.waiting import refusing

ENTRIES = feeds_under_test()
Watch = Callable[..., Awaitable[Watched]]


def having(condition: Callable[[FeedUnderTest], Any]) -> pytest.MarkDecorator:
    """The feeds that the promise concerns."""
    chosen = [entry for entry in ENTRIES if condition(entry)]
    return pytest.mark.parametrize("entry", chosen, ids=[entry.name for entry in chosen])


every_feed = having(lambda entry: True)
over_a_socket = having(lambda entry: entry.has_socket)


def suffering(fault: str) -> pytest.MarkDecorator:
    return having(lambda entry: fault in entry.faults)


@pytest.fixture
async def venue(entry: FeedUnderTest) -> AsyncIterator[Venue]:
    async with entry.start() as running:
        yield running


@pytest.fixture
async def watch(entry: FeedUnderTest, venue: Venue) -> AsyncIterator[Watch]:
    """`await watch("SPY", …)`: a feed with these symbols wanted, and what it receives."""
    made: list[Watched] = []

    async def begin(*symbols: str, policy: Policy = Policy(), is_welcome: bool = True, **options: Any) -> Watched:
        feed = entry.make(venue, policy, is_welcome=is_welcome, **options)
        await feed.subscribe(symbols)
        made.append(Watched(feed, venue))
        return made[-1]

    yield begin
    for each in made:
        await each.close()


def test_every_kind_of_feed_is_under_contract():
    assert {entry.name for entry in ENTRIES} == set(FEEDS)


@every_feed
async def test_every_print_comes_once_with_its_time_price_and_size(entry, watch):
    got = await watch(*entry.symbols)
    assert not got.feed.is_connected
    for symbol in entry.symbols:
        await got.until_prints(symbol, 40, since=0)
        assert_true(got, entry, symbol)
    assert got.feed.is_connected
    assert set(got.feed.symbols) == set(entry.symbols)


@every_feed
async def test_receipts_are_stamped_and_told(entry, watch):
    begun = time.time_ns()
    got = await watch(entry.symbols[0])
    await got.until_prints(entry.symbols[0])
    now = time.time_ns()
    for event in got.events:
        if isinstance(event, Tick | Quote):
            assert (begun <= event.ts_recv <= now) if entry.stamps_receipt else event.ts_recv == 0
    assert begun <= got.feed.last_received(entry.symbols[0]) <= now
    assert got.feed.last_received(entry.unknown) == 0


@every_feed
async def test_symbols_come_and_go_while_it_runs(entry, watch):
    stays, goes = entry.symbols
    got = await watch(goes)
    await got.until_prints(goes, 5)
    assert not got.ticks(stays)
    await got.feed.subscribe([stays])
    await got.until_prints(stays, 5)
    await got.feed.unsubscribe([goes])
    await got.until_prints_without(goes, stays)
    assert set(got.feed.symbols) == {stays}
    assert_true(got, entry, stays)


@every_feed
async def test_wanting_a_symbol_again_doubles_nothing(entry, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    for _ in range(3):
        await got.feed.subscribe([symbol])
    await got.until_prints(symbol, 30)
    assert_true(got, entry, symbol)


@every_feed
async def test_a_symbol_that_the_venue_does_not_know_disturbs_nobody(entry, watch):
    symbol = entry.symbols[0]
    got = await watch(entry.unknown, symbol)
    await got.until_prints(symbol, 30)
    assert_true(got, entry, symbol)
    assert not got.ticks(entry.unknown)


@every_feed
async def test_nothing_wanted_is_no_error_and_the_first_symbol_may_come_later(entry, watch):
    got = await watch()
    await got.until(lambda: got.feed.is_connected, "connected without a symbol")
    assert not got.events
    await got.feed.subscribe(entry.symbols[:1])
    await got.until_prints(entry.symbols[0], 5)


# ---- the vendor's limits --------------------------------------------------------------------------------------


@over_a_socket
async def test_symbols_beyond_the_limit_are_named_the_others_come_and_a_free_place_is_taken(entry, watch):
    """The venue would give both: the second is not asked for."""
    first, second = entry.symbols
    got = await watch(first, second, max_symbols=1)
    await got.until_prints(first, 10)
    assert "the limit of 1 symbols" in got.feed.refused[second]
    assert not got.ticks(second)
    await got.feed.unsubscribe([first])
    await got.until_prints(second, 10)
    assert not got.feed.refused
    await got.feed.subscribe([first])
    assert set(got.feed.refused) == {first}
    assert got.feed.connects == 1


@having(lambda entry: entry.has_socket and entry.many)
async def test_no_message_asks_for_more_than_the_venue_takes(entry, watch, monkeypatch):
    sent: list[bytes] = []
    for line in (StreamLine, DXLinkConnection):
        monkeypatch.setattr(line, "send", _listening(line.send, sent))
    got = await watch(*entry.many, max_symbols=len(entry.many))
    limits = FEEDS[entry.name].limits(got.feed.options)
    names = list(got.feed.symbols.values())
    await got.until(lambda: _named(names, b"".join(sent)) == set(names), "everything asked for")
    assert not got.feed.refused
    assert max(len(frame) for frame in sent) <= (limits.message_bytes or 1 << 20)
    assert max(len(_named(names, frame)) for frame in sent) <= (limits.symbols_a_message or len(names))


@having(lambda entry: entry.history and "requests_per_minute" in FEEDS[entry.name].options_type.__struct_fields__)
async def test_requests_for_history_wait_for_their_turn(entry, watch, monkeypatch):
    turns: list[str] = []
    take = Turns.__call__

    async def counted(turn: Turns) -> None:
        turns.append("a request")
        await take(turn)

    got = await watch(entry.symbols[0])
    await got.until(lambda: got.feed.is_connected)
    monkeypatch.setattr(Turns, "__call__", counted)
    end = got.venue.now()
    await got.feed.history(entry.symbols[0], "1", start=end - 2 * NS_PER_MINUTE, end=end)
    assert turns
    limits = FEEDS[entry.name].limits(got.feed.options)
    assert limits.requests_per_minute == got.feed.options.requests_per_minute


def _listening(send: Callable[..., Awaitable[None]], sent: list[bytes]) -> Callable[..., Awaitable[None]]:
    async def listen(line: Any, frames: Iterable[bytes]) -> None:
        kept = list(frames)
        sent.extend(kept)
        await send(line, kept)

    return listen


def _named(names: list[str], frame: bytes) -> set[str]:
    words = set(re.findall(rb"[A-Z]+[0-9]+", frame))
    return {name for name in names if name.encode() in words}


@every_feed
async def test_closing_ends_the_frames_and_leaves_no_task(entry, venue):
    before = asyncio.all_tasks()
    feed = entry.make(venue, Policy())
    await feed.subscribe(entry.symbols)
    got = Watched(feed, venue)
    await got.until_prints(entry.symbols[0], 5)
    await feed.close()
    await asyncio.wait_for(got.task, DEADLINE_S)
    assert {task for task in asyncio.all_tasks() - before if task is not got.task and _is_ours(task)} == set()


def _is_ours(task: asyncio.Task[Any]) -> bool:
    return "marketdata" in repr(task.get_coro()) and not task.done()


async def told_meanwhile(feed, action):
    """What the feed says to the venue while `action` runs."""
    said, say = [], feed._say

    async def listened(frames):
        frames = list(frames)
        said.extend(frames)
        await say(frames)

    feed._say = listened
    await action
    feed._say = say
    return said


@having(lambda entry: entry.alias)
async def test_two_names_of_one_thing_both_get_everything_and_it_is_asked_for_once(entry, venue, watch):
    """As "/ES" and "/ESZ26" until the roll."""
    first, alias = entry.symbols[0], entry.alias
    got = await watch(first)
    await got.until_prints(first, 5)
    said = await told_meanwhile(got.feed, got.feed.subscribe([alias]))
    assert said == []
    both = len(got.events)
    await got.until_prints(alias, 20)
    assert got.prints(first, since=both) == got.prints(alias, since=both)
    assert got.feed.last_received(alias) == got.feed.last_received(first) > 0
    venue.fail("cut", for_s=0.2)
    await got.until(connected_again(got, 1), "a new connection")
    await got.until_prints(alias, 10)
    assert len(got.gaps(first, since=both)) == len(got.gaps(alias, since=both))
    assert bool(got.gaps(alias)) != entry.replays_missed
    await got.feed.unsubscribe([first])
    await got.until_prints_without(first, alias)
    assert set(got.feed.symbols) == {alias}
    assert_nothing_invented(got, alias)
    assert_no_print_is_missing_unless_told(got, entry, alias)


# ---- the line breaks ------------------------------------------------------------------------------------------


@suffering("cut")
async def test_a_cut_heals_without_help_and_is_told_as_a_gap_before_the_next_print(entry, venue, watch):
    got = await watch(*entry.symbols)
    for symbol in entry.symbols:
        await got.until_prints(symbol, 10, since=0)
    mark = len(got.events)
    venue.fail("cut", for_s=0.3)
    await got.until(lambda: not got.feed.is_connected, "the cut noticed")
    await until_it_goes_on(got, entry, mark)
    assert got.feed.last_error
    assert got.feed.connects == 2


@suffering("cut")
async def test_what_is_wanted_is_restated_after_a_cut_as_it_is_by_then(entry, venue, watch):
    first, second = entry.symbols
    got = await watch(first)
    await got.until_prints(first, 5)
    venue.fail("cut")
    await got.until(lambda: not got.feed.is_connected, "the cut noticed")
    await got.feed.subscribe([second])
    await got.feed.unsubscribe([first])
    venue.heal()
    await got.until(lambda: got.feed.is_connected, "connected again")
    mark = len(got.events)
    await got.until_prints(second, 10)
    assert not got.ticks(first, since=mark)


@suffering("cut")
async def test_five_minutes_without_a_line_are_no_storm_and_it_comes_back_within_the_cap(entry, venue, watch):
    """The default policy (0.5 s, doubling, at most 30 s) and five minutes, both three hundred times as fast."""
    symbol, scale = entry.symbols[0], 300
    policy = Policy(reconnect_base_s=0.5 / scale, reconnect_cap_s=30 / scale)
    got = await watch(symbol, policy=policy)
    await got.until_prints(symbol, 5)
    before, begun, pauses = venue.attempts, time.monotonic(), pauses_told(got.feed)
    venue.fail("cut")
    await got.until(lambda: time.monotonic() - begun > 300 / scale and len(pauses) > 8, "five minutes")
    assert sum(pauses[:-1]) <= time.monotonic() - begun
    assert venue.attempts - before <= len(pauses) * entry.steps
    for number, pause_s in enumerate(pauses):
        longest = min(policy.reconnect_cap_s, policy.reconnect_base_s * 2**number)
        assert longest / 2 <= pause_s <= longest
    venue.heal()
    await got.until_prints(symbol, 5)


@having(lambda entry: entry.hang_ups)
async def test_however_the_venue_hangs_up_the_next_connection_carries_on(entry, venue, watch):
    got = await watch(*entry.symbols)
    for number, (way, hang_up) in enumerate(entry.hang_ups.items(), start=1):
        for symbol in entry.symbols:
            await got.until_prints(symbol, 5)
        mark = len(got.events)
        hang_up(venue.simulator)
        await got.until(connected_again(got, number), f"a new connection after {way}")
        await until_it_goes_on(got, entry, mark)
        assert got.feed.connects == number + 1, way
        assert got.feed.last_error, way


@suffering("mute")
async def test_connected_but_mute_is_noticed_and_told(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol, policy=Policy(mute_after_s=0.5, answer_timeout_s=0.5))
    await got.until_prints(symbol, 5)
    mark, (silences, _) = len(got.events), silences_told(got.feed)
    venue.fail("mute")
    await got.until(lambda: silences, "the silence noticed")
    venue.heal()
    await got.until(connected_again(got, 1), "a new connection")
    await until_it_goes_on(got, entry._replace(symbols=(symbol, symbol)), mark)


@suffering("half_day")
async def test_a_market_that_closed_early_is_no_storm_of_connections(entry, venue, watch):
    """Silence from a venue that answers: given up after 0.4 s, then ever more rarely. On a busy machine last values may
    come so late that the silence begins anew: once it lasts, it must double all the same."""
    symbol, mute_after_s = entry.symbols[0], 0.4
    got = await watch(symbol, policy=Policy(mute_after_s=mute_after_s))
    await got.until_prints(symbol, 5)
    begun, silences, others = time.monotonic(), *silences_told(got.feed)
    connects = got.feed.connects
    venue.fail("half_day")
    await got.until(lambda: max(silences, default=0.0) >= 2 * mute_after_s, "a silence twice as long")
    assert sum(silences) <= time.monotonic() - begun
    assert all(now in (2 * before, mute_after_s) for before, now in pairwise(silences))
    assert got.feed.connects - connects <= len(silences) + len(others)
    venue.heal()
    await got.until_prints(symbol, 5)


def pauses_told(feed: Any) -> list[float]:
    """How long `feed` means to wait before each new connection from now on, in seconds."""
    pauses: list[float] = []
    next_delay = feed._backoff.next_delay

    def listened(**options: float) -> float:
        pauses.append(next_delay(**options))
        return pauses[-1]

    feed._backoff.next_delay = listened
    return pauses


def silences_told(feed: Any) -> tuple[list[float], list[str]]:
    """The silences after which `feed` gives up a line, in seconds, and what else ends one, as they come from now on."""
    silences: list[float] = []
    others: list[str] = []
    rest = feed._rest

    async def listened(error: FeedError) -> None:
        told = re.fullmatch(r"connected but mute: no market data for ([0-9.]+) s", error.detail)
        if told:
            silences.append(float(told[1]))
        else:
            others.append(error.detail)
        await rest(error)

    feed._rest = listened
    return silences, others


# ---- the login ------------------------------------------------------------------------------------------------


@having(lambda entry: entry.has_login)
async def test_a_refused_login_is_told_in_clear_words_and_not_repeated_in_haste(entry, venue, watch):
    got = await watch(entry.symbols[0], policy=Policy(reconnect_cap_s=30.0), is_welcome=False)
    await got.until(lambda: got.feed.last_error, "an error")
    asked = venue.attempts
    await asyncio.sleep(0.4)
    assert venue.attempts == asked <= entry.steps
    assert not got.feed.is_connected
    assert got.feed.connects == 0
    assert not got.events
    assert any(word in got.feed.last_error.lower() for word in ("login", "log in", "key", "credential", "token"))


@suffering("token_expiry")
async def test_an_expired_token_is_replaced_without_help(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    mark = len(got.events)
    venue.fail("token_expiry", for_s=0.05)
    await got.until(lambda: got.feed.connects >= 2, "a new connection")
    assert got.gaps(symbol, since=mark)
    await got.until_prints(symbol, 20)
    assert_nothing_invented(got, symbol)


@suffering("throttle")
async def test_a_busy_venue_is_asked_again_when_it_says_so_and_no_sooner(entry, venue, watch):
    """429 with Retry-After: 1, from the first request on."""
    venue.fail("throttle")
    await refusing(venue.simulator)
    begun = time.monotonic()
    got = await watch(entry.symbols[0])
    await got.until(lambda: venue.attempts >= 2, "asked again")
    assert venue.attempts <= 1 + int(time.monotonic() - begun)
    venue.heal()
    await got.until_prints(entry.symbols[0], 5)
    assert got.feed.connects == 1


# ---- the data is damaged --------------------------------------------------------------------------------------


@suffering("bad_frame")
async def test_nothing_of_a_broken_frame_is_believed_and_what_was_in_it_is_not_missing_in_silence(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    mark = len(got.events)
    venue.fail("bad_frame", share=0.4)
    if entry.replays_missed:
        await got.until(connected_again(got, 1), "a new connection")
    else:
        await got.until(lambda: got.gaps(symbol, since=mark), "a gap")
    venue.heal()
    await got.until_prints(symbol, 30)
    assert got.feed.is_connected
    assert_nothing_invented(got, symbol)
    assert_no_print_is_missing_unless_told(got, entry, symbol)


@suffering("duplicate")
async def test_a_print_that_comes_twice_counts_once(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    venue.fail("duplicate", for_s=60.0, share=0.5)
    await got.until_prints(symbol, 100)
    assert_true(got, entry, symbol)


@suffering("late")
async def test_late_prints_keep_the_venues_time(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    mark = len(got.events)
    venue.fail("late", delay_s=0.3)
    await got.until(lambda: [tick for tick in got.ticks(symbol, since=mark) if _delay_s(tick) > 0.28], "a late print")
    venue.heal()
    await got.until_prints(symbol, 20)
    assert_nothing_invented(got, symbol)
    assert_nothing_lost(got, entry, symbol)


def _delay_s(tick: Tick) -> float:
    return (tick.ts_recv - tick.ts) / NS_PER_S


@suffering("reorder")
async def test_overtaken_prints_come_all_the_same_and_once(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    venue.fail("reorder", share=0.3)
    if entry.has_every_print:
        await got.until(lambda: got.prints(symbol) != sorted(got.prints(symbol)), "something out of order")
    await got.until_prints(symbol, 30)
    venue.heal()
    await got.until_prints(symbol, 30)
    assert_nothing_invented(got, symbol)
    assert_nothing_lost(got, entry, symbol)


@suffering("gap")
async def test_prints_lost_without_a_word_are_told_where_the_protocol_shows_it(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until_prints(symbol, 5)
    venue.fail("gap", share=0.5)
    await got.until(lambda: "gap" in venue.simulator.faults.names()["active"], "the fault")
    if entry.tells_lost_prints:
        await got.until(lambda: got.gaps(symbol), "a gap")
    await got.until_prints(symbol, 30)
    venue.heal()
    await got.until_prints(symbol, 30)
    assert_nothing_invented(got, symbol)


# ---- history --------------------------------------------------------------------------------------------------


@having(lambda entry: entry.history)
async def test_history_meets_the_bars_made_of_prints_without_a_double_or_a_hole(entry, venue, watch):
    symbol = entry.symbols[0]
    got = await watch(symbol)
    await got.until(lambda: got.feed.is_connected)
    end = venue.now()
    start = end - 11 * NS_PER_MINUTE
    built = built_bars(venue, symbol, [each for each in entry.history if parse_timeframe(each).duration_ns], start, end)
    for timeframe in entry.history:
        bars = await got.feed.history(symbol, timeframe, start=start, end=end)
        assert bars, timeframe
        assert {(bar.symbol, bar.timeframe, bar.quality) for bar in bars} == {(symbol, timeframe, "vendor")}
        assert all(start < bar.ts <= end for bar in bars)
        assert all(one.ts <= other.ts_open for one, other in pairwise(bars))
        if timeframe in built:
            assert_same_as_built(bars, built[timeframe])
        assert plan_join([], bars) == ([], bars)


@having(lambda entry: entry.history)
async def test_history_of_an_unknown_symbol_is_empty_or_an_error_of_ours(entry, venue, watch):
    got = await watch(entry.symbols[0])
    await got.until(lambda: got.feed.is_connected)
    end = venue.now()
    try:
        bars = await got.feed.history(entry.unknown, entry.history[0], start=end - 30 * NS_PER_MINUTE, end=end)
    except FeedError as error:
        assert not error.retryable or error.detail
    else:
        assert bars == []
    await got.until_prints(entry.symbols[0], 5)
