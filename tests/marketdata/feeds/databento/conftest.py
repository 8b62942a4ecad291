"""The simulated Databento, and feeds that are connected to it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engine.instruments.futures import parse_contract
from marketdata.feeds.databento.feed import DatabentoFeed
from marketdata.feeds.databento.options import DatabentoOptions
from simulators.databento.serve import KEY, DatabentoConfig, DatabentoSimulator, serve
from simulators.market import MarketConfig
from tests.contracts.feeds.base import Venue, Watched

NAMES = {"/ESH28": "/ESH28:XCME", "/NQH28": "/NQH28:XCME"}
MARKET = MarketConfig(seed=7, symbols=tuple(NAMES.values()), tick_rate=100.0, always_open=True)
QUICK = {"reconnect_base_s": 0.02, "reconnect_cap_s": 0.1, "answer_timeout_s": 2.0}


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    async with await serve(DatabentoConfig(market=MARKET, poll_s=0.01)) as simulator:
        yield Venue(simulator, names=NAMES)


def feed_of(simulator: DatabentoSimulator, *, key: str = KEY, resolve: Any = None, **options: Any) -> DatabentoFeed:
    settings: dict[str, Any] = {"gateway": simulator.gateway_address, **QUICK, **options}
    named = resolve or (lambda symbol: parse_contract(symbol).streamer)
    return DatabentoFeed(
        "test", key, options=DatabentoOptions(**settings), resolve=named, history_url=simulator.rest_url
    )


@pytest.fixture
async def watch(venue: Venue) -> AsyncIterator[Callable[..., Any]]:
    """`await watch("/ESH28", …, option=…)`: a subscribed feed, and what it receives."""
    made: list[Watched] = []

    async def begin(*symbols: str, **options: Any) -> Watched:
        feed = feed_of(venue.simulator, **options)
        await feed.subscribe(symbols)
        made.append(Watched(feed, venue))
        return made[-1]

    yield begin
    for each in made:
        await each.close()
