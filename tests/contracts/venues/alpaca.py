"""Alpaca under contract: keys instead of a login, orders by our own names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from brokers.venue import NotAuthorized, VenueSetup
from simulators.alpaca.serve import AlpacaConfig, AlpacaKeys, AlpacaSimulator, serve_alpaca
from simulators.market import MarketConfig
from tests.contracts.venues.base import MARKET, VenueUnderTest

KEYS = AlpacaKeys("PKTEST", "secret")


class Running:
    """The simulator and its account."""

    def __init__(self, simulator: AlpacaSimulator) -> None:
        self.simulator = simulator
        self.brokerage = simulator.brokerage
        self.order_faults = simulator.order_faults
        self.account = simulator.config.account.number
        self.clock = simulator.clock

    def setup(self, options: dict[str, Any]) -> VenueSetup:
        url, stream = self.simulator.rest_url, f"{self.simulator.stream_url}/stream"
        keys = {"key": KEYS.key, "secret": KEYS.secret}
        return VenueSetup("account", self.account, url, stream, _no_login, {**keys, **options})

    def expire_tokens(self) -> None:
        """There are none: a key is good until a person withdraws it."""


async def _no_login() -> str:
    raise NotAuthorized("Alpaca has keys, not logins")


@asynccontextmanager
async def start(market: MarketConfig = MARKET, **config: Any) -> AsyncIterator[Running]:
    async with await serve_alpaca(AlpacaConfig(market=market, stream_port=0, keys=KEYS, **config)) as simulator:
        yield Running(simulator)


ENTRY = VenueUnderTest("alpaca", start)
