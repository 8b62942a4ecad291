"""Schwab's simulator on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, SchwabSimulator, serve


@pytest.fixture
def start() -> Callable[..., Any]:
    """`async with start(speed=10, market={…}) as simulator`; Friday, 20 November 2026, 10:00 in New York."""

    @asynccontextmanager
    async def run(*, market: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[SchwabSimulator]:
        config = SchwabConfig(
            market=MarketConfig(**{"seed": 5, "tick_rate": 20.0, **(market or {})}),
            **{"start": "2026-11-20T15:00:20+00:00", "poll_s": 0.01, **settings},
        )
        async with await serve(config) as simulator:
            yield simulator

    return run
