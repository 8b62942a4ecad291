"""Massive's simulator on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulators.market import MarketConfig
from simulators.massive.serve import MassiveConfig, MassiveSimulator, serve_massive


@pytest.fixture
def start() -> Callable[..., Any]:
    """`async with start(speed=10, market={…}) as simulator`."""

    @asynccontextmanager
    async def run(*, market: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[MassiveSimulator]:
        names = {"seed": 5, "always_open": True, "tick_rate": 30.0, **(market or {})}
        config = MassiveConfig(
            market=MarketConfig(**names), **{"start": "2026-11-20T15:00:20+00:00", "stream_port": 0, **settings}
        )
        async with await serve_massive(config) as simulator:
            yield simulator

    return run
