"""Massive under contract: one WebSocket with a login of its own; history over REST. Prints come in milliseconds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from engine.model.market import Tick
from marketdata.feeds.massive.feed import MassiveFeed
from marketdata.feeds.massive.options import MassiveOptions
from simulators.faults import FAULTS
from simulators.market import MarketConfig
from simulators.massive.serve import MassiveConfig, serve_massive
from tests.contracts.feeds.base import FeedUnderTest, Policy, Print, Venue

KEY = "key"
MARKET = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=80.0, always_open=True)


def in_milliseconds(tick: Tick) -> Print:
    return Print(tick.ts // 1_000_000 * 1_000_000, tick.price, tick.size)


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    config = MassiveConfig(market=MARKET, stream_port=0, poll_s=0.01, key=KEY)
    async with await serve_massive(config) as simulator:
        yield Venue(simulator, print_of=in_milliseconds)


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> MassiveFeed:
    chosen = MassiveOptions(
        data_url=venue.simulator.rest_url,
        stream_url=venue.simulator.stream_url,
        busy_wait_s=0.1,
        requests_per_minute=10_000,
        **policy._asdict(),
        **options,
    )
    return MassiveFeed("massive", KEY if is_welcome else "wrong", chosen)


def _hang_up(simulator: Any, *, code: int) -> None:
    simulator.stream.hang_up(code)


FEED = FeedUnderTest(
    name="massive",
    start=start,
    make=make,
    faults=frozenset(FAULTS),
    hang_ups={str(code): partial(_hang_up, code=code) for code in (1000, 1001, 1008, 1011)},
    history=("1", "5", "30s", "144t"),
)
