"""Writes a feed's recording from a thread of its own: the feed hands over and goes on."""

import asyncio
import logging
import os
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from marketdata.recording.records import (
    OPEN,
    SEALED,
    Missed,
    Numbered,
    Received,
    Record,
    first_number,
    frame,
    parse,
    read_segment,
    records,
    segments,
    whole_length,
)

logger = logging.getLogger(__name__)

MAX_WAITING = 100_000  # records; past it new ones are left out, visibly, until the disk has caught up
MAX_TAIL_BYTES = 256 << 10  # that are published before they are written: a moment of a busy feed
SEGMENT_BYTES = 64 << 20
SEGMENT_S = 120.0
_LOOK_S = 1.0
_RETRY_S = 1.0


class Recorder:
    """One feed's recording below `folder`. Records are numbered without holes, across restarts.

    `add` never blocks. Who publishes puts the `tail`, what is not with the operating system yet, next to what it
    publishes, in the same transaction: a killed process loses nothing then, a power cut at most the segment that was
    being written, and no print waits for a disk. Where more than a moment is unwritten `keeps_up` waits, but not for
    ever: a disk that stands still must not stop the market, so it gives up after `patience_s`, and the recording is
    behind.
    """

    def __init__(
        self,
        folder: Path,
        *,
        patience_s: float = 1.0,
        segment_s: float = SEGMENT_S,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder
        self.number = 0  # of the last record that was added
        self.missed = 0
        self.is_behind = False
        self._patience_s = patience_s
        self._segment_s = segment_s
        self._segment_bytes = segment_bytes
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._unwritten: deque[tuple[int, bytes]] = deque()  # the same and what is being written, for `tail`
        self._unwritten_bytes = 0
        self._left_out = 0
        self._done = 0  # number of the last record that is with the operating system
        self._changed = threading.Condition()
        self._waiters: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._sealer = ThreadPoolExecutor(1, thread_name_prefix=f"sealer {folder.name}")  # one: in their order
        self._is_closing = False
        self._file = -1
        self._path = Path()
        self._size = 0
        self._opened = 0.0
        self._thread: threading.Thread | None = None

    def open(self, *, published: int | None, since: int | None = None, tail: bytes = b"") -> list[Numbered]:
        """Begin to record. Seals what a predecessor left, completes it by its `tail`, and returns everything after the
        record number `since`; unless that is given, after the one that was `published` last. Where nobody knows what
        was published, nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in segments(self.folder):
            if path.name.endswith(OPEN):
                _seal(path)
        _complete(self.folder, tail)
        # A damaged file must not keep a feed from running: what is behind the damage is part of the gap.
        paths = segments(self.folder)
        named = max((first_number(path) for path in paths), default=0)
        after = max(named - 1, 0) if published is None else published if since is None else since
        left = list(records(self.folder, after=after, is_strict=False))
        self.number = self._done = max(published or 0, left[-1].number if left else 0, named)
        self._thread = threading.Thread(target=self._work, name=f"recorder {self.folder.name}", daemon=True)
        self._thread.start()
        return left if published is not None else []

    def add(self, record: Record) -> bool:
        """Take one more record; it will be written soon. A frame without anything for the recording is none. False
        where there is no room for it."""
        if isinstance(record, Received) and not record.events:
            return True
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                self._left_out += 1
                self.missed += 1
                return False
            if self._left_out:
                self._put(Missed(self._left_out))
                self._left_out = 0
            self._put(record)
            return True

    def _put(self, record: Record) -> None:
        self.number += 1
        framed = frame(self.number, record)
        self._waiting.append((self.number, framed))
        self._unwritten.append((self.number, framed))
        self._unwritten_bytes += len(framed)

    def tail(self) -> bytes | None:
        """The records that are not with the operating system yet, for `open` of a successor; they are written now.
        None where the recording is behind: what is missing then is missing."""
        with self._changed:
            self._drop_written()
            self._changed.notify()
            found = b"".join([framed for _, framed in self._unwritten])
        return found if len(found) <= 2 * MAX_TAIL_BYTES else None

    def _drop_written(self) -> None:
        unwritten = self._unwritten
        while unwritten and unwritten[0][0] <= self._done:
            self._unwritten_bytes -= len(unwritten.popleft()[1])

    async def keeps_up(self) -> bool:
        """Wait while more than a moment is not written; False where that took too long."""
        with self._changed:
            self._drop_written()
            if self._unwritten_bytes <= MAX_TAIL_BYTES:
                self._say_behind(is_behind=False)
                return True
        return await self.written()

    async def written(self) -> bool:
        """Wait until everything added so far is with the operating system; False where that took too long."""
        with self._changed:
            if self._done >= self.number:
                self.is_behind = False
                return True
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append((self.number, loop, future))
            self._changed.notify()
        try:  # patience is lost once, not at every flush
            async with asyncio.timeout(0.001 if self.is_behind else self._patience_s):
                await future
        except TimeoutError:
            self._say_behind(is_behind=True)
            return False
        self._say_behind(is_behind=False)
        return True

    def close(self) -> None:
        """Write what waits and seal the segment."""
        if self._thread is None:
            return
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout=5.0)
        self._thread = None
        self._sealer.shutdown()

    # ---- the thread -----------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            batch = self._next()
            try:
                if batch:
                    self._write(batch)
                if self._is_due() or (self._is_closing and not self._waiting):
                    self._end_segment()
            except OSError:
                logger.exception("%s: the recording cannot be written; tried again", self.folder)
                self._abandon()
                with self._changed:
                    self._waiting.extendleft(reversed(batch))
                if self._is_closing:
                    return
                time.sleep(_RETRY_S)
                continue
            if self._is_closing and not self._waiting:
                return

    def _next(self) -> list[tuple[int, bytes]]:
        with self._changed:
            if not self._waiting and not self._is_closing:
                self._changed.wait(_LOOK_S)
            batch = list(self._waiting)
            self._waiting.clear()
            return batch

    def _write(self, batch: list[tuple[int, bytes]]) -> None:
        if self._file < 0:
            self._begin_segment(batch[0][0])
        data = b"".join([framed for _, framed in batch])
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(data)
        with self._changed:
            self._done = batch[-1][0]
            ready = [each for each in self._waiters if each[0] <= self._done]
            self._waiters = [each for each in self._waiters if each[0] > self._done]
        for _, loop, future in ready:
            loop.call_soon_threadsafe(_resolve, future)

    def _begin_segment(self, number: int) -> None:
        self._path = self.folder / f"{number:015d}{OPEN}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._size, self._opened = 0, time.monotonic()

    def _is_due(self) -> bool:
        is_old = time.monotonic() - self._opened >= self._segment_s
        return self._file >= 0 and (is_old or self._size >= self._segment_bytes)

    def _end_segment(self) -> None:
        """Its file is made durable and sealed elsewhere: a disk takes its time, and a file that is being made durable
        cannot be written to meanwhile, so nothing is until then."""
        if self._file >= 0:
            file, self._file = self._file, -1
            self._sealer.submit(_finish, file, self._path)

    def _abandon(self) -> None:
        """After an error nobody knows how much of the last batch is in the file: it ends where it was whole."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            if self._path.exists():
                os.truncate(self._path, self._size)
                self._path.rename(_sealed(self._path))

    def _say_behind(self, *, is_behind: bool) -> None:
        if is_behind != self.is_behind:
            self.is_behind = is_behind
            word = "does not keep up: publishing goes on without waiting" if is_behind else "keeps up again"
            logger.log(logging.WARNING if is_behind else logging.INFO, "%s: the recording %s", self.folder, word)


def _sealed(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(OPEN) + SEALED)


def _seal(path: Path) -> None:
    """A dead writer's segment: cut where its last record is torn, and closed."""
    length = whole_length(path.read_bytes())
    if not length:
        path.unlink()
        return
    os.truncate(path, length)
    path.rename(_sealed(path))


def _complete(folder: Path, tail: bytes) -> None:
    """What a dead writer published and did not come to write is a segment of its own."""
    paths = segments(folder)
    there = read_segment(paths[-1], is_strict=False) if paths else []
    last = there[-1].number if there else 0
    missing = [each for each in parse(tail) if each.number > last]
    if missing:
        path = folder / f"{missing[0].number:015d}{OPEN}"
        path.write_bytes(b"".join(frame(number, record) for number, record in missing))
        path.rename(_sealed(path))


def _finish(file: int, path: Path) -> None:
    try:
        os.fsync(file)
        path.rename(_sealed(path))
    except OSError:
        logger.exception("%s cannot be sealed; who runs the feed next does it", path)
    finally:
        os.close(file)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
