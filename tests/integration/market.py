"""A scripted market for tests: ticks in real time, through the product's own publisher, into the test's Redis."""

import asyncio
import math
import time
from collections.abc import Iterator

from django.conf import settings

from engine.model.event import Event
from engine.model.market import Tick
from infra import codec
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client, sync_client
from marketdata.publisher import Publisher

FRAME_S = 0.01  # at least: what is played is counted in frames, so that it is the same on every machine
TICKS_PER_FRAME = 3


def waves(symbol: str) -> Iterator[Tick]:
    """Two waves over each other, on the grid: short averages cross every twenty bars of five ticks or so."""
    n = 0
    while True:
        price = round((5000 + 8 * math.sin(n / 17) + 5 * math.sin(n / 41)) * 4) / 4
        now = time.time_ns()
        yield Tick(ts=now, symbol=symbol, price=price, size=1.0, bid=price - 0.25, ask=price + 0.25, ts_recv=now)
        n += 1


class Market:
    """Plays the waves of one symbol and timeframe; continues where it stopped."""

    def __init__(self, symbol: str, timeframe: str) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self._ticks = waves(symbol)

    def play(self, frames: int) -> None:
        asyncio.run(self._play(frames))

    async def _play(self, frames: int) -> None:
        publisher = Publisher(async_client(settings.REDIS_URL), feed="scripted")
        await publisher.carry([(self.symbol, self.timeframe)], resumes=True)
        for _ in range(frames):
            publisher.ingest([next(self._ticks) for _ in range(TICKS_PER_FRAME)])
            await publisher.flush()
            await asyncio.sleep(FRAME_S)
        await publisher.close()
        await aclose_clients()

    @property
    def streams(self) -> tuple[str, str]:
        return keys.bars_stream(self.symbol, self.timeframe), keys.ticks_stream(self.symbol, self.timeframe)

    def published(self) -> list[Event]:
        """Everything in the streams, in the order in which it was published."""
        events: list[Event] = []
        for key in self.streams:
            events += [codec.decode(fields["e"]) for _, fields in _entries(key)]
        return sorted(events, key=lambda event: event.seq)  # type: ignore[attr-defined]

    def ends(self) -> dict[str, str]:
        """Stream → id of its last entry."""
        return {key: _entries(key)[-1][0] for key in self.streams}


def _entries(key: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = sync_client(settings.REDIS_URL).xrange(key)  # type: ignore[assignment]
    return found
