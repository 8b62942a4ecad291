"""The recording on disk: numbered without holes, whole after a crash, never in the feed's way."""

import asyncio
import errno
import os
import threading
import time
from pathlib import Path

import pytest

from engine.model.market import Tick, TickCorrected
from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.archive.store import Archive
from marketdata.recording import recorder as module
from marketdata.recording.archiving import archive_recordings, folder_of, retain_recordings
from marketdata.recording.recorder import Recorder
from marketdata.recording.records import Missed, Received, RecordingDamaged, parse, read_segment, records, segments

T = 1_763_735_400 * NS_PER_S


def tick(number: int, *, ts: int | None = None, price: float = 500.0) -> Tick:
    return Tick(T + number * NS_PER_MS if ts is None else ts, "SPY", price, 1.0, ts_recv=T + number)


async def recorded(folder: Path, ticks: list[Tick], *, published: int = 0, **options) -> Recorder:
    made = Recorder(folder, patience_s=10.0, **options)
    made.open(published=published)
    for each in ticks:
        made.add(Received([each]))
    assert await made.written()
    return made


def prints(folder: Path, *, after: int = 0) -> list[Tick]:
    return [event for _, record in records(folder, after=after) for event in getattr(record, "events", [])]


async def test_what_was_added_is_there_when_written_returns_though_nothing_was_closed(tmp_path):
    ticks = [tick(n) for n in range(50)]
    await recorded(tmp_path, ticks)  # and killed: never closed
    assert prints(tmp_path) == ticks
    assert prints(tmp_path, after=45) == ticks[45:]


async def test_a_torn_record_is_cut_off_and_the_successor_goes_on_behind_it(tmp_path):
    await recorded(tmp_path, [tick(n) for n in range(5)])
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    second = Recorder(tmp_path, patience_s=10.0)
    tail = second.open(published=2)
    assert [each.number for each in tail] == [3, 4]
    second.add(Received([tick(99)]))
    assert await second.written()
    assert [each.number for each in records(tmp_path)] == [1, 2, 3, 4, 5]
    second.close()
    assert all(path.name.endswith(".seg") for path in segments(tmp_path))


async def test_a_successor_elsewhere_goes_on_with_the_numbers_that_were_published(tmp_path):
    made = await recorded(tmp_path, [tick(1)], published=41)
    assert made.number == 42
    assert [each.number for each in records(tmp_path)] == [42]


async def test_segments_are_cut_by_size(tmp_path):
    made = await recorded(tmp_path, [tick(n) for n in range(3)], segment_bytes=1)
    for number in range(3, 6):
        made.add(Received([tick(number)]))
        assert await made.written()
    made.close()
    assert len(segments(tmp_path)) > 2
    assert prints(tmp_path) == [tick(n) for n in range(6)]


async def test_a_disk_that_stands_still_delays_publishing_once(tmp_path, monkeypatch):
    made = await recorded(tmp_path, [tick(0)])
    made._patience_s = 0.2
    write, timeout, is_over = os.write, asyncio.timeout, threading.Event()
    waits: list[float] = []

    def stuck(file: int, data: bytes) -> int:
        is_over.wait()
        return write(file, data)

    def noted(delay: float) -> asyncio.Timeout:
        waits.append(delay)
        return timeout(delay)

    monkeypatch.setattr(os, "write", stuck)
    monkeypatch.setattr(asyncio, "timeout", noted)
    for number in range(1, 12):
        made.add(Received([tick(number)]))
        assert not await made.written()
    assert waits == [0.2] + [0.001] * 10
    assert made.is_behind
    is_over.set()
    monkeypatch.undo()
    made._patience_s = 10.0
    async with asyncio.timeout(60):
        while not await made.written():
            await asyncio.sleep(0.05)
    assert prints(tmp_path) == [tick(n) for n in range(12)]


async def test_a_full_disk_is_tried_again_and_nothing_is_written_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_RETRY_S", 0.05)
    made = await recorded(tmp_path, [tick(0)])
    write, failures = os.write, [3]

    def full(file: int, data: bytes) -> int:
        if failures[0]:
            failures[0] -= 1
            write(file, data[:7])
            raise OSError(errno.ENOSPC, "no space left")
        return write(file, data)

    monkeypatch.setattr(os, "write", full)
    made.add(Received([tick(1)]))
    assert await made.written()
    made.close()
    assert prints(tmp_path) == [tick(0), tick(1)]
    assert [each.number for each in records(tmp_path)] == [1, 2]


