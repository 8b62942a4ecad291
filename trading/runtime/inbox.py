"""One bounded queue for everything that reaches a book: the order in which it is taken is the run's history."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engine.model.event import Event
from infra.cancelling import cancel

DEFAULT_ROOM = 256  # deliveries; a full inbox makes the sources wait, nothing is dropped


class Delivery(msgspec.Struct, frozen=True):
    """Events of one source in order, and where that source stands once they are handled."""

    events: Sequence[Event]
    cursors: dict[str, str]


Source = Callable[[], Awaitable[Delivery]]


class Inbox:
    """Sources are awaited side by side; what they deliver is taken one delivery at a time."""

    def __init__(self, *, room: int = DEFAULT_ROOM) -> None:
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(maxsize=room)
        self._pumps: list[asyncio.Task[None]] = []

    def attach(self, name: str, source: Source) -> None:
        """Keep awaiting `source` and queue what it delivers, until `close`."""
        self._pumps.append(asyncio.create_task(self._pump(source), name=f"inbox:{name}"))

    async def put(self, delivery: Delivery) -> None:
        await self._queue.put(delivery)

    def wake(self) -> None:
        """Let `take` return soon, if only with a delivery of nothing."""
        if self._queue.empty():
            self._queue.put_nowait(Delivery(events=(), cursors={}))

    async def take(self, *, timeout_s: float) -> list[Delivery]:
        """What is queued, in order; empty when nothing came within `timeout_s`. A source's failure is raised here."""
        self._raise_failed()
        try:
            first = await asyncio.wait_for(self._queue.get(), timeout_s)
        except TimeoutError:
            self._raise_failed()
            return []
        taken = [first]
        while not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken

    async def close(self) -> None:
        await asyncio.gather(*(cancel(pump) for pump in self._pumps))

    async def _pump(self, source: Source) -> None:
        while True:
            delivery = await source()
            if delivery.events or delivery.cursors:
                await self._queue.put(delivery)

    def _raise_failed(self) -> None:
        for pump in self._pumps:
            if pump.done() and not pump.cancelled() and pump.exception() is not None:
                raise pump.exception()  # type: ignore[misc]
