"""Databento under contract: the live gateway's TCP protocol, with history over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.instruments.futures import parse_contract
from marketdata.feeds.databento.feed import DatabentoFeed
from marketdata.feeds.databento.options import DatabentoOptions
from simulators.databento.serve import KEY, DatabentoConfig, serve
from simulators.faults import FAULTS
from simulators.market import MarketConfig
from tests.contracts.feeds.base import FeedUnderTest, Policy, Venue

NAMES = {"/ESH28": "/ESH28:XCME", "/NQH28": "/NQH28:XCME", "/ES": "/ESH28:XCME"}
MARKET = MarketConfig(seed=7, symbols=("/ESH28:XCME", "/NQH28:XCME"), tick_rate=150.0, always_open=True)


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    async with await serve(DatabentoConfig(market=MARKET, poll_s=0.01)) as simulator:
        yield Venue(simulator, names=NAMES)


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> DatabentoFeed:
    simulator: Any = venue.simulator
    chosen = DatabentoOptions(gateway=simulator.gateway_address, **policy._asdict(), **options)
    key = KEY if is_welcome else "db-" + "x" * 29
    return DatabentoFeed("databento", key, options=chosen, resolve=_streamer, history_url=simulator.rest_url)


def _streamer(symbol: str) -> str:
    return NAMES.get(symbol) or parse_contract(symbol).streamer


FEED = FeedUnderTest(
    name="databento",
    start=start,
    make=make,
    symbols=("/ESH28", "/NQH28"),
    unknown="/CLF28",
    alias="/ES",
    many=(),  # the simulated exchange would have to invent each of them: its lines are looked at by themselves
    # Not these: a key is no token that ends, the gateway's login is no HTTP, and one TCP stream repeats nothing: two
    # equal records in it are two fills.
    faults=frozenset(FAULTS) - {"token_expiry", "throttle", "duplicate"},
    replays_missed=True,
    hang_ups={"hung up": lambda simulator: simulator.gateway.hang_up()},
    history=("1", "5", "15s", "144t"),
)
