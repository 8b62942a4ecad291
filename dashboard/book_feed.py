"""One book for all viewers of a process: facts wake it, the database says what is true, Redis how it moves."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from dashboard import selectors
from dashboard.pulse import read_pulse
from dashboard.shared_feed import FeedsOfLoops, SharedFeed, SharedViewer
from engine.errors import FortifiedError
from infra.redis.client import async_client

logger = logging.getLogger(__name__)

PULSE_INTERVAL_S = 0.5
FACT_INTERVAL_S = 0.2  # the database is read at most this often, however many facts come
REVISION_INTERVAL_S = 3.0  # a broadcast may be lost: the database is asked for changes anyway

_feeds: "FeedsOfLoops[BookFeed]" = FeedsOfLoops()


def watch(book: str) -> AbstractAsyncContextManager["SharedViewer[BookFeed]"]:
    """A viewer of `book`; the last one to leave ends its feed."""
    return _feeds.watch(book, lambda: BookFeed(book))


class BookFeed(SharedFeed):
    """The newest overview and pulse of a book, the overview first."""

    kinds = ("overview", "pulse")

    def __init__(self, book: str) -> None:
        super().__init__(f"book {book}")
        self._book = book
        self._overview: dict[str, Any] = {}
        self._revision: tuple[Any, ...] = ()
        self._checked = 0.0
        self._fact = asyncio.Event()

    def touch(self) -> None:
        """A fact was committed: read the database again."""
        self._fact.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await self._read(now=started)
            except (RedisError, DatabaseError, OSError, FortifiedError) as error:
                logger.warning("book %s cannot be shown: %s", self._book, error)
                self.publish({"kind": "pulse", "error": f"{type(error).__name__}: {error}"})
            await asyncio.sleep(max(0.0, FACT_INTERVAL_S - (loop.time() - started)))
            await self._pause(until=started + PULSE_INTERVAL_S)

    async def _read(self, *, now: float) -> None:
        if await self._is_outdated(now):
            self._overview = await database_sync_to_async(selectors.overview)(book=self._book)
            self.publish(self._overview)
        self.publish(await read_pulse(async_client(settings.REDIS_URL), overview=self._overview))

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
