"""The simulator as one thing to start and stop: the market, its stream, its REST calls, its faults."""

import time
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec

from engine.model.time import from_datetime, iso, to_datetime
from simulators import fault_control
from simulators.brokerage import by_hand
from simulators.brokerage.fault_control import control_faults
from simulators.clock import MarketClock
from simulators.dxlink.connection import LinkSettings
from simulators.dxlink.damage import DAMAGES
from simulators.dxlink.quote_tokens import Credentials, TokenDesk, error
from simulators.dxlink.server import DXLinkServer
from simulators.faults import FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig
from simulators.tastytrade.venue import TastytradeSetup, TastytradeVenue


class SimulatorConfig(msgspec.Struct, frozen=True):
    """Everything a simulator can be told. Port 0 takes a free one; `feed_port` None is `port` + 1 (0: a free one).

    `start` is the market time to begin at (ISO 8601; empty: now), `speed` how many market seconds pass in one.
    """

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    feed_port: int | None = None
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    link: LinkSettings = LinkSettings()
    credentials: Credentials = Credentials()
    faults: tuple[FaultScript, ...] = ()
    broker: TastytradeSetup = TastytradeSetup()


class Simulator:
    """A running simulator. Also an async context manager that closes it."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        start = _start(config)
        self.clock = MarketClock(start, config.speed)
        self.market = Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, config.market.always_open)
        self.faults = FaultBoard(seed=config.market.seed, clock=time.monotonic, market=view, damages=DAMAGES)
        self.tokens = TokenDesk(config.credentials, clock=time.monotonic, feed_url=lambda: self.feed_url)
        self.stream = DXLinkServer(
            self.market, self.clock, self.faults, self.tokens, settings=config.link, poll_s=config.poll_s
        )
        self.broker = TastytradeVenue(self.market, self.clock, self.tokens, config.broker, poll_s=config.poll_s)
        self._http = HttpServer(self._answer)
        self.port = self.feed_port = self.streamer_port = 0
        self._requests = 0

    @property
    def rest_url(self) -> str:
        return f"http://{self.config.host}:{self.port}"

    @property
    def attempts(self) -> int:
        """How often a client came to us: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    @property
    def feed_url(self) -> str:
        return f"ws://{self.config.host}:{self.feed_port}/realtime"

    @property
    def account_stream_url(self) -> str:
        return f"ws://{self.config.host}:{self.streamer_port}/streamer"

    async def start(self) -> Self:
        config = self.config
        for script in config.faults:
            self.faults.add(script)
        self.port = await self._http.start(config.host, config.port)
        wanted = config.feed_port
        if wanted is None:
            wanted = config.port + 1 if config.port else 0
        self.feed_port = await self.stream.start(config.host, wanted)
        wanted = config.broker.streamer_port
        if wanted is None:
            wanted = config.port + 2 if config.port else 0
        self.streamer_port = await self.broker.start(config.host, wanted)
        return self

    async def close(self) -> None:
        await self.broker.close()
        await self.stream.close()
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
            "market_time": iso(self.clock.now()),
            "speed": self.config.speed,
            "seed": self.config.market.seed,
            "symbols": list(self.market.listings),
            "connections": self.stream.connections,
            "prints_served": self.stream.hub.served,
            "feed_url": self.feed_url,
            "account_stream_url": self.account_stream_url,
            "accounts": list(self.broker.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.broker.faults.names(),
        }

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/status" and request.method == "GET":
            return HttpResponse(200, self.status())
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.broker.faults)
        if request.path == by_hand.PATH:
            return by_hand.trade_by_hand(request, self.broker.brokerage)
        self._requests += 1
        if self.faults.refuses_requests:
            busy = error(429, "too_many_requests", "Too many requests.")
            return fault_control.too_many_requests(self.faults, busy.document)
        found = self.tokens.handle(request) or self.broker.handle(request)
        return found or error(404, "not_found", f"There is no {request.method} {request.path} here.")


async def serve(config: SimulatorConfig) -> Simulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await Simulator(config).start()


def _start(config: SimulatorConfig) -> int:
    return from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
