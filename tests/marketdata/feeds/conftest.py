"""A simulated venue on real sockets, and a feed that is connected to it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve

SECRET = json.dumps({"refresh_token": "r", "client_secret": "c"})


async def until(condition: Callable[[], Any], *, within_s: float = 60.0, what: str = "") -> None:
    """Wait for `condition`; fail at the deadline."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, what or "the condition did not come about in time"
        await asyncio.sleep(0.01)


@pytest.fixture
async def venue() -> AsyncIterator[Simulator]:
    config = SimulatorConfig(
        market=MarketConfig(seed=7, symbols=("SPY", "QQQ", "SPX"), tick_rate=40.0, always_open=True), feed_port=0
    )
    async with await serve(config) as simulator:
        yield simulator


def feed_of(venue: Simulator, **options: Any) -> DXLinkFeed:
    quick: dict[str, Any] = {
        "reconnect_base_s": 0.05,
        "reconnect_cap_s": 0.2,
        "mute_after_s": 1.0,
        "answer_timeout_s": 0.5,
        **options,
    }
    return DXLinkFeed("test", token=TokenSource(venue.rest_url, SECRET).fetch, options=DXLinkOptions(**quick))


class Collector:
    """Reads a feed's frames in the background."""

    def __init__(self, feed: DXLinkFeed) -> None:
        self.feed = feed
        self.events: list[Any] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for frame in self.feed.frames():
            self.events += frame

    def of(self, kind: type, symbol: str = "SPY") -> list[Any]:
        return [event for event in self.events if isinstance(event, kind) and getattr(event, "symbol", "") == symbol]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.feed.close()


@pytest.fixture
async def collect(venue: Simulator) -> AsyncIterator[Callable[..., Any]]:
    """`await collect("SPY", …, option=…)`: a subscribed feed and what it receives."""
    made: list[Collector] = []

    async def begin(*symbols: str, **options: Any) -> Collector:
        feed = feed_of(venue, **options)
        await feed.subscribe(symbols)
        made.append(Collector(feed))
        return made[-1]

    yield begin
    for each in made:
        await each.close()
