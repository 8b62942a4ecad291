"""Telling people: whoever knows of something hands it over here, and the package that `NOTIFIER` names tells them."""

import logging
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import cast

import msgspec
import redis
from django.conf import settings
from django.db import DatabaseError
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
    notice = msgspec.structs.replace(notice, text=scrub(notice.text))
    receive: Callable[[Notice], None] = import_string(settings.NOTIFIER)
    try:
        receive(notice)
    except (DatabaseError, redis.RedisError):
        logger.exception("%s could not be told: %s", notice.kind, notice.text)


def hand_over(notices: Sequence[Notice]) -> None:
    """The same for loops that must not wait for a database: a task of the workers tells them a moment later."""
    if not notices:
        return
    client, key = sync_client(settings.REDIS_URL), keys.notices()
    try:
        with client.pipeline(transaction=False) as pipe:
            pipe.rpush(key, *(msgspec.json.encode(each) for each in notices))
            pipe.ltrim(key, -WAITING_KEPT, -1)
            pipe.execute()
    except redis.RedisError as error:
        for each in notices:
            logger.log(_LOG[each.level], "%s (not sent, Redis does not answer: %s): %s", each.kind, error, each.text)


def take_over() -> int:
    """Tell what was handed over, unless another worker is at it; how many. One that comes twice, after a crash, is the
    same thing told again."""
    client, key, done = sync_client(settings.REDIS_URL), keys.notices(), 0
    turn = client.lock(keys.notices_turn(), timeout=TURN_S, blocking=False)
    if not turn.acquire():
        return 0
    ends = time.monotonic() + TURN_S / 2
    while time.monotonic() < ends and (found := cast("str | None", client.lindex(key, 0))):
        tell(msgspec.json.decode(found, type=Notice))
        client.lpop(key)
        done += 1
    turn.release()
    return done


def log(notice: Notice, *, is_ordinary: bool = False) -> None:
    """One line in the log of notices; what is well again, or ordinary, is no error however urgent people want it."""
    level = logging.INFO if is_ordinary or notice.is_over else _LOG[notice.level]
    logger.log(level, "%s %s: %s", notice.kind, notice.about, scrub(notice.text))
