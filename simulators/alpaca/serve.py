"""Alpaca's simulator as one thing to start and stop."""

import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.server import ServerConnection

from engine.model.time import from_datetime, iso, to_datetime
from simulators import fault_control
from simulators.alpaca.history import HistoryDesk
from simulators.alpaca.stream import DataClient, DataDesk, DataLimits
from simulators.alpaca.wire import DAMAGES
from simulators.clock import MarketClock
from simulators.faults import FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig
from simulators.streaming import StreamClient, StreamServer
from simulators.tape import Print, last_print

_FORBIDDEN = HttpResponse(403, {"message": "forbidden."})


class AlpacaKeys(msgspec.Struct, frozen=True):
    """Who may come in; an empty value accepts anything but nothing."""

    key: str = ""
    secret: str = ""

    def fit(self, key: str, secret: str) -> bool:
        return bool(key and secret) and self.key in ("", key) and self.secret in ("", secret)


class AlpacaConfig(msgspec.Struct, frozen=True):
    """Port 0 takes a free one; `stream_port` None is `port` + 1 (0: a free one). `start` and `speed` as for the other
    simulators; `is_delayed_sip`: the free plan, which may not see the last 15 minutes of the consolidated tape."""

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    stream_port: int | None = None
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    keys: AlpacaKeys = AlpacaKeys()
    limits: DataLimits = DataLimits()
    is_delayed_sip: bool = False
    requests_per_minute: int = 10_000
    faults: tuple[FaultScript, ...] = ()


class AlpacaSimulator:
    """A running simulator. Also an async context manager that closes it."""

    def __init__(self, config: AlpacaConfig) -> None:
        self.config = config
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.clock = MarketClock(start, config.speed)
        self.market = Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, config.market.always_open)
        self.faults = FaultBoard(seed=config.market.seed, clock=time.monotonic, market=view, damages=DAMAGES)
        self.data = DataDesk(self.market, self.faults, may_enter=config.keys.fit, limits=config.limits)
        self.stream = StreamServer(
            self.market, self.clock, self.faults, accept=self._accept, poll_s=config.poll_s, at_turn=self._turn
        )
        self._history = HistoryDesk(self.market, self.clock.now, is_delayed_sip=config.is_delayed_sip)
        self._http = HttpServer(self._answer)
        self._requests = 0
        self.port = self.stream_port = 0

    @property
    def rest_url(self) -> str:
        return f"http://{self.config.host}:{self.port}"

    @property
    def stream_url(self) -> str:
        """Where `/v2/iex` and `/stream` begin."""
        return f"ws://{self.config.host}:{self.stream_port}"

    @property
    def attempts(self) -> int:
        """How often a client came: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    async def start(self) -> Self:
        config = self.config
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
            "market_time": iso(self.clock.now()),
            "symbols": list(self.market.listings),
            "connections": len(self.stream.clients),
            "stream_url": self.stream_url,
            "faults": self.faults.names(),
        }

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

    def _turn(self) -> None:
        """Nothing moves but the market."""

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/status":
            return HttpResponse(200, self.status())
        if request.path == fault_control.PATH:
            return fault_control.control_faults(self.faults, request)
        self._requests += 1
        if self.faults.refuses_requests:
            return fault_control.too_many_requests(self.faults, {"code": 42910000, "message": "rate limit exceeded"})
        if not self._is_known(request):
            return _FORBIDDEN
        return self._history.handle(request) or HttpResponse(404, {"code": 40410000, "message": "endpoint not found"})

    def _is_known(self, request: HttpRequest) -> bool:
        headers = request.headers
        return self.config.keys.fit(headers.get("apca-api-key-id", ""), headers.get("apca-api-secret-key", ""))


async def serve_alpaca(config: AlpacaConfig) -> AlpacaSimulator:
    """Start it in this event loop; `close()` it, or use it as a context manager."""
    return await AlpacaSimulator(config).start()
