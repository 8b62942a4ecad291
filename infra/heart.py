"""Keeps a claim on a record from a thread of its own, while what is claimed takes longer than a claim lasts."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, close_old_connections, connection

logger = logging.getLogger(__name__)


class Heart:
    """Calls `beat` every `every_s` seconds between entering and leaving, on a connection of its own. A database that is
    busy or away for a moment is no end: a claim stands for several beats."""

    def __init__(self, beat: Callable[[], None], *, every_s: float, name: str) -> None:
        self._beat, self._every_s = beat, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with _own_connection():
            while not self._stop.wait(self._every_s):
                try:
                    self._beat()
                except DatabaseError as error:
                    logger.warning("%s: the claim could not be kept now: %s", self._thread.name, error)


@contextmanager
def _own_connection() -> Iterator[None]:
    """A thread's database connection, closed when it ends."""
    close_old_connections()
    try:
        yield
    finally:
        connection.close()
