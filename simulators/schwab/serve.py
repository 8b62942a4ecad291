"""Schwab's simulator as one thing to start and stop."""

import email.utils
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec

from engine.model.time import from_datetime, iso, to_datetime
from simulators import fault_control
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.fault_control import control_faults
from simulators.brokerage.faults import OrderFaultScript
from simulators.clock import MarketClock
from simulators.faults import FaultBoard, FaultScript, MarketView
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from simulators.market import Market, MarketConfig
from simulators.schwab import login as oauth
from simulators.schwab import market_data
from simulators.schwab.answers import CORRELATION, gateway_error
from simulators.schwab.broker import ACCOUNTS, SchwabBroker
from simulators.schwab.damage import DAMAGES
from simulators.schwab.login import Credentials, LoginDesk
from simulators.schwab.market_data import MarketDataDesk
from simulators.schwab.session import StreamSettings
from simulators.schwab.streamer import Streamer


class SchwabConfig(msgspec.Struct, frozen=True):
    """Everything this simulator can be told. Port 0 takes a free one; `stream_port` None is `port` + 1 (0: free).

    `start` is the market time to begin at (ISO 8601; empty: now), `speed` how many market seconds pass in one.
    """

    market: MarketConfig = MarketConfig()
    host: str = "127.0.0.1"
    port: int = 0
    stream_port: int | None = None
    start: str = ""
    speed: float = 1.0
    poll_s: float = 0.02
    stream: StreamSettings = StreamSettings()
    credentials: Credentials = Credentials()
    faults: tuple[FaultScript, ...] = ()
    accounts: tuple[AccountSetup, ...] = ACCOUNTS
    order_faults: tuple[OrderFaultScript, ...] = ()


class SchwabSimulator:
    """A running simulator. Also an async context manager that closes it. A market and a clock may be shared."""

    def __init__(self, config: SchwabConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        self.config = config
        start = from_datetime(datetime.fromisoformat(config.start)) if config.start else time.time_ns()
        self.clock = clock or MarketClock(start, config.speed)
        self.market = market or Market(config.market, today=to_datetime(start).date())
        view = MarketView(self.clock.now, self.market.config.always_open)
        self.faults = FaultBoard(seed=self.market.config.seed, clock=time.monotonic, market=view, damages=DAMAGES)
        self.login = LoginDesk(config.credentials, clock=time.monotonic)
        self.stream = Streamer(
            self.market, self.clock, self.faults, self.login, settings=config.stream, poll_s=config.poll_s
        )
        self.broker = SchwabBroker(
            self.market, self.clock, config.accounts, poll_s=config.poll_s, tell=self.stream.account_activity
        )
        self.stream.is_down = lambda: self.broker.is_down
        self._data = MarketDataDesk(self.market, self.clock)
        self._http = HttpServer(self._answer)
        self._requests = 0
        self.port = self.stream_port = 0

    @property
    def rest_url(self) -> str:
        return f"http://{self.config.host}:{self.port}"

    @property
    def stream_url(self) -> str:
        return f"ws://{self.config.host}:{self.stream_port}/ws"

    @property
    def attempts(self) -> int:
        """How often a client came to us: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    async def start(self) -> Self:
        for script in self.config.faults:
            self.faults.add(script)
        self.port = await self._http.start(self.config.host, self.config.port)
        wanted = self.config.stream_port
        if wanted is None:
            wanted = self.config.port + 1 if self.config.port else 0
        self.stream_port = await self.stream.start(self.config.host, wanted)
        self.broker.start(self.stream, self.config.order_faults)
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
            "venue": "schwab",
            "market_time": iso(self.clock.now()),
            "speed": self.clock.speed,
            "symbols": list(self.market.listings),
            "connections": len(self.stream.sessions),
            "stream_url": self.stream_url,
            "accounts": list(self.broker.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.broker.faults.names(),
        }

    # ---- requests ---------------------------------------------------------------------------------------------

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/status" and request.method == "GET":
            return HttpResponse(200, self.status())
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.broker.faults)
        self._requests += 1
        if self.faults.refuses_requests:
            busy = gateway_error(429, "Too Many Requests", "The limit of requests has been reached.")
            return fault_control.too_many_requests(self.faults, busy.document)
        found = self._route(request)
        date = email.utils.format_datetime(to_datetime(self.broker.brokerage.now), usegmt=True)
        headers = {CORRELATION: str(uuid.uuid4()), "Date": date, **found.headers}
        return msgspec.structs.replace(found, headers=headers)

    def _route(self, request: HttpRequest) -> HttpResponse:
        open_to_all: dict[tuple[str, str], Callable[[HttpRequest], HttpResponse]] = {
            ("GET", oauth.AUTHORIZE): self.login.authorize,
            ("POST", oauth.TOKEN): self.login.token,
        }
        route = open_to_all.get((request.method, request.path))
        if route is not None:
            return route(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.login.is_valid(token):
            return gateway_error(401, "Unauthorized", "Client not authorized")
        if request.path.startswith(market_data.PREFIX):
            return self._data.answer(request)
        if (request.method, request.path) == ("GET", "/trader/v1/userPreference"):
            return HttpResponse(200, self._preference())
        found = self.broker.desk.answer(request)
        return found or gateway_error(404, "Not Found", f"there is no {request.method} {request.path}")

    def _preference(self) -> dict[str, object]:
        settings = self.config.stream
        info = {
            "streamerSocketUrl": self.stream_url,
            "schwabClientCustomerId": settings.customer_id,
            "schwabClientCorrelId": settings.correl_id,
            "schwabClientChannel": "N9",
            "schwabClientFunctionId": "APIAPP",
        }
        accounts = [{"accountNumber": number, "primaryAccount": True} for number in self.broker.brokerage.accounts]
        offers = [{"level2Permissions": False, "mktDataPermission": "NP"}]
        return {"accounts": accounts, "streamerInfo": [info], "offers": offers}


async def serve(config: SchwabConfig) -> SchwabSimulator:
    """Start the simulator in this event loop; `close()` it, or use it as a context manager."""
    return await SchwabSimulator(config).start()
