"""The chart relay of one process: one tail per watched chart, encoded once, handed to every viewer of it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError

from engine.model.event import Event
from engine.model.market import Bar, PartialBar
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import AsyncRedis, SyncRedis
from marketdata.charts import (
    MAX_BARS,
    Chart,
    ChartBar,
    Feed,
    Frame,
    History,
    Latency,
    NewLines,
    Specs,
    encode,
    milliseconds,
)
from marketdata.history import recent_bars, recent_bars_now

logger = logging.getLogger(__name__)

FRAME_INTERVAL_S = 0.2  # at most five frames a second and chart
QUIET_INTERVAL_S = 2.0  # a frame at least this often, so that a viewer can tell quiet from cut
MAX_BACKOFF_S = 5.0
FIRST_BACKOFF_S = 0.1
BEGINNING = "0-0"
NEWEST = 4  # entries looked at for the newest partial: the streams also carry the feed's own facts


class ChartRelay:
    """The charts that this process's viewers watch. A chart is tailed while it has a viewer."""

    def __init__(self, client: AsyncRedis, *, new_lines: NewLines, frame_interval_s: float = FRAME_INTERVAL_S) -> None:
        self._client = client
        self._new_lines = new_lines
        self._interval_s = frame_interval_s
        self._tails: dict[tuple[str, str], Tail] = {}

    @property
    def watched(self) -> frozenset[tuple[str, str]]:
        """The charts that are tailed now."""
        return frozenset(self._tails)

    @asynccontextmanager
    async def watch(self, symbol: str, timeframe: str, specs: Specs = ()) -> "AsyncIterator[Viewer]":
        """A viewer of one chart with the indicator lines `specs`, which replace those that were shown before: lines
        follow configuration, and configuration is everybody's. The last viewer to leave ends the tail."""
        tail = self._tails.get((symbol, timeframe))
        if tail is None:
            chart = Chart(symbol, timeframe, specs, self._new_lines)
            tail = self._tails[symbol, timeframe] = Tail(self._client, chart, self._interval_s)
        viewer = tail.join(specs)
        try:
            yield viewer
        finally:
            tail.leave(viewer)
            if not tail.has_viewers and self._tails.get((symbol, timeframe)) is tail:
                del self._tails[symbol, timeframe]
                await tail.stop()

    async def close(self) -> None:
        """End every tail; the client is its owner's."""
        for tail in list(self._tails.values()):
            await tail.stop()
        self._tails.clear()


class Viewer:
    """One who watches: remembers how far it has seen and never holds more than the next message."""

    def __init__(self, tail: "Tail") -> None:
        self._tail = tail
        self._seen = 0  # the tail's version
        self._closed = 0  # bars of the chart it has got
        self._epoch = -1

    async def next(self) -> str:
        """The next message, as soon as there is something this viewer has not got. Who asks late gets everything it
        missed as one message: slow viewers coalesce, they do not queue."""
        tail = self._tail
        await tail.newer_than(self._seen)
        message = self._message()
        self._seen, self._closed, self._epoch = tail.version, tail.chart.closed, tail.epoch
        return message

    def _message(self) -> str:
        tail = self._tail
        if self._epoch != tail.epoch:
            return tail.history()
        if self._seen == tail.version - 1:
            return tail.frame
        missed = tail.chart.bars_since(self._closed)
        return tail.history() if missed is None else tail.catch_up(missed)


