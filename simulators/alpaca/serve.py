"""Alpaca's simulator: market data in its stream and over REST."""

from collections.abc import Callable

import msgspec
from websockets.asyncio.server import ServerConnection

from simulators.alpaca.history import HistoryDesk
from simulators.alpaca.stream import DataClient, DataDesk, DataLimits
from simulators.alpaca.wire import DAMAGES
from simulators.http_server import HttpRequest, HttpResponse
from simulators.streaming import StreamClient
from simulators.tape import Print, last_print
from simulators.venue import VenueConfig, VenueSimulator

_FORBIDDEN = HttpResponse(403, {"message": "forbidden."})


class AlpacaKeys(msgspec.Struct, frozen=True):
    """Who may come in; an empty value accepts anything but nothing."""

    key: str = ""
    secret: str = ""

    def fit(self, key: str, secret: str) -> bool:
        return bool(key and secret) and self.key in ("", key) and self.secret in ("", secret)


class AlpacaConfig(VenueConfig, frozen=True, kw_only=True):
    """`is_delayed_sip`: the free plan, which may not see the last 15 minutes of the consolidated tape."""

    keys: AlpacaKeys = AlpacaKeys()
    limits: DataLimits = DataLimits()
    is_delayed_sip: bool = False


class AlpacaSimulator(VenueSimulator):
    """A running simulator; its streams are `/v2/{feed}`."""

    damages = DAMAGES
    too_many = {"code": 42910000, "message": "rate limit exceeded"}

    def __init__(self, config: AlpacaConfig) -> None:
        super().__init__(config)
        self.config = config
        self.data = DataDesk(self.market, self.faults, may_enter=config.keys.fit, limits=config.limits)
        self._history = HistoryDesk(self.market, self.clock.now, is_delayed_sip=config.is_delayed_sip)

    # ---- what the tape takes back -------------------------------------------------------------------------------

    def last_print(self, symbol: str) -> Print | None:
        """The last one of a listed symbol."""
        market = self.market.find(symbol)
        return last_print(market, self.clock.now()) if market else None

    def correct(self, symbol: str, each: Print, *, price: float, size: int) -> None:
        """Tell everybody who has trades of `symbol` that `each` was another one."""
        self._each(lambda client: client.correct(symbol, each, price=price, size=size, ts=self.clock.now()))

    def cancel_print(self, symbol: str, each: Print) -> None:
        """Tell everybody that `each` never was."""
        self._each(lambda client: client.cancel(symbol, each, ts=self.clock.now()))

    def halt(self, symbol: str, *, is_over: bool = False) -> None:
        """Trading stops, or goes on."""
        self._each(lambda client: client.halt(symbol, is_over=is_over, ts=self.clock.now()))

    # ---- inside -------------------------------------------------------------------------------------------------

    def _each(self, action: Callable[[DataClient], None]) -> None:
        for client in self.stream.clients:
            if isinstance(client, DataClient):
                action(client)

    def _accept(self, socket: ServerConnection, path: str) -> StreamClient | None:
        if path.startswith("/v2/"):
            return DataClient(socket, self.data, path.removeprefix("/v2/"))
        return None

    def _handle(self, request: HttpRequest) -> HttpResponse:
        headers = request.headers
        if not self.config.keys.fit(headers.get("apca-api-key-id", ""), headers.get("apca-api-secret-key", "")):
            return _FORBIDDEN
        return self._history.handle(request) or HttpResponse(404, {"code": 40410000, "message": "endpoint not found"})


async def serve_alpaca(config: AlpacaConfig) -> AlpacaSimulator:
    """Start it in this event loop; `close()` it, or use it as a context manager."""
    return await AlpacaSimulator(config).start()
