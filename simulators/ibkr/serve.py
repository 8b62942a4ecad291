"""The gateway's simulator as one thing to start and stop: the market, the broker, the socket, and its faults."""

import time
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec

from engine.model.time import from_datetime, iso, to_datetime
from simulators import fault_control
from simulators.brokerage import by_hand
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.fault_control import control_faults
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.clock import MarketClock
from simulators.faults import FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.ibkr.answers import Answers
from simulators.ibkr.gateway import Gateway
from simulators.market import Market, MarketConfig

ACCOUNTS = (AccountSetup("DU1234567"),)


class IbkrConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Port 0 takes a free one; the gateway's is `port`, its control over HTTP `control_port`. `start` is the market
    time to begin at (ISO 8601; empty: now), `speed` how many market seconds pass in one. `master_client`: the program
    that hears of everybody's orders."""

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    accounts: tuple[AccountSetup, ...] = ACCOUNTS
    master_client: int = 1
    hard_to_borrow: frozenset[str] = frozenset({"MSTR"})
    faults: tuple[FaultScript, ...] = ()
    order_faults: tuple[OrderFaultScript, ...] = ()


class IbkrSimulator:
    """A running simulator. Also an async context manager that closes it. A market and a clock may be shared."""

    def __init__(self, config: IbkrConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        self.config = config
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.clock = clock or MarketClock(start, config.speed)
        self.market = market or Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, self.market.config.always_open)
        self.faults = FaultBoard(seed=self.market.config.seed, clock=time.monotonic, market=view)
        self.order_faults = OrderFaults(seed=self.market.config.seed, clock=time.monotonic)
        setup = BrokerageSetup(accounts=config.accounts, hard_to_borrow=config.hard_to_borrow)
        self.brokerage = Brokerage(self.market, setup, market_now=self.clock.now, faults=self.order_faults)
        answers = Answers(self.brokerage, self.order_faults, master_client=config.master_client)
        self.gateway = Gateway(answers, self.faults, poll_s=config.poll_s)
        self._http = HttpServer(self._answer)
        self.port = self.control_port = 0

    @property
    def rest_url(self) -> str:
        """Where faults and trades by hand are asked for; the venue itself has nothing there."""
        return f"http://{self.config.host}:{self.control_port}"

    @property
    def gateway_address(self) -> str:
        return f"{self.config.host}:{self.port}"

    @property
    def attempts(self) -> int:
        """How often a program connected, admitted or not."""
        return self.gateway.attempts

    async def start(self) -> Self:
        for script in self.config.faults:
            self.faults.add(script)
        for order_script in self.config.order_faults:
            self.order_faults.add(order_script)
        self.port = await self.gateway.start(self.config.host, self.config.port)
        self.control_port = await self._http.start(self.config.host, self.config.control_port)
        return self

    async def close(self) -> None:
        await self.gateway.close()
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def status(self) -> dict[str, object]:
        """What `GET /status` says."""
        return {
            "venue": "ibkr",
            "market_time": iso(self.clock.now()),
            "speed": self.clock.speed,
            "symbols": list(self.market.listings),
            "connections": len(self.gateway.sessions),
            "gateway": self.gateway_address,
            "accounts": list(self.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.order_faults.names(),
        }

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.order_faults)
        if request.path == by_hand.PATH:
            return by_hand.trade_by_hand(request, self.brokerage)
        if request.path == "/status":
            return HttpResponse(200, self.status())
        return HttpResponse(404, {"error": {"code": "not_found", "message": "There is /status, /faults and /by-hand."}})


async def serve(config: IbkrConfig) -> IbkrSimulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await IbkrSimulator(config).start()
