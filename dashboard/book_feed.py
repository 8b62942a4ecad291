"""One book for all viewers of a process: facts wake it, the database says what is true, Redis how it moves."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from dashboard import selectors
from dashboard.pulse import read_pulse
from engine.errors import FortifiedError
from infra.cancelling import cancel
from infra.redis.client import async_client

logger = logging.getLogger(__name__)

PULSE_INTERVAL_S = 0.5
FACT_INTERVAL_S = 0.2  # the database is read at most this often, however many facts come
REVISION_INTERVAL_S = 3.0  # a broadcast may be lost: the database is asked for changes anyway

_encoder = msgspec.json.Encoder()
_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, "BookFeed"]] = WeakKeyDictionary()


@asynccontextmanager
async def watch(book: str) -> "AsyncIterator[BookViewer]":
    """A viewer of `book`; the last one to leave ends its feed."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    feed = feeds.setdefault(book, BookFeed(book))
    viewer = feed.join()
    try:
        yield viewer
    finally:
        if feed.leave(viewer) and feeds.get(book) is feed:
            del feeds[book]
            await feed.stop()


class BookFeed:
    """Keeps the newest overview and pulse of a book as text, with versions by which viewers know what is new."""

    def __init__(self, book: str) -> None:
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {"overview": 0, "pulse": 0}
        self._book = book
        self._overview: dict[str, Any] = {}
        self._revision: tuple[Any, ...] = ()
        self._checked = 0.0
        self._viewers: set[BookViewer] = set()
        self._fact = asyncio.Event()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def join(self) -> "BookViewer":
        viewer = BookViewer(self)
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"book {self._book}")
        return viewer

    def leave(self, viewer: "BookViewer") -> bool:
        """True where that was the last viewer."""
        self._viewers.discard(viewer)
        return not self._viewers

    async def stop(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    def touch(self) -> None:
        """A fact was committed: read the database again."""
        self._fact.set()

    async def newer_than(self, seen: dict[str, int]) -> list[str]:
        """The kinds of message that changed since `seen`, as soon as there is one."""
        while True:
            changed = [kind for kind, version in self.versions.items() if version > seen.get(kind, 0)]
            if changed:
                return changed
            await self._news.wait()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._read(now=started)
            except (RedisError, DatabaseError, OSError, FortifiedError) as error:
                logger.warning("book %s cannot be shown: %s", self._book, error)
                self._publish({"kind": "pulse", "error": f"{type(error).__name__}: {error}"})
            await asyncio.sleep(max(0.0, FACT_INTERVAL_S - (loop.time() - started)))
            await self._pause(until=started + PULSE_INTERVAL_S)

    async def _read(self, *, now: float) -> None:
        if await self._is_outdated(now):
            self._overview = await database_sync_to_async(selectors.overview)(book=self._book)
            self._publish(self._overview)
        self._publish(await read_pulse(async_client(settings.REDIS_URL), overview=self._overview))

    async def _is_outdated(self, now: float) -> bool:
        told = self._fact.is_set() or not self._overview
        self._fact.clear()
        if not told and now - self._checked < REVISION_INTERVAL_S:
            return False
        self._checked = now
        before = self._revision
        self._revision = await database_sync_to_async(selectors.revision)(book=self._book)
        return told or self._revision != before

    async def _pause(self, *, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._fact.wait()
        except TimeoutError:
            return

    def _publish(self, message: dict[str, Any]) -> None:
        kind, text = message["kind"], _encoder.encode(message).decode()
        if self.texts.get(kind) == text:
            return
        self.texts[kind] = text
        self.versions[kind] += 1
        news, self._news = self._news, asyncio.Event()
        news.set()


class BookViewer:
    """One page: gets the newest of each kind, never a queue of old ones."""

    def __init__(self, feed: BookFeed) -> None:
        self.feed = feed
        self._seen: dict[str, int] = {}

    async def next(self) -> list[str]:
        """The messages that changed since the last call: the overview before the pulse."""
        changed = await self.feed.newer_than(self._seen)
        for kind in changed:
            self._seen[kind] = self.feed.versions[kind]
        return [self.feed.texts[kind] for kind in changed]
