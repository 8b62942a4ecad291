"""Many symbols from one source, at the pace that the source allows; what fails is tried again."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from engine.errors import FortifiedError
from engine.model.market import Bar
from infra.backoff import Backoff
from marketdata.backfill.sources import HistorySource

logger = logging.getLogger(__name__)

_ATTEMPTS = 5


class Request(Protocol):
    """One symbol's wish: everything after `reached` up to the end."""

    symbol: str
    reached: int
    attempts: int


class Pace:
    """Lets `concurrent` requests be under way, and begins one every `delay_s` at most."""

    def __init__(self, *, concurrent: int, delay_s: float) -> None:
        self._slots = asyncio.Semaphore(concurrent)
        self._delay_s = delay_s
        self._next = 0.0

    async def __aenter__(self) -> None:
        await self._slots.acquire()
        now = time.monotonic()
        begin = max(now, self._next)
        self._next = begin + self._delay_s
        await asyncio.sleep(begin - now)

    async def __aexit__(self, *_: object) -> None:
        self._slots.release()


class Fetcher:
    """Works off requests in batches. `on_bars` stores what came and notes how far; `on_end` hears how a symbol ended.

    A retryable error is tried again with growing pauses, another one ends its symbol; other symbols go on.
    """

    def __init__(
        self,
        source: HistorySource,
        *,
        timeframe: str,
        end: int,
        pace: Pace,
        on_bars: Callable[[Request, list[Bar], int], Awaitable[None]],
        on_end: Callable[[Request, str], Awaitable[None]],
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._source = source
        self._timeframe = timeframe
        self._end = end
        self._pace = pace
        self._on_bars = on_bars
        self._on_end = on_end
        self._backoff = backoff

    async def run(self, requests: Sequence[Request], *, batch: int, may_go_on: Callable[[], bool]) -> bool:
        """Whether all were worked off; False where `may_go_on` said no between two batches."""
        for at in range(0, len(requests), batch):
            if not may_go_on():
                return False
            async with asyncio.TaskGroup() as group:
                for request in requests[at : at + batch]:
                    group.create_task(self._one(request))
        return True

    async def _one(self, request: Request) -> None:
        try:
            for start, end in self._windows(request.reached):
                await self._on_bars(request, await self._ask(request, start, end), end)
        except FortifiedError as error:
            logger.warning("history of %s %s: %s", request.symbol, self._timeframe, error.detail)
            await self._on_end(request, error.detail)
            return
        await self._on_end(request, "")

    def _windows(self, start: int) -> Iterator[tuple[int, int]]:
        """Oldest first, so that what is stored has no hole when a run ends early."""
        span = self._source.request_ns or max(1, self._end - start)
        while start < self._end:
            end = min(self._end, start + span)
            yield start, end
            start = end

    async def _ask(self, request: Request, start: int, end: int) -> list[Bar]:
        backoff = self._backoff()
        for attempt in range(1, _ATTEMPTS + 1):
            request.attempts += 1
            try:
                async with self._pace:
                    bars = await self._source.bars(request.symbol, self._timeframe, start=start, end=end)
                return [bar for bar in bars if start < bar.ts <= end]
            except FortifiedError as error:
                if not error.retryable or attempt == _ATTEMPTS:
                    raise
                delay_s = backoff.next_delay(at_least_s=getattr(error, "retry_after_s", 0.0))
                logger.info("history of %s: %s; again in %.1f s", request.symbol, error.detail, delay_s)
                await asyncio.sleep(delay_s)
        raise AssertionError("the last attempt returns or raises")
