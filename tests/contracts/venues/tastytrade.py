"""tastytrade under contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from brokers.venue import NotAuthorized, VenueSetup
from infra.http import http_client
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve
from tests.contracts.venues.base import MARKET, VenueUnderTest


class Running:
    """The simulator with a login of its own."""

    venue = "tastytrade"
    account = "5WT00001"

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.brokerage = simulator.broker.brokerage
        self.order_faults = simulator.broker.faults
        self.clock = simulator.clock
        self._token = ""

    def setup(self, options: dict[str, Any]) -> VenueSetup:
        url = self.simulator.rest_url
        stream = self.simulator.account_stream_url
        return VenueSetup("account", self.account, url, stream, self._access_token, options, self._refused)

    def expire_tokens(self) -> None:
        self.simulator.tokens.expire_all()

    async def _access_token(self) -> str:
        if not self._token:
            body = {"grant_type": "refresh_token", "refresh_token": "grant", "client_secret": "secret"}
            async with http_client() as client:
                reply = await client.post(f"{self.simulator.rest_url}/oauth/token", json=body)
            if reply.status_code != 200:
                raise NotAuthorized("no token")
            self._token = reply.json()["access_token"]
        return self._token

    async def _refused(self, token: str) -> None:
        if token == self._token:
            self._token = ""


@asynccontextmanager
async def start(market: MarketConfig = MARKET, **config: Any) -> AsyncIterator[Running]:
    async with await serve(SimulatorConfig(market=market, **config)) as simulator:
        yield Running(simulator)


ENTRY = VenueUnderTest("tastytrade", start)
