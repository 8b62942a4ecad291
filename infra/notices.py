"""Telling people: whoever knows of something hands it over here, and the package that `NOTIFIER` names tells them."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import cast

import msgspec
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.module_loading import import_string

from infra.logging import scrub
from infra.redis import keys
from infra.redis.client import sync_client

logger = logging.getLogger("notices")  # a log of its own: everything that people were to be told
WAITING_KEPT = 10_000
TURN_S = 60.0


class Level(StrEnum):
    """How urgent it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


_LOG = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.CRITICAL: logging.ERROR}


class Notice(msgspec.Struct, frozen=True):
    """A sentence for people. Two with the same `key` are the same thing told again; empty: kind, about and text.

    `is_over`: what was told under this key before is well again. It is told only to those who heard of the trouble.
    """

    kind: str  # one of `notifications.kinds`
    level: Level
    text: str
    about: str = ""  # a book, a feed, a login
    key: str = ""
    is_over: bool = False

    @property
    def same(self) -> str:
        return self.key or f"{self.kind}|{self.about}|{self.text}"


def tell(notice: Notice) -> None:
    """Keep it and send it to whoever wants to hear of it. What keeps that from happening is logged, never raised."""
    try:
        _receive(notice)
    except (DatabaseError, redis.RedisError):
        logger.exception("%s could not be told: %s", notice.kind, scrub(notice.text))


def _receive(notice: Notice) -> None:
    receive: Callable[[Notice], None] = import_string(settings.NOTIFIER)
    receive(msgspec.structs.replace(notice, text=scrub(notice.text)))


def hand_over(notices: Sequence[Notice]) -> None:
    """The same for loops that must wait for nothing: a thread of ours puts them into Redis, a task of the workers tells
    them a moment later."""
    if notices:
        _courier().put(notices)


def flush(timeout_s: float = 10.0) -> bool:
    """Wait until everything handed over so far is in Redis, or given up; False where that took longer."""
    return _courier().is_idle.wait(timeout_s)


def take_over() -> int:
    """Tell what was handed over, unless another worker is at it; how many. One that comes twice, after a crash, is the
    same thing told again. While the database is away everything waits in Redis."""
    client, key, done = sync_client(settings.REDIS_URL), keys.notices(), 0
    turn = client.lock(keys.notices_turn(), timeout=TURN_S, blocking=False)
    if not turn.acquire():
        return 0
    ends = time.monotonic() + TURN_S / 2
    while time.monotonic() < ends and (found := cast("str | None", client.lindex(key, 0))):
        notice = msgspec.json.decode(found, type=Notice)
        try:
            _receive(notice)
        except (OperationalError, InterfaceError) as error:
            logger.warning("%s is told later, the database does not answer: %s (%s)", notice.kind, notice.text, error)
            break
        except (DatabaseError, redis.RedisError):
            logger.exception("%s could not be told: %s", notice.kind, notice.text)
        client.lpop(key)
        done += 1
    turn.release()
    return done


def log(notice: Notice, *, is_ordinary: bool = False) -> None:
    """One line in the log of notices; what is well again, or ordinary, is no error however urgent people want it."""
    level = logging.INFO if is_ordinary or notice.is_over else _LOG[notice.level]
    logger.log(level, "%s %s: %s", notice.kind, notice.about, scrub(notice.text))


class _Courier:
    """One daemon thread; what waits for it is bounded, and the oldest goes first."""

    def __init__(self) -> None:
        self.is_idle = threading.Event()
        self.is_idle.set()
        self._waiting: deque[Notice] = deque(maxlen=WAITING_KEPT)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._work, name="notices", daemon=True).start()

    def put(self, notices: Sequence[Notice]) -> None:
        with self._lock:
            self._waiting.extend(notices)
            self.is_idle.clear()
        self._wake.set()

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                _push(batch)

    def _take(self) -> list[Notice]:
        with self._lock:
            batch = list(self._waiting)
            self._waiting.clear()
            if not batch:
                self.is_idle.set()
            return batch


def _push(notices: Sequence[Notice]) -> None:
    try:
        with sync_client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
            pipe.rpush(keys.notices(), *(msgspec.json.encode(each) for each in notices))
            pipe.ltrim(keys.notices(), -WAITING_KEPT, -1)
            pipe.execute()
    except redis.RedisError as error:
        for each in notices:
            logger.log(_LOG[each.level], "%s (not sent, Redis does not answer: %s): %s", each.kind, error, each.text)


_current: _Courier | None = None
_starting = threading.Lock()


def _courier() -> _Courier:
    global _current
    with _starting:
        if _current is None:
            _current = _Courier()
        return _current


def _forget() -> None:
    """Threads do not survive a fork: the child makes its own."""
    global _current, _starting
    _current, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
