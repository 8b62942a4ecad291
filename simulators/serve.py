"""The simulator as one thing to start and stop: the market, its stream, its REST calls, its faults."""

import time
from typing import Any

from engine.model.time import iso
from simulators import fault_control
from simulators.brokerage import by_hand
from simulators.brokerage.fault_control import control_faults
from simulators.dxlink.connection import LinkSettings
from simulators.dxlink.damage import DAMAGES
from simulators.dxlink.quote_tokens import Credentials, TokenDesk, error
from simulators.dxlink.server import DXLinkServer
from simulators.http_server import HttpRequest, HttpResponse
from simulators.service import Service, ServiceConfig
from simulators.tastytrade.venue import TastytradeSetup, TastytradeVenue


class SimulatorConfig(ServiceConfig, frozen=True, kw_only=True):
    """`feed_port` None is `port` + 1 (0: a free one)."""

    feed_port: int | None = None
    link: LinkSettings = LinkSettings()
    credentials: Credentials = Credentials()
    broker: TastytradeSetup = TastytradeSetup()


class Simulator(Service):
    """tastytrade with DXLink."""

    damages = DAMAGES
    too_many = error(429, "too_many_requests", "Too many requests.").document

    def __init__(self, config: SimulatorConfig) -> None:
        super().__init__(config)
        self.config = config
        self.tokens = TokenDesk(config.credentials, clock=time.monotonic, feed_url=lambda: self.feed_url)
        self.stream = DXLinkServer(
            self.market, self.clock, self.faults, self.tokens, settings=config.link, poll_s=config.poll_s
        )
        self.broker = TastytradeVenue(self.market, self.clock, self.tokens, config.broker, poll_s=config.poll_s)
        self.feed_port = self.streamer_port = 0

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

    async def _start_streams(self) -> None:
        config = self.config
        self.feed_port = await self.stream.start(config.host, self._port(config.feed_port))
        self.streamer_port = await self.broker.start(config.host, self._port(config.broker.streamer_port, after=2))

    async def _close_streams(self) -> None:
        await self.broker.close()
        await self.stream.close()

    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""
        return {
            "market_time": iso(self.clock.now()),
            "speed": self.config.speed,
            "seed": self.config.market.seed,
            "symbols": list(self.market.listings),
            "connections": len(self.stream.clients),
            "prints_served": self.stream.hub.served,
            "feed_url": self.feed_url,
            "account_stream_url": self.account_stream_url,
            "accounts": list(self.broker.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.broker.faults.names(),
        }

    def _control(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.broker.faults)
        if request.path == by_hand.PATH:
            return by_hand.trade_by_hand(request, self.broker.brokerage)
        return super()._control(request)

    def _handle(self, request: HttpRequest) -> HttpResponse:
        found = self.tokens.handle(request) or self.broker.handle(request)
        return found or error(404, "not_found", f"There is no {request.method} {request.path} here.")


async def serve(config: SimulatorConfig) -> Simulator:
    """Start a simulator in this event loop; `close()` it, or use it as a context manager."""
    return await Simulator(config).start()
