"""The gateway's simulator as one thing to start and stop: the market, the broker, the socket, and its faults."""

import time
from typing import Any

from engine.model.time import iso
from simulators import fault_control
from simulators.brokerage import by_hand
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.fault_control import control_faults
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.clock import MarketClock
from simulators.gateway import GatewayConfig, GatewaySimulator
from simulators.http_server import HttpRequest, HttpResponse
from simulators.ibkr.answers import Answers
from simulators.ibkr.gateway import Gateway
from simulators.market import Market

ACCOUNTS = (AccountSetup("DU1234567"),)


class IbkrConfig(GatewayConfig, frozen=True, kw_only=True):
    """`master_client`: the program that hears of everybody's orders. HTTP is for control alone."""

    accounts: tuple[AccountSetup, ...] = ACCOUNTS
    master_client: int = 1
    hard_to_borrow: frozenset[str] = frozenset({"MSTR"})
    order_faults: tuple[OrderFaultScript, ...] = ()


class IbkrSimulator(GatewaySimulator):
    """A running simulator. A market and a clock may be shared."""

    damages = ()
    too_many = {"error": {"code": "too_many_requests", "message": "Too many requests."}}

    def __init__(self, config: IbkrConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        super().__init__(config, market=market, clock=clock)
        self.config: IbkrConfig = config
        self.order_faults = OrderFaults(seed=self.market.config.seed, clock=time.monotonic)
        for script in config.order_faults:
            self.order_faults.add(script)
        setup = BrokerageSetup(accounts=config.accounts, hard_to_borrow=config.hard_to_borrow)
        self.brokerage = Brokerage(self.market, setup, market_now=self.clock.now, faults=self.order_faults)
        answers = Answers(self.brokerage, self.order_faults, master_client=config.master_client)
        self.gateway: Gateway = Gateway(answers, self.faults, poll_s=config.poll_s)

    @property
    def attempts(self) -> int:
        """How often a program connected, admitted or not: HTTP is no part of the venue."""
        return self.gateway.attempts

    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""
        return {
            "venue": "ibkr",
            "market_time": iso(self.clock.now()),
            "speed": self.clock.speed,
            "symbols": list(self.market.listings),
            "connections": len(self.gateway.clients),
            "gateway": self.gateway_address,
            "accounts": list(self.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.order_faults.names(),
        }

    def _control(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.order_faults)
        if request.path == by_hand.PATH:
            return by_hand.trade_by_hand(request, self.brokerage)
        return super()._control(request)

    def _handle(self, request: HttpRequest) -> HttpResponse:
        """The venue itself has nothing there."""
        return HttpResponse(404, {"error": {"code": "not_found", "message": "There is /status, /faults and /by-hand."}})


async def serve(config: IbkrConfig) -> IbkrSimulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await IbkrSimulator(config).start()
