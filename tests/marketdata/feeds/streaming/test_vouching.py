"""A symbol that falls silent alone: whether it was quiet or we were not told, the venue's history says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.model.market import Bar, FeedGap
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from infra.backoff import Backoff
from infra.cancelling import cancel
from marketdata.feeds.errors import FeedUnauthorized, FeedUnavailable
from marketdata.feeds.streaming import vouching as module
from marketdata.feeds.streaming.minutes import Hole, MinuteLedger
from marketdata.feeds.streaming.track import SymbolTrack
from marketdata.feeds.streaming.vouching import Vouching
from simulators.faults import FaultScript
from tests.marketdata.feeds.alpaca import test_feed as alpaca
from tests.marketdata.feeds.massive import test_feed as massive
from tests.marketdata.feeds.streaming.test_minutes import M, ledger_of

MINUTE = NS_PER_MINUTE
DEADLINE_S = 60.0
SPEED = 240.0


def hole(first: int, until: int) -> Hole:
    return Hole(M + first * MINUTE, M + until * MINUTE)


# ---- which minutes nobody told of -------------------------------------------------------------------------------


def told(ledger: MinuteLedger, *minutes: int) -> None:
    for minute in minutes:
        ledger.told(M + minute * MINUTE, 1, 1.0, 0)


def test_the_minutes_between_two_of_the_venues_bars_are_a_hole_once():
    ledger = ledger_of()
    told(ledger, 1, 2, 3)
    assert ledger.untold() is None
    told(ledger, 7)
    assert ledger.untold() == hole(4, 7)
    assert ledger.untold() is None
    told(ledger, 8, 10, 13)
    assert ledger.untold() == hole(9, 13)


def test_where_no_bar_comes_any_more_the_hole_reaches_up_to_now():
    ledger = ledger_of()
    told(ledger, 1)
    assert ledger.untold(M + 2 * MINUTE + 30 * NS_PER_S) is None
    assert ledger.untold(M + 5 * MINUTE + 30 * NS_PER_S) == hole(2, 5)
    assert ledger.untold(M + 6 * MINUTE) == hole(5, 6)
    told(ledger, 6, 7)
    assert ledger.untold() is None


def test_a_venue_that_tells_no_minutes_leaves_no_holes_nor_does_a_new_subscription():
    ledger = ledger_of((1, 1.0), (9, 1.0))
    assert ledger.untold(M + 20 * MINUTE) is None
    told(ledger, 9)
    assert ledger.untold() == hole(1, 9), "now it tells some, and prints came of others"
    ledger.reset()
    assert ledger.untold(M + 20 * MINUTE) is None


# ---- what the history says of them ------------------------------------------------------------------------------


class Desk:
    """A venue's history with a volume a minute, and who asks it."""

    def __init__(self, *answers: Any) -> None:
        """`answers`: volumes by minute, or an error; the last one is given for ever."""
        self.answers = list(answers)
        self.asked: list[tuple[str, Hole]] = []
        self.tracks = {"SPY": SymbolTrack("SPY", ledger_of((1, 5.0))), "QQQ": SymbolTrack("QQQ", ledger_of())}
        self.vouching = Vouching("venue", self.tracks, self._ask, requests_per_minute=1_000)
        self.running = asyncio.create_task(self.vouching.run())

    async def _ask(self, symbol: str, start: int, end: int) -> list[Bar]:
        self.asked.append((symbol, Hole(start, end)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [
            Bar(M + (at + 1) * MINUTE, symbol, "1", M + at * MINUTE, 1.0, 1.0, 1.0, 1.0, volume)
            for at, volume in answer.items()
        ]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    made: list[Desk] = []
    monkeypatch.setattr(module, "_AT_LEAST_S", 0.005)
    monkeypatch.setattr(module, "_SHARE", 100.0)
    monkeypatch.setattr(module, "_SETTLE_S", 0.0)
    monkeypatch.setattr(module, "Backoff", lambda **_: Backoff(base_s=0.01))

    def make(*answers: Any) -> Desk:
        made.append(Desk(*answers))
        return made[-1]

    yield make
    for each in made:
        await cancel(each.running)


async def test_volume_that_never_came_is_a_gap_from_its_first_minute_to_its_last(desk):
    open_desk = desk({1: 5.0, 2: 7.0, 4: 3.0})
    open_desk.vouching.add("SPY", hole(1, 3))
    open_desk.vouching.add("SPY", hole(4, 6))
    await open_desk.until(lambda: open_desk.vouching.losses)
    assert open_desk.asked == [("SPY", hole(1, 6))]
    (gap,) = open_desk.vouching.losses
    assert (gap.symbol, gap.since, gap.ts) == ("SPY", M + 2 * MINUTE, M + 5 * MINUTE)
    assert gap.reason == "venue: the venue's minute has a volume of 10, and 0 of it was received"


async def test_quiet_minutes_are_no_loss_and_what_nobody_wants_is_not_asked_for(desk):
    open_desk = desk({})
    open_desk.vouching.add("IBM", hole(1, 3))
    open_desk.vouching.add("SPY", hole(1, 3))
    open_desk.vouching.add("QQQ", hole(1, 3))
    await open_desk.until(lambda: len(open_desk.asked) == 2)
    assert [symbol for symbol, _ in open_desk.asked] == ["SPY", "QQQ"]
    assert open_desk.vouching.losses == []


async def test_while_the_history_does_not_answer_the_symbol_is_in_doubt(desk):
    busy = FeedUnavailable("busy")
    open_desk = desk(busy, busy, {2: 7.0})
    open_desk.vouching.add("SPY", hole(2, 3))
    await open_desk.until(lambda: open_desk.vouching.doubts)
    assert "nobody vouches for its prints: busy" in open_desk.vouching.doubts["SPY"]
    await open_desk.until(lambda: open_desk.vouching.losses)
    assert open_desk.vouching.doubts == {}
    assert len(open_desk.asked) == 3


async def test_a_hole_that_is_found_while_the_history_is_asked_is_asked_for_too(desk):
    asked, busy = asyncio.Event(), asyncio.Event()
    open_desk = desk({1: 5.0, 2: 7.0, 5: 9.0})
    answer = open_desk.vouching._ask

    async def slow(symbol: str, start: int, end: int) -> Any:
        if not asked.is_set():
            asked.set()
            await busy.wait()
            raise FeedUnavailable("busy")
        return await answer(symbol, start, end)

    open_desk.vouching._ask = slow
    open_desk.vouching.add("SPY", hole(1, 3))
    await asked.wait()
    open_desk.vouching.add("SPY", hole(5, 6))
    busy.set()
    await open_desk.until(lambda: open_desk.vouching.losses)
    assert open_desk.asked == [("SPY", hole(1, 6))]


async def test_what_came_is_remembered_until_the_history_answers_however_late(desk):
    open_desk = desk({1: 5.0, 2: 4.0, 3: 8.0})
    ledger = open_desk.tracks["SPY"].ledger
    told(ledger, 1)
    ledger.took(M + 2 * MINUTE, 4.0)
    ledger.took(M + 3 * MINUTE, 4.0)  # as much was lost
    told(ledger, 4)
    found = ledger.untold()
    assert found == hole(2, 4)
    for minute in range(4, 80):
        ledger.took(M + minute * MINUTE, 1.0)
        told(ledger, minute)
    open_desk.vouching.add("SPY", found)
    await open_desk.until(lambda: open_desk.vouching.losses)
    (gap,) = open_desk.vouching.losses
    assert (gap.since, gap.ts) == (M + 3 * MINUTE, M + 4 * MINUTE)


async def test_a_plan_without_history_is_asked_once(desk, caplog):
    open_desk = desk(FeedUnauthorized("not in your plan"))
    open_desk.vouching.add("SPY", hole(1, 3))
    open_desk.vouching.add("QQQ", hole(1, 3))
    await open_desk.until(open_desk.running.done)
    assert len(open_desk.asked) == 1
    assert open_desk.vouching.doubts == {}
    assert "not in your plan" in caplog.text


# ---- over the venues' own protocols -----------------------------------------------------------------------------


@pytest.fixture
def in_haste(monkeypatch):
    """Looked at ten times a second, and at once."""
    monkeypatch.setattr(module, "_AT_LEAST_S", 0.1)
    monkeypatch.setattr(module, "_SETTLE_S", 0.1)
    monkeypatch.setattr("marketdata.feeds.streaming.feed.NS_PER_S", NS_PER_S // 10)


@pytest.mark.parametrize("venue", [alpaca, massive], ids=["alpaca", "massive"])
@pytest.mark.usefixtures("in_haste")
async def test_what_one_symbol_missed_while_it_was_silent_is_a_gap_though_the_line_was_up(venue):
    options = {"speed": SPEED, "loss_grace_s": 0.5, "symbol_mute_after_s": 600.0}
    async with (
        venue.simulator(tick_rate=2.0, speed=SPEED) as running,
        venue.watching(running, "SPY", "QQQ", **options) as got,
    ):
        first = (await _next_minutes(got, "SPY", 2)) // MINUTE
        running.faults.add(FaultScript("mute", symbols=("SPY",)))
        began = await _next_minutes(got, "QQQ", 1)
        ended = await _next_minutes(got, "QQQ", 3)
        running.faults.clear()
        await got.until(lambda: _wide(got), "the gap of what was missed")
        gap = _wide(got)[0]
        assert isinstance(gap, FeedGap)
        assert "of it was received" in gap.reason
        assert first * MINUTE <= gap.since <= began
        assert gap.ts > began
        assert gap.since < ended
        assert not got.gaps("QQQ")
        assert got.feed.connects == 1
        assert got.feed.doubts == {}


@pytest.mark.usefixtures("in_haste")
async def test_a_symbol_that_stays_silent_is_looked_up_when_it_is_asked_for_again():
    options = {"speed": SPEED, "loss_grace_s": 0.5, "symbol_mute_after_s": 0.7}
    async with (
        massive.simulator(tick_rate=2.0, speed=SPEED) as running,
        massive.watching(running, "SPY", "QQQ", **options) as got,
    ):
        await _next_minutes(got, "SPY", 2)
        running.faults.add(FaultScript("mute", symbols=("SPY",)))
        mark = len(got.events)
        await got.until(lambda: got.gaps("SPY", since=mark), "the gap of what was missed")
        assert running.faults.active


def _wide(got: Any) -> list[FeedGap]:
    """Gaps of SPY of more than one minute: those that only the history shows."""
    return [gap for gap in got.gaps("SPY") if gap.ts - gap.since >= 2 * MINUTE]


async def _next_minutes(got: Any, symbol: str, count: int) -> int:
    """Wait until prints of so many more minutes came; the time of the last."""
    begun = got.ticks(symbol)[-1].ts // MINUTE if got.ticks(symbol) else 0
    begun = begun or (await _first(got, symbol)) // MINUTE
    await got.until(lambda: got.ticks(symbol)[-1].ts // MINUTE >= begun + count, f"{count} minutes of {symbol}")
    return int(got.ticks(symbol)[-1].ts)


async def _first(got: Any, symbol: str) -> int:
    await got.until(lambda: got.ticks(symbol), f"a print of {symbol}")
    return int(got.ticks(symbol)[0].ts)
