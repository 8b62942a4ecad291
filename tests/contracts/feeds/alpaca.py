"""Alpaca under contract: one WebSocket with a login of its own; history over REST."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from marketdata.feeds.alpaca.feed import AlpacaFeed, AlpacaKey
from marketdata.feeds.alpaca.options import AlpacaOptions
from simulators.alpaca.serve import AlpacaConfig, AlpacaKeys, serve_alpaca
from simulators.faults import FAULTS
from simulators.market import MarketConfig
from tests.contracts.feeds.base import FeedUnderTest, Policy, Venue

KEY = AlpacaKey("PKTEST", "secret")
MARKET = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=80.0, always_open=True)


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    config = AlpacaConfig(market=MARKET, stream_port=0, poll_s=0.01, keys=AlpacaKeys(KEY.key, KEY.secret))
    async with await serve_alpaca(config) as simulator:
        yield Venue(simulator)


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> AlpacaFeed:
    chosen = AlpacaOptions(
        data_url=venue.simulator.rest_url,
        stream_url=venue.simulator.stream_url,
        busy_wait_s=0.1,
        requests_per_minute=10_000,
        **policy._asdict(),
        **options,
    )
    return AlpacaFeed("alpaca", KEY if is_welcome else AlpacaKey("PKTEST", "wrong"), chosen)


def _hang_up(simulator: Any, *, code: int) -> None:
    simulator.stream.hang_up(code)


FEED = FeedUnderTest(
    name="alpaca",
    start=start,
    make=make,
    faults=frozenset(FAULTS),
    hang_ups={str(code): partial(_hang_up, code=code) for code in (1000, 1001, 1008, 1011)},
    history=("1", "5", "144t"),
)