async def test_what_no_longer_fits_into_memory_is_left_out_visibly(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    made = Recorder(tmp_path, patience_s=10.0)
    made.folder.mkdir(exist_ok=True)
    for number in range(8):
        made.add(Received([tick(number)]))  # nobody writes yet
    assert made.missed == 5
    made._waiting.clear()
    made.add(Received([tick(9)]))
    assert [each.record for _, framed in made._waiting for each in parse(framed)] == [Missed(5), Received([tick(9)])]


def killed(folder: Path, ticks: list[Tick], *, written: int) -> tuple[Recorder, bytes]:
    """A recorder whose process died when `written` of `ticks` were in the file, and the tail that it had published."""
    made = Recorder(folder)
    folder.mkdir(exist_ok=True)
    for at, each in enumerate(ticks):
        made.add(Received([each]))
        if at + 1 == written:
            made._write(made._next())
    return made, made.tail() or b""


@pytest.mark.parametrize("written", [0, 1, 3, 4])
def test_what_was_published_and_not_written_is_written_by_the_successor(tmp_path, written):
    ticks = [tick(n) for n in range(4)]
    _, tail = killed(tmp_path, ticks, written=written)
    assert [each.number for each in parse(tail)] == list(range(written + 1, 5))
    second = Recorder(tmp_path)
    unpublished = second.open(published=2, tail=tail)
    assert [each.number for each in unpublished] == [3, 4]
    assert prints(tmp_path) == ticks
    second.add(Received([tick(9)]))
    second.close()
    assert [each.number for each in records(tmp_path)] == [1, 2, 3, 4, 5]


def test_what_was_written_after_it_was_published_is_not_written_again(tmp_path):
    made, tail = killed(tmp_path, [tick(n) for n in range(4)], written=2)
    made._write(made._next())
    Recorder(tmp_path).open(published=4, tail=tail)
    assert [each.number for each in records(tmp_path)] == [1, 2, 3, 4]


async def test_publishing_waits_for_the_disk_only_where_more_than_a_moment_is_not_written(tmp_path, monkeypatch):
    made, _ = killed(tmp_path, [tick(n) for n in range(4)], written=0)
    made._patience_s = 0.01  # nobody writes
    assert await made.keeps_up()
    monkeypatch.setattr(module, "MAX_TAIL_BYTES", 10)
    assert not await made.keeps_up()
    assert made.is_behind
    assert made.tail() is None  # what is missing then is missing


async def test_equal_prints_on_both_sides_of_a_cut_stay_two(tmp_path):
    folder, archive = folder_of(tmp_path, "f"), Archive(tmp_path)
    twin = tick(0, ts=T)
    (await recorded(folder, [twin])).close()
    archive_recordings(archive)
    (await recorded(folder, [twin, tick(5)], published=1)).close()
    assert archive_recordings(archive).prints == 2
    assert [each.ts for each in archive.ticks("SPY")] == [T, T, tick(5).ts]
    assert archive_recordings(archive).segments == 0
    assert retain_recordings(archive, before_s=time.time() + 10) == 2
    assert len(list(archive.ticks("SPY"))) == 3


async def test_a_correction_is_archived_as_what_stands(tmp_path):
    folder, archive = folder_of(tmp_path, "f"), Archive(tmp_path)
    made = await recorded(folder, [tick(0), tick(1)])
    made.add(Received([TickCorrected(T, "SPY", tick(0), tick(0, price=501.0))]))
    made.close()
    archive_recordings(archive)
    assert [each.price for each in archive.ticks("SPY")] == [501.0, 500.0]


async def test_a_damaged_segment_is_put_aside_and_the_others_are_archived(tmp_path):
    folder, archive = folder_of(tmp_path, "f"), Archive(tmp_path)
    (await recorded(folder, [tick(0)])).close()
    (first,) = segments(folder)
    first.write_bytes(first.read_bytes()[:-2] + b"xx")
    with pytest.raises(RecordingDamaged):
        read_segment(first)
    (await recorded(folder, [tick(1)], published=1)).close()
    done = archive_recordings(archive)
    assert (done.segments, done.damaged) == (1, 1)
    assert [each.ts for each in archive.ticks("SPY")] == [tick(1).ts]
