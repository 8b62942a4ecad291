"""Interactive Brokers under contract: a gateway on the desk instead of a login, one connection for everything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from brokers.venue import NotAuthorized, VenueSetup
from engine.model.enums import OrderState
from simulators.ibkr.serve import IbkrConfig, IbkrSimulator, serve
from simulators.market import MarketConfig
from tests.contracts.venues.base import MARKET, VenueUnderTest


class Running:
    """The simulated gateway and the account behind it."""

    def __init__(self, simulator: IbkrSimulator) -> None:
        self.simulator = simulator
        self.brokerage = simulator.brokerage
        self.order_faults = simulator.order_faults
        self.account = simulator.config.accounts[0].number
        self.clock = simulator.clock

    def setup(self, options: dict[str, Any]) -> VenueSetup:
        gateway = {"gateway": self.simulator.gateway_address, "client_id": self.simulator.config.master_client}
        return VenueSetup("account", self.account, "", "", _no_login, {**gateway, **options})

    def expire_tokens(self) -> None:
        """There are none: the gateway is logged in, or it is not there."""


async def _no_login() -> str:
    raise NotAuthorized("Interactive Brokers is reached through its gateway, not with a login")


@asynccontextmanager
async def start(market: MarketConfig = MARKET, **config: Any) -> AsyncIterator[Running]:
    async with await serve(IbkrConfig(market=market, **config)) as simulator:
        yield Running(simulator)


# A gateway that is too busy does not say which message it dropped; what it means for an order is tried in
# tests/brokers/ibkr, like what happens while the only connection is down.
# A pair is two messages; what a line that breaks between them leaves is tried in tests/brokers/ibkr/test_pairs.py.
ENTRY = VenueUnderTest(
    "ibkr",
    start,
    lacks=frozenset({"throttle", "a line for orders beside the stream", "a pair with one request"}),
    waits_as=OrderState.ACCEPTED,
)
