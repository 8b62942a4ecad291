"""Makes this process follow the levels of logging that are chosen in Redis, while it goes on with its work."""

import os
import threading
from functools import cache
from typing import Any

from celery import bootsteps
from celery.signals import beat_init, worker_init, worker_process_init
from django.conf import settings

from infra.log_levels import Levels, chosen
from infra.redis.client import REDIS_AWAY, hasty_client

EVERY_S = 3.0


class Follower:
    """Looks every `every_s` seconds; while Redis is away levels stay as they are."""

    def __init__(self, url: str, default: str, *, every_s: float = EVERY_S) -> None:
        self._client = hasty_client(url, timeout_s=1.0)
        self._every_s = every_s
        self._levels = Levels(default)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Once, now."""
        try:
            self._levels.apply(chosen(self._client))
        except REDIS_AWAY:
            return

    def start(self) -> None:
        """Look for as long as the process lives, from a thread that does not keep it alive."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="log levels", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more; levels stay as they are."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_s)


def follow_log_levels(**_: Any) -> None:
    """From now on this process follows; calling it twice is calling it once."""
    if settings.FOLLOWS_LOG_LEVELS:
        _follower(os.getpid()).start()


@cache
def _follower(_pid: int) -> Follower:
    """One for each process: a forked child has none yet."""
    return Follower(settings.REDIS_URL, settings.LOG_LEVEL)


worker_process_init.connect(follow_log_levels)
beat_init.connect(follow_log_levels)


class FollowLogLevels(bootsteps.StartStopStep):
    """A worker's main process forks, so it has no threads of ours: its own timer looks instead."""

    def start(self, parent: Any) -> None:
        self._entry = parent.timer.call_repeatedly(EVERY_S, _follower(os.getpid()).look)

    def stop(self, parent: Any) -> None:
        self._entry.cancel()


@worker_init.connect
def add_step(sender: Any = None, **_: Any) -> None:
    """Before the worker puts its steps together."""
    if settings.FOLLOWS_LOG_LEVELS:
        sender.app.steps["consumer"].add(FollowLogLevels)
