"""DXLink under contract: tastytrade's token over HTTP, then dxFeed's WebSocket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from simulators.faults import FAULTS
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve
from tests.contracts.feeds.base import FeedUnderTest, Policy, Venue

ALIAS = "SPYY"
SECRET = json.dumps({"refresh_token": "r", "client_secret": "c"})
MARKET = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=150.0, always_open=True)


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    async with await serve(SimulatorConfig(market=MARKET, feed_port=0, poll_s=0.01)) as simulator:
        yield Venue(simulator, names={ALIAS: "SPY"})


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> DXLinkFeed:
    source = TokenSource(venue.simulator.rest_url, SECRET if is_welcome else "not a token")
    chosen = DXLinkOptions(**policy._asdict(), **options)
    return DXLinkFeed("dxlink", token=source.fetch, options=chosen, resolve=_resolve)


def _resolve(symbol: str) -> str:
    return "SPY" if symbol == ALIAS else symbol


def _hang_up(simulator: Any, *, code: int) -> None:
    simulator.stream.hang_up(code)


FEED = FeedUnderTest(
    name="dxlink",
    start=start,
    make=make,
    alias=ALIAS,
    faults=frozenset(FAULTS),
    steps=3,  # the login, the quote token, the stream
    tells_lost_prints=True,
    hang_ups={str(code): partial(_hang_up, code=code) for code in (1000, 1001, 1008, 1011, 1012, 1013)},
    history=("1", "5", "144t"),
)
