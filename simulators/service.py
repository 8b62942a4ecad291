"""What every simulator is besides its protocol: a market with a clock, faults, HTTP, one thing to start and stop."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import msgspec

from engine.model.time import from_datetime, to_datetime
from simulators import fault_control
from simulators.clock import MarketClock
from simulators.faults import Damage, FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig


class ServiceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What each of them can be told. `port` is that of HTTP; 0 takes a free one. `start` is the market time to begin at
    (ISO 8601; empty: now), `speed` how many market seconds pass in one."""

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    faults: tuple[FaultScript, ...] = ()


class Service(ABC):
    """A running simulator. Also an async context manager that closes it. A market and a clock may be shared with other
    venues."""

    damages: Sequence[Damage]
    too_many: Any  # what a refused request is told, in the venue's words

    def __init__(
        self, config: ServiceConfig, *, market: Market | None = None, clock: MarketClock | None = None
    ) -> None:
        self._config = config
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.clock = clock or MarketClock(start, config.speed)
        self.market = market or Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, self.market.config.always_open)
        seed = self.market.config.seed
        self.faults = FaultBoard(seed=seed, clock=time.monotonic, market=view, damages=self.damages)
        self._http = HttpServer(self._answer)
        self._requests = 0
        self.port = 0

    @abstractmethod
    async def _start_streams(self) -> None:
        """Begin to listen for streams; the HTTP side listens already."""

    @abstractmethod
    async def _close_streams(self) -> None: ...

    @abstractmethod
    def _handle(self, request: HttpRequest) -> HttpResponse:
        """The venue's own REST calls."""

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""

    def _control(self, request: HttpRequest) -> HttpResponse | None:
        """What no venue has: for tests and for people. None for any other path."""
        if request.path == "/status" and request.method == "GET":
            return HttpResponse(200, self.status())
        return fault_control.control_faults(self.faults, request) if request.path == fault_control.PATH else None

    @property
    def rest_url(self) -> str:
        return f"http://{self._config.host}:{self.port}"

    async def start(self) -> Self:
        for script in self._config.faults:
            self.faults.add(script)
        self.port = await self._http.start(self._config.host, self._config.port)
        await self._start_streams()
        return self

    async def close(self) -> None:
        await self._close_streams()
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _port(self, wanted: int | None, *, after: int = 1) -> int:
        """A further port: the one that is wanted, else so many after the first; 0 where any will do."""
        if wanted is not None:
            return wanted
        return self._config.port + after if self._config.port else 0

    def _answer(self, request: HttpRequest) -> HttpResponse:
        found = self._control(request)
        if found is not None:
            return found
        self._requests += 1
        if self.faults.refuses_requests:
            return fault_control.too_many_requests(self.faults, self.too_many)
        return self._handle(request)
