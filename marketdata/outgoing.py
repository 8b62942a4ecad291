"""Batches on their way to Redis: written in their order, each once, whatever breaks in between."""

import asyncio
from collections import deque
from collections.abc import Callable

from infra.redis.streams import Wire
from marketdata.batch import Batch

AHEAD = 2  # one under way, and one made meanwhile that leaves when the first is answered


class Outgoing:
    """The batches that are made and not known to be written. While one is under way the next can be made: whoever
    computes need not wait for Redis, nor Redis for the computing. `may_write` is asked before each write, `on_doubt`
    called when Redis answers again."""

    def __init__(self, wire: Wire, *, may_write: Callable[[], bool], on_doubt: Callable[[], None]) -> None:
        self.lock = asyncio.Lock()  # one request at a time on the wire
        self._wire = wire
        self._may_write = may_write
        self._on_doubt = on_doubt
        self._batches: deque[Batch] = deque()
        self._is_in_doubt = False  # the first was sent, and no answer came
        self._room = asyncio.Event()
        self._room.set()

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def is_full(self) -> bool:
        return len(self._batches) >= AHEAD

    def put(self, batch: Batch) -> None:
        self._batches.append(batch)
        if self.is_full:
            self._room.clear()

    async def room(self) -> None:
        """Wait until there is room for another batch."""
        await self._room.wait()

    async def send(self) -> Batch | None:
        """Write the oldest batch; None where there is none, or nothing may be written.

        Raises what Redis raises when it is away: nothing is lost then, the next call finds out what happened.
        """
        async with self.lock:
            if not self._batches or not self._may_write():
                return None
            batch = self._batches[0]
            if self._is_in_doubt:
                self._on_doubt()
            if not self._is_in_doubt or not await batch.is_written(self._wire):
                self._is_in_doubt = True
                await self._wire.transact(batch.requests)
            self._is_in_doubt = False
            self._batches.popleft()
            self._room.set()
            return batch

    async def read(self, *names: str) -> list[bytes | None]:
        """The strings of these keys."""
        async with self.lock:
            found: list[bytes | None] = await self._wire.call("MGET", *names)
        return found

    async def send_all(self) -> int:
        """The same for every batch; how many stream entries that made."""
        made = 0
        while (batch := await self.send()) is not None:
            made += batch.entries
        return made
