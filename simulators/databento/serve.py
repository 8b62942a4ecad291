"""Databento's simulator as one thing to start and stop: the market, the live gateway, the historical interface."""

import time
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec

from engine.model.time import from_datetime, to_datetime
from simulators import fault_control
from simulators.clock import MarketClock
from simulators.databento.damage import DAMAGES
from simulators.databento.gateway import Gateway
from simulators.databento.historical import Historical
from simulators.faults import FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig

KEY = "db-simulatedsimulatedsimulated12"


class DatabentoConfig(msgspec.Struct, frozen=True):
    """Port 0 takes a free one. `start` is the market time to begin at (ISO 8601; empty: now); `history_lag_s`: how far
    the historical interface is behind the market."""

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    http_port: int = 0
    keys: tuple[str, ...] = (KEY,)
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    history_lag_s: float = 0.0
    faults: tuple[FaultScript, ...] = ()


class DatabentoSimulator:
    """A running simulator. Also an async context manager that closes it."""

    def __init__(self, config: DatabentoConfig) -> None:
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.config = config
        self.clock = MarketClock(start, config.speed)
        self.market = Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, config.market.always_open)
        self.faults = FaultBoard(seed=config.market.seed, clock=time.monotonic, market=view, damages=DAMAGES)
        self.gateway = Gateway(
            self.market, self.clock, self.faults, keys=config.keys, poll_s=config.poll_s, seed=config.market.seed
        )
        self.historical = Historical(
            self.market, self.clock.now, self.faults, keys=self.gateway.keys, lag_s=config.history_lag_s
        )
        self._http = HttpServer(self._answer)
        self.port = self.http_port = 0

    @property
    def http_url(self) -> str:
        return f"http://{self.config.host}:{self.http_port}"

    @property
    def gateway_address(self) -> str:
        return f"{self.config.host}:{self.port}"

    @property
    def attempts(self) -> int:
        """How often a client came to us: requests and connections, granted or refused."""
        return len(self.historical.requests) + self.gateway.attempts

    async def start(self) -> Self:
        for script in self.config.faults:
            self.faults.add(script)
        self.http_port = await self._http.start(self.config.host, self.config.http_port)
        self.port = await self.gateway.start(self.config.host, self.config.port)
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

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == fault_control.PATH:
            return fault_control.control_faults(self.faults, request)
        return self.historical.handle(request)


async def serve(config: DatabentoConfig) -> DatabentoSimulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await DatabentoSimulator(config).start()
