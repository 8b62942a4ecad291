"""Committed facts to the Channels groups of those who watch, without making the one who commits wait."""

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import redis
from channels.layers import get_channel_layer

from engine.model.event import Event
from infra import codec
from infra.redis import keys

logger = logging.getLogger(__name__)

MAX_PENDING = 1_000  # messages; past it the oldest goes: a page re-reads the database anyway
SEND_TIMEOUT_S = 5.0

Message = dict[str, Any]


def broadcast(group: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Hand one fact to `group`. Returns at once, and a Redis that is away is no error: pages heal by re-reading."""
    _sender().put(group, {"type": "book.event", "payload": {"kind": kind, **payload}})


def broadcast_batch(group: str, facts: Sequence[Mapping[str, Any]]) -> None:
    """Hand several facts, each with its "kind", to `group` as one message, in order."""
    if facts:
        _sender().put(group, {"type": "book.event", "payload": {"kind": "batch", "events": [dict(f) for f in facts]}})


def broadcast_events(book: str, events: Sequence[Event]) -> None:
    """What the journal committed for `book`, as one message to the book's group; the kind is the event's class."""
    broadcast_batch(keys.book_group(book), [fact(event) for event in events])


def fact(event: Event) -> Message:
    """{"kind": "OrderFilled", "event": {…}}: an event as pages get it."""
    return {"kind": type(event).__name__, "event": codec.to_builtins(event)}


def flush(timeout_s: float = SEND_TIMEOUT_S) -> bool:
    """Wait until everything handed over so far is sent; False where that took longer than `timeout_s`."""
    return _sender().drained.wait(timeout_s)


class _Sender:
    """One daemon thread with one event loop: the channel layer's connections live as long as it does."""

    def __init__(self) -> None:
        self.drained = threading.Event()
        self.drained.set()
        self._pending: deque[tuple[str, Message]] = deque()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._dropped = 0
        threading.Thread(target=self._work, name="broadcast", daemon=True).start()

    def put(self, group: str, message: Message) -> None:
        with self._lock:
            if len(self._pending) >= MAX_PENDING:
                self._pending.popleft()
                self._dropped += 1
            self._pending.append((group, message))
            self.drained.clear()
        self._loop.call_soon_threadsafe(self._wake.set)

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._send_forever())

    async def _send_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (item := self._next()) is not None:
                await self._send(*item)

    def _next(self) -> tuple[str, Message] | None:
        with self._lock:
            if self._pending:
                return self._pending.popleft()
            self.drained.set()
            return None

    async def _send(self, group: str, message: Message) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            await asyncio.wait_for(layer.group_send(group, message), SEND_TIMEOUT_S)
        except (redis.RedisError, OSError, TimeoutError) as error:
            logger.warning("a message to %s was not sent (%s dropped before): %s", group, self._dropped, error)


_current: _Sender | None = None
_starting = threading.Lock()


def _sender() -> _Sender:
    global _current
    with _starting:
        if _current is None:
            _current = _Sender()
        return _current


def _forget() -> None:
    """Threads do not survive a fork: the child makes its own sender, with its own connections."""
    global _current, _starting
    _current, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
