"""Schwab under contract."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from brokers.venue import NotAuthorized, VenueSetup
from simulators.market import MarketConfig
from simulators.schwab.serve import SchwabConfig, SchwabSimulator, serve
from tests.contracts.venues.base import MARKET, VenueUnderTest

BASIC = {"Authorization": "Basic " + base64.b64encode(b"key:secret").decode()}


class Running:
    """The simulator with a login of its own."""

    venue = "schwab"
    account = "12345678"

    def __init__(self, simulator: SchwabSimulator) -> None:
        self.simulator = simulator
        self.brokerage = simulator.broker.brokerage
        self.order_faults = simulator.broker.faults
        self.clock = simulator.clock
        self._token = ""

    def setup(self, options: dict[str, Any]) -> VenueSetup:
        return VenueSetup(
            "account", self.account, self.simulator.rest_url, "", self._access_token, options, self._refused
        )

    def expire_tokens(self) -> None:
        self.simulator.login.expire_all()

    async def _access_token(self) -> str:
        if not self._token:
            form = {"grant_type": "refresh_token", "refresh_token": "r"}
            async with httpx.AsyncClient(trust_env=False) as client:
                reply = await client.post(f"{self.simulator.rest_url}/v1/oauth/token", data=form, headers=BASIC)
            if reply.status_code != 200:
                raise NotAuthorized("no token")
            self._token = reply.json()["access_token"]
        return self._token

    async def _refused(self, token: str) -> None:
        if token == self._token:
            self._token = ""


@asynccontextmanager
async def start(market: MarketConfig = MARKET, **config: Any) -> AsyncIterator[Running]:
    async with await serve(SchwabConfig(market=market, **config)) as simulator:
        yield Running(simulator)


ENTRY = VenueUnderTest("schwab", start)
