"""Alpaca's simulator: market data and trading, each in its stream and over REST."""

import time
from collections.abc import Callable

import msgspec
from websockets.asyncio.server import ServerConnection

from simulators import fault_control
from simulators.alpaca.history import HistoryDesk
from simulators.alpaca.stream import DataClient, DataDesk, DataLimits
from simulators.alpaca.trading import TradingDesk, render
from simulators.alpaca.updates import UpdatesClient, UpdatesDesk
from simulators.alpaca.wire import DAMAGES
from simulators.brokerage.account import AccountSetup
from simulators.brokerage.brokerage import Brokerage, BrokerageSetup
from simulators.brokerage.fault_control import control_faults
from simulators.brokerage.faults import OrderFaults, OrderFaultScript
from simulators.brokerage.gate import Gate
from simulators.clock import MarketClock
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
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
    """`is_delayed_sip`: the free plan, which may not see the last 15 minutes of the consolidated tape. `account` is
    whose keys these are; `hard_to_borrow`: stocks that cannot be sold short."""

    keys: AlpacaKeys = AlpacaKeys()
    limits: DataLimits = DataLimits()
    is_delayed_sip: bool = False
    account: AccountSetup = AccountSetup("PA3SIM000001")
    hard_to_borrow: frozenset[str] = frozenset({"MSTR"})
    order_faults: tuple[OrderFaultScript, ...] = ()


class AlpacaSimulator(VenueSimulator):
    """A running simulator; its streams are `/v2/{feed}` for data and `/stream` for trading."""

    damages = DAMAGES
    too_many = {"code": 42910000, "message": "rate limit exceeded"}

    def __init__(self, config: AlpacaConfig, *, market: Market | None = None, clock: MarketClock | None = None) -> None:
        super().__init__(config, market=market, clock=clock)
        self.config = config
        self.data = DataDesk(self.market, self.faults, may_enter=config.keys.fit, limits=config.limits)
        self._history = HistoryDesk(self.market, self.clock.now, is_delayed_sip=config.is_delayed_sip)
        self.order_faults = OrderFaults(seed=config.market.seed, clock=time.monotonic)
        for script in config.order_faults:
            self.order_faults.add(script)
        number = config.account.number
        setup = BrokerageSetup(accounts=(config.account,), hard_to_borrow=config.hard_to_borrow)
        self.brokerage = Brokerage(self.market, setup, market_now=self.clock.now, faults=self.order_faults)
        gate = Gate(self.order_faults, render)
        self._trading = TradingDesk(self.brokerage, self.market, gate, account=number)
        self._updates = UpdatesDesk(self.brokerage, self.faults, may_enter=config.keys.fit, account=number)

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
        if path == "/stream" and not self._is_down():
            return UpdatesClient(socket, self._updates)
        return None

    def _is_down(self) -> bool:
        return bool(self.order_faults.active("restart") or self.order_faults.active("cut_stream"))

    def _turn(self) -> None:
        """The broker keeps pace with the market."""
        self.order_faults.advance(self._updates)
        self.brokerage.advance()

    def _control(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == fault_control.PATH:
            return control_faults(request, self.faults, self.order_faults)
        return super()._control(request)

    def _handle(self, request: HttpRequest) -> HttpResponse:
        headers = request.headers
        if not self.config.keys.fit(headers.get("apca-api-key-id", ""), headers.get("apca-api-secret-key", "")):
            return _FORBIDDEN
        found = self._history.handle(request) or self._trading.handle(request)
        return found or HttpResponse(404, {"code": 40410000, "message": "endpoint not found"})


async def serve_alpaca(config: AlpacaConfig) -> AlpacaSimulator:
    """Start it in this event loop; `close()` it, or use it as a context manager."""
    return await AlpacaSimulator(config).start()
