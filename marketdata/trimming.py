"""Keeps the streams of forming bars short: what is older than the window is dropped, a few streams at a time."""

from collections.abc import Iterable

from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire, pack


class Trimmer:
    """Drops partial bars older than `window_ms`, on a connection of its own: what is written does not wait for it."""

    def __init__(self, client: AsyncRedis, *, window_ms: int) -> None:
        self._wire = Wire(client)
        self._window_ms = window_ms
        self._rounds = 0

    async def trim(self, pairs: Iterable[tuple[str, str]], now_ms: int) -> None:
        """About once a second; of many streams a tenth each time: bars wait while Redis trims."""
        streams = sorted(keys.ticks_stream(*pair) for pair in pairs)
        streams = streams[self._rounds % 10 :: 10] if len(streams) > 100 else streams
        self._rounds += 1
        for first in range(0, len(streams), 10):
            part = streams[first : first + 10]
            await self._wire.send([pack("XTRIM", key, "MINID", "~", now_ms - self._window_ms) for key in part])

    async def close(self) -> None:
        await self._wire.close()
