"""What all viewers of one thing in a process share: it is read once, encoded once, and each gets the newest only."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, Generic, Self, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from infra.cancelling import cancel

logger = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0

_encoder = msgspec.json.Encoder()


class SharedFeed(ABC):
    """Keeps the newest message of each of its `kinds` as text, with versions by which viewers know what is new.

    `run` is the work that makes them with `publish`; it is done while somebody views.
    """

    kinds: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = dict.fromkeys(self.kinds, 0)
        self._name = name
        self._viewers: set[SharedViewer[Self]] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def run(self) -> None:
        """For ever."""

    def join(self) -> "SharedViewer[Self]":
        viewer = SharedViewer(self)
        self._viewers.add(viewer)
        if self._task is None:
            self._task = asyncio.create_task(self._keep_running(), name=self._name)
        return viewer

    def leave(self, viewer: "SharedViewer[Self]") -> bool:
        """True where that was the last viewer."""
        self._viewers.discard(viewer)
        return not self._viewers

    async def stop(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def _keep_running(self) -> None:
        """What `run` does not expect is logged, and it begins again: viewers must not wait for what nobody makes."""
        while True:
            try:
                await self.run()
            except Exception:
                logger.exception("%s broke and begins again", self._name)
            await asyncio.sleep(AGAIN_AFTER_S)

    async def newer_than(self, seen: dict[str, int]) -> list[str]:
        """The kinds of message that changed since `seen`, as soon as there is one."""
        while True:
            changed = [kind for kind, version in self.versions.items() if version > seen.get(kind, 0)]
            if changed:
                return changed
            await self._news.wait()

    def publish(self, message: dict[str, Any]) -> None:
        """`message["kind"]` is one of the feed's kinds; one that says nothing new is not told."""
        kind, text = message["kind"], _encoder.encode(message).decode()
        if self.texts.get(kind) == text:
            return
        self.texts[kind] = text
        self.versions[kind] += 1
        news, self._news = self._news, asyncio.Event()
        news.set()


F = TypeVar("F", bound=SharedFeed)


class SharedViewer(Generic[F]):
    """One page: gets the newest of each kind, never a queue of old ones."""

    def __init__(self, feed: F) -> None:
        self.feed = feed
        self._seen: dict[str, int] = {}

    async def next(self) -> list[str]:
        """The messages that changed since the last call, in the order of the feed's kinds."""
        changed = await self.feed.newer_than(self._seen)
        for kind in changed:
            self._seen[kind] = self.feed.versions[kind]
        return [self.feed.texts[kind] for kind in changed]


class FeedsOfLoops(Generic[F]):
    """Every loop's own feeds: a loop is a web process, or a test."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, F]] = WeakKeyDictionary()

    @asynccontextmanager
    async def watch(self, key: Hashable, make: Callable[[], F]) -> AsyncIterator[SharedViewer[F]]:
        """A viewer of the feed called `key`; the last one to leave ends it."""
        feeds = self._loops.setdefault(asyncio.get_running_loop(), {})
        feed = feeds.get(key)
        if feed is None:
            feed = feeds[key] = make()
        viewer = feed.join()
        try:
            yield viewer
        finally:
            if feed.leave(viewer) and feeds.get(key) is feed:
                del feeds[key]
                await feed.stop()
