"""Simulators on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve


@pytest.fixture
def start() -> Callable[..., Any]:
    """`async with start(speed=10, market={…}) as simulator`."""

    @asynccontextmanager
    async def run(*, market: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Simulator]:
        config = SimulatorConfig(
            market=MarketConfig(**{"seed": 5, "always_open": True, "tick_rate": 20.0, **(market or {})}),
            **{"start": "2026-11-20T15:00:20+00:00", **settings},
        )
        async with await serve(config) as simulator:
            yield simulator

    return run
