"""Massive's simulator: one WebSocket a market, and REST."""

from websockets.asyncio.server import ServerConnection

from simulators.clock import MarketClock
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.massive.history import MassiveHistory
from simulators.massive.stream import MassiveClient, MassiveDesk, MassiveLimits
from simulators.massive.wire import DAMAGES
from simulators.streaming import StreamClient
from simulators.venue import VenueConfig, VenueSimulator

_UNKNOWN_KEY = HttpResponse(401, {"status": "ERROR", "request_id": "simulated", "error": "Unknown API Key"})


class MassiveConfig(VenueConfig, frozen=True, kw_only=True):
    """`key`: who may come in; empty accepts anything but nothing."""

    key: str = ""
    limits: MassiveLimits = MassiveLimits()


class MassiveSimulator(VenueSimulator):
    """A running simulator; its streams are `/{market}`."""

    damages = DAMAGES
    too_many = {
        "status": "ERROR",
        "request_id": "simulated",
        "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription.",
    }

    def __init__(
        self, config: MassiveConfig, *, market: Market | None = None, clock: MarketClock | None = None
    ) -> None:
        super().__init__(config, market=market, clock=clock)
        self.config = config
        self.desk = MassiveDesk(self.market, self.faults, may_enter=self._may_enter, limits=config.limits)
        self._history = MassiveHistory(self.market, self.clock.now, lambda: self.rest_url)

    def _may_enter(self, key: str) -> bool:
        return bool(key) and self.config.key in ("", key)

    def _accept(self, socket: ServerConnection, path: str) -> StreamClient | None:
        return MassiveClient(socket, self.desk, path.strip("/"))

    def _handle(self, request: HttpRequest) -> HttpResponse:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = bearer or (request.query.get("apiKey") or [""])[0]
        return self._history.handle(request) if self._may_enter(key) else _UNKNOWN_KEY


async def serve_massive(config: MassiveConfig) -> MassiveSimulator:
    """Start it in this event loop; `close()` it, or use it as a context manager."""
    return await MassiveSimulator(config).start()
