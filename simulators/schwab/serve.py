"""Schwab's simulator as one thing to start and stop."""

import email.utils
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from engine.model.time import iso, to_datetime
from simulators import fault_control
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.fault_control import control_faults
from simulators.brokerage.faults import OrderFaultScript
from simulators.clock import MarketClock
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.schwab import login as oauth
from simulators.schwab import market_data
from simulators.schwab.answers import CORRELATION, gateway_error
from simulators.schwab.broker import ACCOUNTS, SchwabBroker
from simulators.schwab.damage import DAMAGES
from simulators.schwab.login import Credentials, LoginDesk
from simulators.schwab.market_data import MarketDataDesk
from simulators.schwab.session import StreamSettings
from simulators.schwab.streamer import Streamer
from simulators.service import Service, ServiceConfig


class SchwabConfig(ServiceConfig, frozen=True, kw_only=True):
    """`stream_port` None is `port` + 1 (0: a free one)."""

    stream_port: int | None = None
    stream: StreamSettings = StreamSettings()
    credentials: Credentials = Credentials()
    accounts: tuple[AccountSetup, ...] = ACCOUNTS
    order_faults: tuple[OrderFaultScript, ...] = ()


class SchwabSimulator(Service):
    """A running simulator."""

    damages = DAMAGES
    too_many = gateway_error(429, "Too Many Requests", "The limit of requests has been reached.").document

    def __init__(self, config: SchwabConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        super().__init__(config, market=market, clock=clock)
        self.config = config
        self.login = LoginDesk(config.credentials, clock=time.monotonic)
        self.stream = Streamer(
            self.market, self.clock, self.faults, self.login, settings=config.stream, poll_s=config.poll_s
        )
        self.broker = SchwabBroker(
            self.market, self.clock, config.accounts, poll_s=config.poll_s, tell=self.stream.account_activity
        )
        self.stream.is_down = lambda: self.broker.is_down
        self._data = MarketDataDesk(self.market, self.clock)
        self.stream_port = 0

    @property
    def stream_url(self) -> str:
        return f"ws://{self.config.host}:{self.stream_port}/ws"

    @property
    def attempts(self) -> int:
        """How often a client came to us: requests and connections, granted or refused."""
        return self._requests + self.stream.attempts

    async def _start_streams(self) -> None:
        self.stream_port = await self.stream.start(self.config.host, self._port(self.config.stream_port))
        self.broker.start(self.stream, self.config.order_faults)

    async def _close_streams(self) -> None:
        await self.broker.close()
        await self.stream.close()

    def status(self) -> dict[str, Any]:
        """What `GET /status` says."""
        return {
            "venue": "schwab",
            "market_time": iso(self.clock.now()),
            "speed": self.clock.speed,
            "symbols": list(self.market.listings),
            "connections": len(self.stream.clients),
            "stream_url": self.stream_url,
            "accounts": list(self.broker.brokerage.accounts),
            "faults": self.faults.names(),
            "order_faults": self.broker.faults.names(),
        }

    # ---- requests ---------------------------------------------------------------------------------------------

    def _control(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.broker.faults)
        return super()._control(request)

    def _handle(self, request: HttpRequest) -> HttpResponse:
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
