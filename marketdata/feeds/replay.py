"""A feed from tick files: what was recorded, again, at any pace, resumable anywhere."""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_MS, NS_PER_S, from_datetime
from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.files.ticks import iter_ticks
from marketdata.recording.rebuild import received_frames
from marketdata.recording.records import Began, Recorded, records

_FRAME_NS = 50 * NS_PER_MS  # of market time, at most
_FRAME_TICKS = 256
_IDLE_S = 0.2


class ReplayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`files`: our symbol → its tick file. `recording`: the folder of a feed's recorded session, which is played as it
    was received, with its gaps. `speed`: market seconds per second; 0 is as fast as it goes. `start` and `end`: ISO
    8601 with a zone; empty: the whole file."""

    files: dict[str, str] = {}
    recording: str = ""
    speed: Annotated[float, Meta(ge=0)] = 1.0
    start: str = ""
    end: str = ""


class ReplayFeed:
    """The prints of several files as one sequence by time; equal times in the order of the symbols' names.

    Ticks keep `ts_recv` 0: they were never received, so nothing made of them depends on when they are played. The
    sequence does not depend on what is subscribed; a print that nobody wants is passed over. After the last one the
    feed stays connected and silent.
    """

    is_resumable = True
    last_error = ""

    def __init__(self, name: str, options: ReplayOptions) -> None:
        self.name = name
        self.options = options
        self.speed = options.speed or 1.0
        self.is_connected = False
        self.is_ended = False
        self._done = 0
        self._wanted: set[str] = set()
        self._last: dict[str, int] = {}
        self._is_closed = False
        self._beginnings = _beginnings(options.recording)
        first = next(self._beginnings, None)
        self.not_priced = first.exclude if first else 0  # as the venue's prints were taken then
        self._native = {first.symbol: frozenset(first.passed)} if first else {}

    @property
    def symbols(self) -> dict[str, str]:
        return {symbol: symbol for symbol in sorted(self._wanted)}

    @property
    def position(self) -> str | None:
        """How many prints of the sequence have been played."""
        return str(self._done)

    def resume(self, position: str) -> None:
        self._done = int(position)

    def last_received(self, symbol: str) -> int:
        return self._last.get(symbol, 0)

    def native_timeframes(self, symbol: str) -> frozenset[str]:
        """Timeframes of which the venue that was recorded sent bars of its own."""
        while symbol not in self._native and (began := next(self._beginnings, None)) is not None:
            self._native.setdefault(began.symbol, frozenset(began.passed))
        return self._native.get(symbol, frozenset())

    async def subscribe(self, symbols: Iterable[str]) -> None:
        self._wanted |= set(symbols)

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        self._wanted -= set(symbols)

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """A file has no history behind it."""
        return []

    async def close(self) -> None:
        self._is_closed = True

    async def frames(self) -> AsyncIterator[Frame]:
        """The recorded prints, paced."""
        frames = await asyncio.to_thread(self._played)
        self.is_connected = True
        begun: tuple[float, int] | None = None
        for frame in frames:
            if self._is_closed:
                return
            begun = begun or (time.monotonic(), frame[0].ts)
            await self._pace(begun, frame[0].ts)
            now = time.time_ns()
            chosen = [event for event in frame if event.symbol in self._wanted]
            self._last.update((event.symbol, now) for event in chosen)
            self._done += len(frame)
            yield chosen
        self.is_ended = True
        while not self._is_closed:
            await asyncio.sleep(_IDLE_S)

    def _played(self) -> Iterator[list[Recorded]]:
        """What is left to play, as frames."""
        if not self.options.recording:
            return _frames(self._sequence())
        if self.options.files or self.options.start or self.options.end:
            raise InvalidInput("recording: a recorded session is played alone and whole", field="recording")
        return self._recorded()

    def _recorded(self) -> Iterator[list[Recorded]]:
        """Frames as they were received; `position` counts their events, so it falls between two of them."""
        passed = 0
        for frame in received_frames(records(Path(self.options.recording))):
            passed += len(frame)
            if passed > self._done:
                yield frame

    def _sequence(self) -> Iterator[Tick]:
        """What is left to play."""
        options = self.options
        start, end = _moment(options.start, "start"), _moment(options.end, "end")
        files = sorted(options.files.items())
        sources = [_named(iter_ticks(path, start=start, end=end), symbol) for symbol, path in files]
        return islice(heapq.merge(*sources, key=_time), self._done, None)

    async def _pace(self, begun: tuple[float, int], ts: int) -> None:
        wait_s = 0.0
        if self.options.speed:
            due = begun[0] + (ts - begun[1]) / NS_PER_S / self.options.speed
            wait_s = max(0.0, due - time.monotonic())
        await asyncio.sleep(wait_s)


def _beginnings(recording: str) -> Iterator[Began]:
    """What was taken up in the course of a recorded session."""
    found = records(Path(recording)) if recording else ()
    return (record for _, record in found if isinstance(record, Began))


def _frames(ticks: Iterable[Tick]) -> Iterator[list[Recorded]]:
    """Prints that come together: cut by time on a fixed grid, and by number."""
    frame: list[Recorded] = []
    for tick in ticks:
        if frame and (tick.ts // _FRAME_NS != frame[0].ts // _FRAME_NS or len(frame) >= _FRAME_TICKS):
            yield frame
            frame = []
        frame.append(tick)
    if frame:
        yield frame


def _named(ticks: Iterable[Tick], symbol: str) -> Iterator[Tick]:
    """A file may spell its symbol in its own way."""
    for tick in ticks:
        yield tick if tick.symbol == symbol else msgspec.structs.replace(tick, symbol=symbol)


def _time(tick: Tick) -> int:
    return tick.ts


def _moment(text: str, name: str) -> int | None:
    if not text:
        return None
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidInput(f"{name}: ISO 8601 with a time zone was expected, found {text!r}", field=name) from error


def make(setup: FeedSetup) -> ReplayFeed:
    """The feed of one configuration."""
    return ReplayFeed(setup.name, msgspec.convert(setup.options, type=ReplayOptions))


def limits(options: ReplayOptions) -> FeedLimits:
    """There is no past behind a file."""
    return FeedLimits(history_days=dict.fromkeys(("1s", "ticks", "volume"), 0))


FEEDS.add("replay", FeedKind(make, ReplayOptions, "recorded prints from files, at any pace", limits))