class Tail:
    """Follows the streams of one chart. `version` counts messages, `epoch` counts fresh starts."""

    def __init__(self, client: AsyncRedis, chart: Chart, interval_s: float) -> None:
        self.chart = chart
        self.version = 0
        self.epoch = 0
        self.frame = ""
        self._client = client
        self._interval_s = interval_s
        self._bars_key = keys.bars_stream(chart.symbol, chart.timeframe)
        self._ticks_key = keys.ticks_stream(chart.symbol, chart.timeframe)
        self._history_key = keys.bars(chart.symbol, chart.timeframe)
        self._feed_key = keys.feed_state(chart.symbol)
        self._bars_cursor = self._ticks_cursor = BEGINNING
        self._stored = 0  # bars of the history, as far as this chart knows them
        self._latency = Latency(received_first=None, received_last=None, sent=0.0, updates=0)
        self._history: tuple[int, str] = (-1, "")
        self._is_outdated = False  # the chart must begin again: a bar of it has changed, or other lines are asked for
        self._viewers: set[Viewer] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def has_viewers(self) -> bool:
        return bool(self._viewers)

    def join(self, specs: Specs) -> Viewer:
        viewer = Viewer(self)
        if specs != self.chart.specs:
            self.chart.specs = specs
            self._is_outdated = True
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"chart {self.chart.symbol} {self.chart.timeframe}")
        return viewer

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    async def stop(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def newer_than(self, version: int) -> None:
        """Return when there is a message after `version`."""
        while self.version <= version:
            await self._news.wait()

    def history(self) -> str:
        """The whole chart, encoded once however many ask for it."""
        version, text = self._history
        if version != self.version:
            text = encode(self.chart.history(sent=now_ms()))
            self._history = (self.version, text)
        return text

    def catch_up(self, bars: list[ChartBar]) -> str:
        return encode(Frame(bars=bars, forming=self.chart.forming, feed=self.chart.feed, latency=self._latency))

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._load()
                failures = 0
                await self._follow()
            except (RedisError, OSError) as error:
                failures += 1
                pause_s = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2**failures)
                logger.warning("%s cannot be read, again in %.1f s: %s", self._bars_key, pause_s, error)
                await asyncio.sleep(pause_s)

    async def _load(self) -> None:
        """Take history and the points of the streams from which to follow it. The points are read first: a bar that
        closes in between comes twice, and is taken once."""
        pipe = self._client.pipeline(transaction=True)
        pipe.xrevrange(self._bars_key, count=1)
        pipe.xrevrange(self._ticks_key, count=NEWEST)
        pipe.zcard(self._history_key)
        pipe.hgetall(self._feed_key)
        bars, ticks, self._stored, feed = await pipe.execute()
        history = await recent_bars(self._client, self.chart.symbol, self.chart.timeframe, MAX_BARS)
        self._bars_cursor, self._ticks_cursor = _newest_id(bars), _newest_id(ticks)
        self.chart.load(history)
        _take_partial(self.chart, _events(ticks))
        self.chart.feed = _feed(feed)
        self._is_outdated = False
        self.epoch += 1
        self._announce()

    async def _follow(self) -> None:
        """One round per frame. The blocking read is the door bell: it asks for one entry, however many have come."""
        while True:
            cursors: dict[Any, Any] = {self._bars_key: self._bars_cursor, self._ticks_key: self._ticks_cursor}
            rung: Any = await self._client.xread(cursors, count=1, block=int(QUIET_INTERVAL_S * 1000))
            stamps = [_received(_events(entries)) for _, entries in rung]
            await self._collect(first=min((stamp for stamp in stamps if stamp), default=None))
            if rung:
                await asyncio.sleep(self._interval_s)

    async def _collect(self, *, first: float | None) -> None:
        """Bring the chart up to date in one round trip. Only the newest partial is read: the chart shows no other."""
        pipe = self._client.pipeline(transaction=True)
        pipe.xrange(self._bars_key, min=_after(self._bars_cursor))
        pipe.xrevrange(self._ticks_key, min=_after(self._ticks_cursor), count=NEWEST)
        pipe.zcard(self._history_key)
        pipe.hgetall(self._feed_key)
        bars, ticks, stored, feed = await pipe.execute()
        before = self.chart.closed
        for event in _events(bars):
            if isinstance(event, Bar):
                self._is_outdated |= self.chart.is_again(event)
                self.chart.on_bar(event)
        partials = _events(ticks)
        _take_partial(self.chart, partials)
        self._bars_cursor = bars[-1][0] if bars else self._bars_cursor
        self._ticks_cursor = _newest_id(ticks, self._ticks_cursor)
        self.chart.feed = _feed(feed)
        if self._history_grew(stored, len(bars)) or self._is_outdated:
            await self._load()
            return
        last = _received(partials[:1]) or _received(_events(bars[-1:]))
        self._latency = Latency(received_first=first, received_last=last, sent=now_ms(), updates=len(bars) + len(ticks))
        self.frame = self.catch_up(self.chart.bars_since(before) or [])
        self._announce()

    def _history_grew(self, stored: int, followed: int) -> bool:
        """Older bars came (a backfill) while the chart was open and has room for them."""
        grew = stored > self._stored + followed and self.chart.bar_count < MAX_BARS
        self._stored = stored
        return grew

    def _announce(self) -> None:
        self.version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()


def now_ms() -> float:
    """UTC milliseconds by this machine's clock."""
    return milliseconds(time.time_ns())


def _after(cursor: str) -> str:
    return f"({cursor}"


def _events(entries: list[Any]) -> list[Event]:
    return [codec.decode(fields["e"]) for _, fields in entries]


def _newest_id(newest_first: list[Any], default: str = BEGINNING) -> str:
    return newest_first[0][0] if newest_first else default


def _received(events: list[Event]) -> float | None:
    """When the first of `events` that says so was received; None where none does."""
    stamps = [stamp for event in events if (stamp := getattr(event, "ts_recv", 0))]
    return milliseconds(stamps[0]) if stamps else None


def _feed(stored: dict[str, str]) -> Feed:
    return Feed(state=stored.get("state", "unknown"), reason=stored.get("reason", ""), name=stored.get("feed", ""))


def stored_chart(client: SyncRedis, symbol: str, timeframe: str, specs: Specs, new_lines: NewLines) -> History:
    """The chart as it is stored now: what a viewer would get first."""
    chart = Chart(symbol, timeframe, specs, new_lines)
    with client.pipeline(transaction=True) as pipe:
        pipe.xrevrange(keys.ticks_stream(symbol, timeframe), count=NEWEST)
        pipe.hgetall(keys.feed_state(symbol))
        ticks, feed = pipe.execute()
    chart.load(recent_bars_now(client, symbol, timeframe, MAX_BARS))
    _take_partial(chart, _events(ticks))
    chart.feed = _feed(feed)
    return chart.history(sent=now_ms())


def _take_partial(chart: Chart, newest_first: list[Event]) -> None:
    partial = next((event for event in newest_first if isinstance(event, PartialBar)), None)
    if partial is not None:
        chart.on_partial(partial)
