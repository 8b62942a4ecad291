"""How fast orders may leave for one account: a token bucket in which exits go before entries."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first when not everybody may go: what makes risk smaller."""

    CANCEL = 0
    EXIT = 1
    ENTRY = 2


class Pacing:
    """At most `per_minute` turns a minute, `burst` of them at once; None means that the venue states no limit.

    Entries leave a part of the burst alone, so that an exit never waits for entries that used it up.
    """

    def __init__(self, per_minute: int | None, *, burst: int = 10, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._burst = float(burst)
        self._reserve = burst // 3
        self._now = now
        self._tokens = float(burst)
        self._counted_at = now()
        self._not_before = 0.0
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._bell = asyncio.Event()

    def pause(self, seconds: float) -> None:
        """The venue asked for a pause: nobody goes before it is over."""
        self._not_before = max(self._not_before, self._now() + seconds)

    async def turn(self, priority: Priority) -> None:
        """Wait for the right to call the venue once."""
        ticket = (int(priority), next(self._numbers))
        heapq.heappush(self._waiting, ticket)
        self._ring()
        try:
            while (delay := self._delay(ticket)) > 0:
                await self._sleep(delay)
            self._tokens -= 1
        finally:
            self._waiting.remove(ticket)
            heapq.heapify(self._waiting)
            self._ring()

    def _delay(self, ticket: tuple[int, int]) -> float:
        """Seconds until `ticket` may go, as far as can be said now; 0 when it may."""
        now = self._now()
        if now < self._not_before:
            return self._not_before - now
        if self._waiting[0] != ticket:
            return 60.0  # whoever goes rings the bell
        if self._rate is None:
            self._tokens = self._burst
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        needed = 1.0 + (self._reserve if ticket[0] == Priority.ENTRY else 0)
        return max(0.0, (needed - self._tokens) / self._rate)

    async def _sleep(self, delay: float) -> None:
        try:
            await asyncio.wait_for(self._bell.wait(), delay)
        except TimeoutError:
            return

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()
