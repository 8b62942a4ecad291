"""A simulated venue as one thing to start and stop: its market, its stream, its REST calls, its faults."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.server import ServerConnection

from engine.model.time import from_datetime, iso, to_datetime
from simulators import fault_control
from simulators.clock import MarketClock
from simulators.faults import Damage, FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig
from simulators.streaming import StreamClient, StreamServer


class VenueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Port 0 takes a free one; `stream_port` None is `port` + 1 (0: a free one). `start` is the market time to begin at
    (ISO 8601; empty: now), `speed` how many market seconds pass in one."""

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    stream_port: int | None = None
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    faults: tuple[FaultScript, ...] = ()


class VenueSimulator(ABC):
    """The part that is the same at every venue. Also an async context manager that closes it. A market and a clock may
    be shared with other venues."""

    damages: Sequence[Damage]
    too_many: Any  # what a refused request is told, in the venue's words

    def __init__(self, config: VenueConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        self._config = config
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.clock = clock or MarketClock(start, config.speed)
        self.market = market or Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, config.market.always_open)
        self.faults = FaultBoard(seed=config.market.seed, clock=time.monotonic, market=view, damages=self.damages)
        self.stream = StreamServer(
            self.market, self.clock, self.faults, accept=self._accept, poll_s=config.poll_s, at_turn=self._turn
        )
        self._http = HttpServer(self._answer)
        self._requests = 0
        self.port = self.stream_port = 0

    @abstractmethod
    def _accept(self, socket: ServerConnection, path: str) -> StreamClient | None:
        """The client of a stream's path; None where there is none."""

    @abstractmethod
    def _handle(self, request: HttpRequest) -> HttpResponse:
        """The venue's own REST calls."""

    def _turn(self) -> None:
        """What else moves on with the market: here nothing."""
        return

    def _control_faults(self, request: HttpRequest) -> HttpResponse:
        return fault_control.control_faults(self.faults, request)

    @property
    def rest_url(self) -> str:
        return f"http://{self._config.host}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Where the paths of the streams begin."""
        return f"ws://{self._config.host}:{self.stream_port}"

    @property
    def attempts(self) -> int:
        """How often a client came: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    async def start(self) -> Self:
        config = self._config
        for script in config.faults:
            self.faults.add(script)
        self.port = await self._http.start(config.host, config.port)
        wanted = config.stream_port
        if wanted is None:
            wanted = config.port + 1 if config.port else 0
        self.stream_port = await self.stream.start(config.host, wanted)
        return self

    async def close(self) -> None:
        await self.stream.close()
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""
        return {
            "venue": type(self).__name__.removesuffix("Simulator").lower(),
            "market_time": iso(self.clock.now()),
            "symbols": list(self.market.listings),
            "connections": len(self.stream.clients),
            "stream_url": self.stream_url,
            "faults": self.faults.names(),
        }

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/status":
            return HttpResponse(200, self.status())
        if request.path == fault_control.PATH:
            return self._control_faults(request)
        self._requests += 1
        if self.faults.refuses_requests:
            return fault_control.too_many_requests(self.faults, self.too_many)
        return self._handle(request)
