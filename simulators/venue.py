"""A simulated venue whose stream is one server with a path for each kind of client."""

from abc import abstractmethod
from typing import Any

from websockets.asyncio.server import ServerConnection

from engine.model.time import iso
from simulators.clock import MarketClock
from simulators.market import Market
from simulators.service import Service, ServiceConfig
from simulators.streaming import StreamClient, StreamServer


class VenueConfig(ServiceConfig, frozen=True, kw_only=True):
    """`stream_port` None is `port` + 1 (0: a free one)."""

    stream_port: int | None = None


class VenueSimulator(Service):
    """The part that is the same at all of them."""

    def __init__(self, config: VenueConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        super().__init__(config, market=market, clock=clock)
        self._stream_port = config.stream_port
        self.stream = StreamServer(
            self.market, self.clock, self.faults, accept=self._accept, poll_s=config.poll_s, at_turn=self._turn
        )
        self.stream_port = 0

    @abstractmethod
    def _accept(self, socket: ServerConnection, path: str) -> StreamClient | None:
        """The client of a stream's path; None where there is none."""

    def _turn(self) -> None:
        """What else moves on with the market: here nothing."""
        return

    @property
    def stream_url(self) -> str:
        """Where the paths of the streams begin."""
        return f"ws://{self._config.host}:{self.stream_port}"

    @property
    def attempts(self) -> int:
        """How often a client came: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    async def _start_streams(self) -> None:
        self.stream_port = await self.stream.start(self._config.host, self._port(self._stream_port))

    async def _close_streams(self) -> None:
        await self.stream.close()

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
