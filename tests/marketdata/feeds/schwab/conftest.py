"""A simulated Schwab on real sockets, and feeds connected to it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from marketdata.feeds.schwab.feed import SchwabFeed
from marketdata.feeds.schwab.login import LoginToken
from marketdata.feeds.schwab.options import SchwabOptions
from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, SchwabSimulator, serve
from tests.contracts.feeds.base import Venue, Watched

SECRET = json.dumps({"app_key": "k", "app_secret": "s", "refresh_token": "r"})
QUICK = {"reconnect_base_s": 0.02, "reconnect_cap_s": 0.1}


@pytest.fixture
def start() -> Callable[..., Any]:
    """`async with start(speed=10, market={…}) as simulator`."""

    @asynccontextmanager
    async def run(*, market: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[SchwabSimulator]:
        config = SchwabConfig(
            market=MarketConfig(**{"seed": 5, "always_open": True, "tick_rate": 20.0, **(market or {})}),
            **{"poll_s": 0.01, **settings},
        )
        async with await serve(config) as simulator:
            yield simulator

    return run


@pytest.fixture
async def watch() -> AsyncIterator[Callable[..., Any]]:
    """`await watch(simulator, "SPY", …, option=…)`: a subscribed feed and what it receives."""
    made: list[Watched] = []

    async def begin(simulator: SchwabSimulator, *symbols: str, **options: Any) -> Watched:
        url = simulator.rest_url
        settings = SchwabOptions(**{**QUICK, **options})
        feed = SchwabFeed("schwab", token=LoginToken(url, SECRET), api_url=url, options=settings)
        await feed.subscribe(symbols)
        made.append(Watched(feed, Venue(simulator)))
        return made[-1]

    yield begin
    for each in made:
        await each.close()
