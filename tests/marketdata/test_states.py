"""Which states go with which batch, and what of them a successor may believe."""

import random
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.model.market import FeedGap, Tick
from engine.model.time import NS_PER_S
from infra.redis import keys
from marketdata import states
from marketdata.publisher import Publisher
from marketdata.recording.recorder import Recorder
from marketdata.recording.records import Missed, Numbered, Received
from marketdata.states import UNRECORDED, Left, StateKeeper, Stored, packed, unpacked
from marketdata.taking_up import begin_recording
from tests.marketdata.test_publisher import PAIRS, START, bars, entries, expected_bars, frames, market


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_state_comes_back_as_it_was_packed():
    for stored in (Stored("dx link", 7, b"\n \x00"), Stored("s", UNRECORDED, b"")):
        assert unpacked(packed(stored)) == stored


def test_what_is_no_state_of_ours_is_known_as_such():
    assert unpacked(b"\x87\xa6symbol\xa3SPY") is None
    assert unpacked(b"feed x\nstate") is None


def test_the_first_state_of_a_symbol_is_written_at_once_and_the_next_a_second_later():
    clock = Clock()
    keeper = StateKeeper(now=clock)
    assert keeper.take({"SPY"}, 10, everything=False) == ["SPY"]
    assert keeper.since == 10
    assert keeper.take({"SPY"}, 20, everything=False) == []
    assert (keeper.since, keeper.has_unsaved) == (10, True)
    clock.now = 0.9
    assert keeper.take({"SPY"}, 30, everything=False) == []
    clock.now = 1.0
    assert keeper.take((), 40, everything=False) == ["SPY"]
    assert (keeper.since, keeper.has_unsaved) == (40, False)


def test_no_batch_has_many_states_that_could_wait():
    clock = Clock()
    keeper = StateKeeper(now=clock)
    symbols = [f"S{number}" for number in range(3 * states.AT_ONCE)]
    assert keeper.take(symbols, 1, everything=False) == symbols
    keeper.take(symbols, 2, everything=False)
    clock.now = 5.0
    came = [keeper.take((), number, everything=False) for number in (3, 4, 5, 6)]
    assert [len(each) for each in came] == [states.AT_ONCE] * 3 + [0]
    assert sorted(each for batch in came for each in batch) == sorted(symbols)
    assert keeper.since == 6


def test_of_very_many_symbols_none_waits_for_ever():
    clock = Clock()
    keeper = StateKeeper(now=clock)
    symbols = [f"S{number}" for number in range(4_000)]
    keeper.take(symbols, 1, everything=False)
    clock.now = 1.0
    keeper.take(symbols, 2, everything=False)
    clock.now = 2.0
    batches = 0
    while keeper.has_unsaved:
        keeper.take((), 3, everything=False)
        batches += 1
    assert batches < 100


def test_after_a_doubt_all_are_written_once():
    keeper = StateKeeper(now=Clock())
    keeper.take({"SPY", "QQQ"}, 1, everything=False)
    keeper.take({"SPY", "QQQ"}, 2, everything=False)
    keeper.distrust()
    assert set(keeper.take((), 3, everything=False)) == {"SPY", "QQQ"}
    assert keeper.take({"SPY"}, 4, everything=False) == []


@given(st.lists(st.tuples(st.sets(st.sampled_from("ABCDE")), st.floats(0.0, 0.7)), max_size=60))
def test_a_successor_never_misses_a_record(batches: list[tuple[set[str], float]]):
    """Whatever comes when: a state and the records after `since` are all there is of its symbol."""
    clock = Clock()
    keeper = StateKeeper(now=clock)
    changed_at: dict[str, list[int]] = {}
    saved_at: dict[str, int] = {}
    for number, (changed, passed) in enumerate(batches, start=1):
        clock.now += passed
        for symbol in changed:
            changed_at.setdefault(symbol, []).append(number)
        saved_at.update(dict.fromkeys(keeper.take(changed, number, everything=False), number))
        for symbol, numbers in changed_at.items():
            missing = [each for each in numbers if each > saved_at[symbol]]
            assert all(each > keeper.since for each in missing)


def numbered(*numbers: int, missed: int = 0) -> list[Numbered]:
    return [Numbered(each, Missed(1) if each == missed else Received([])) for each in numbers]


def test_a_recording_without_a_hole_brings_every_state_up_to_date():
    left = Left(published=8, since=4, records=numbered(5, 6, 7, 8, 9))
    assert left.has_all_after(4)
    assert left.has_all_after(6)
    assert left.has_all_after(1), "of a symbol that was saved long before nothing came since"


def test_behind_a_hole_only_newer_states_are_to_be_believed():
    for left in (
        Left(published=8, since=4, records=numbered(5, 7, 8, 9)),
        Left(published=8, since=4, records=numbered(5, 6, 7, 8, missed=6)),
    ):
        assert not left.has_all_after(4)
        assert left.has_all_after(6)
        assert left.has_all_after(8)
    assert not Left(published=8, since=4).has_all_after(7)
    assert Left(published=8, since=8).has_all_after(3)


# ---- with a real Redis and a real recording -----------------------------------------------------------------


class Rare(StateKeeper):
    """Saves a state only where it must."""

    def __init__(self) -> None:
        super().__init__(every_s=1e9)


