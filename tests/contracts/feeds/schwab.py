"""Schwab under contract: its login and preference over HTTP, then its streamer."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from engine.model.market import Tick
from engine.model.time import NS_PER_MS
from marketdata.feeds.schwab.feed import SchwabFeed
from marketdata.feeds.schwab.login import LoginToken
from marketdata.feeds.schwab.options import SchwabOptions
from simulators.faults import FAULTS
from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, serve
from tests.contracts.feeds.base import FeedUnderTest, Policy, Print, Venue

SECRET = json.dumps({"app_key": "k", "app_secret": "s", "refresh_token": "r"})
MARKET = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=80.0, always_open=True)


def last_value(tick: Tick) -> Print:
    """What the wire tells of a trade: milliseconds. Its size is not told; ours holds those of the trades before it."""
    return Print(tick.ts // NS_PER_MS * NS_PER_MS, tick.price, 0.0)


class LevelOne(Venue):
    """Last values: prints compare by time and price."""

    def received(self, tick: Tick) -> Print:
        return last_value(tick)


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    async with await serve(SchwabConfig(market=MARKET, poll_s=0.01)) as simulator:
        yield LevelOne(simulator, print_of=last_value)


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> SchwabFeed:
    url = venue.simulator.rest_url
    token = LoginToken(url, SECRET if is_welcome else "not a token")
    chosen = SchwabOptions(**policy._asdict(), **options)
    return SchwabFeed("schwab", token=token, api_url=url, options=chosen)


def _hang_up(simulator: Any, *, code: int) -> None:
    simulator.stream.hang_up(code)


FEED = FeedUnderTest(
    name="schwab",
    start=start,
    make=make,
    faults=frozenset(FAULTS),
    steps=3,  # the login, the preference, the stream
    has_every_print=False,
    hang_ups={
        **{str(code): partial(_hang_up, code=code) for code in (1000, 1001, 1011)},
        "code 30": lambda simulator: simulator.stream.stop_streaming("Stop streaming due to slowness"),
    },
    history=("1", "5", "2"),
)
