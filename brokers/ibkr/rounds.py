"""A question that can be asked once at a time: whoever asks gets an answer that was begun afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """While one round is under way, all who ask share the next one. A round outlives who asked for it."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[T] | None = None
        self._coming: asyncio.Task[T] | None = None

    async def next(self) -> T:
        if self._coming is None:
            self._coming = asyncio.create_task(self._round(self._under_way))
            self._coming.add_done_callback(_retrieve)
        return await asyncio.shield(self._coming)

    async def _round(self, before: "asyncio.Task[T] | None") -> T:
        if before is not None:
            await asyncio.wait({before})
        self._under_way, self._coming = self._coming, None  # from here on it is too late to share it
        return await self._ask()


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Nobody may be left who waits for it."""
    if not task.cancelled():
        task.exception()
