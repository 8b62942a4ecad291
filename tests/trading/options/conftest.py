"""A simulated venue on a half day, in its last hour."""

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.market import MarketConfig
from tests.contracts.venues import schwab, tastytrade
from tests.engine.options.world import S

START = datetime(2026, 11, 27, 17, 12, tzinfo=UTC)  # 12:12 in New York; the day ends at 13:00


@pytest.fixture(autouse=True)
def _connections(django_db_blocker: Any) -> Iterator[None]:
    """A board opens its source as one that asks the database, and looks after connections that earlier tests left."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(params=[tastytrade, schwab], ids=["tastytrade", "schwab"])
async def venue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """One of them, at twelve minutes past twelve; what reads the clock of this process reads the venue's."""
    market = MarketConfig(seed=11, symbols=("SPX", "SPY"), tick_rate=1.0)
    async with request.param.start(market, start=START.isoformat(), poll_s=0.01) as found:
        monkeypatch.setattr(time, "time_ns", found.clock.now)
        monkeypatch.setattr(time, "time", lambda: found.clock.now() / S)
        yield found