async def writer_of(client: Any, folder: Path, *, pairs=tuple(PAIRS), resumes: bool = True, feed: str = "test"):
    """A publisher with its recorder, as a process makes them when it starts."""
    recorder = Recorder(folder, patience_s=10.0)
    made = Publisher(client, feed=feed, recorder=recorder)
    made._states = Rare()
    left = await begin_recording(recorder, *await made.recorded())
    await made.carry(pairs, resumes=resumes, left=left)
    return made, recorder


async def test_killed_anywhere_the_successor_gives_identical_bars_though_states_are_old(client, tmp_path):
    ticks = market(1_500)
    rng = random.Random(8)
    writer, recorder = await writer_of(client, tmp_path)
    restarts = 0
    for frame in frames(ticks):
        writer.ingest(frame)
        if rng.random() < 0.7:
            await writer.flush()
        if rng.random() < 0.05:
            assert await recorder.written()
            await writer.close()
            writer, recorder = await writer_of(client, tmp_path)
            restarts += 1
    await writer.flush()
    assert restarts > 10
    for symbol, timeframe in PAIRS:
        assert await bars(client, symbol, timeframe) == expected_bars(ticks, symbol, timeframe)
        found = await entries(client, keys.ticks_stream(symbol, timeframe))
        assert [n for _, n in found] == list(range(1, len(found) + 1))


async def test_where_the_recording_is_gone_no_bar_comes_twice_and_the_next_is_flagged(client, tmp_path):
    ticks = market(400, symbols=("SPY",))
    pairs = [("SPY", "5s")]
    writer, recorder = await writer_of(client, tmp_path / "here", pairs=pairs)
    for frame in frames(ticks[:200]):
        writer.ingest(frame)
        await writer.flush()
    given_before = await bars(client, "SPY", "5s")
    await writer.close()
    recorder.close()
    writer, recorder = await writer_of(client, tmp_path / "elsewhere", pairs=pairs)
    writer.ingest(ticks[200:])
    await writer.flush()
    found = [event for event, _ in await entries(client, keys.bars_stream("SPY", "5s"))]
    assert len({bar.ts_open for bar in found}) == len(found)
    assert len(found) > len(given_before) > 3
    assert not found[len(given_before)].is_complete
    right = dict.fromkeys(expected_bars(ticks, "SPY", "5s"))
    assert all(bar.is_complete for bar in found[len(given_before) + 1 :])
    assert set(await bars(client, "SPY", "5s")) - set(right) <= {(await bars(client, "SPY", "5s"))[len(given_before)]}
    notes = [event for event, _ in await entries(client, keys.ticks_stream("SPY", "5s")) if isinstance(event, FeedGap)]
    assert len(notes) == 1, "its readers warm up again"


async def test_a_planned_end_leaves_states_that_need_no_recording(client, tmp_path):
    ticks = market(300, symbols=("SPY",))
    pairs = [("SPY", "7t")]
    writer, recorder = await writer_of(client, tmp_path / "here", pairs=pairs)
    for frame in frames(ticks[:150]):
        writer.ingest(frame)
        await writer.flush()
    await writer.flush(everything=True)
    await writer.close()
    recorder.close()
    writer, recorder = await writer_of(client, tmp_path / "elsewhere", pairs=pairs, feed="another")
    writer.ingest(ticks[150:])
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")


async def test_a_symbol_that_was_dropped_and_is_wanted_again_goes_on_from_where_it_was(client, tmp_path):
    ticks = market(300, symbols=("SPY",))
    writer, recorder = await writer_of(client, tmp_path, pairs=[("SPY", "7t")])
    for frame in frames(ticks[:150]):
        writer.ingest(frame)
        await writer.flush()
    await writer.carry([("QQQ", "30s")])
    await writer.carry([("SPY", "7t")], resumes=True)
    writer.ingest(ticks[150:])
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")
    recorder.close()


async def test_what_is_not_in_the_recording_is_in_the_states(client, tmp_path, monkeypatch):
    writer, recorder = await writer_of(client, tmp_path, pairs=[("SPY", "1")])
    state = partial(writer._wire.call, "GET", keys.partial_state("SPY"))
    writer.ingest([Tick(START + 1, "SPY", 100.0, 1.0)])
    await writer.flush()
    first = await state()
    writer.ingest([Tick(START + 2, "SPY", 101.0, 1.0)])
    await writer.flush()
    assert await state() == first
    monkeypatch.setattr(recorder, "add", lambda record: False)  # no room
    writer.ingest([Tick(START + 3, "SPY", 102.0, 1.0)])
    await writer.flush()
    assert await state() != first
    recorder.close()


async def test_a_recording_is_not_made_up_for_when_redis_lost_everything(client, tmp_path):
    ticks = market(100, symbols=("SPY",))
    writer, recorder = await writer_of(client, tmp_path, pairs=[("SPY", "7t")])
    writer.ingest(ticks)
    await writer.flush()
    assert await recorder.written()
    last = recorder.number
    await client.flushdb()
    writer, recorder = await writer_of(client, tmp_path, pairs=[("SPY", "7t")])
    assert recorder.number >= last
    await writer.flush()
    assert await bars(client, "SPY", "7t") == []
    later = Tick(ticks[-1].ts + NS_PER_S, "SPY", 1.0, 1.0)
    writer.ingest([later])
    await writer.flush()
    assert writer.last_tick["SPY"] == later
    recorder.close()
