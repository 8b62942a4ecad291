"""Massive's WebSocket: login by key, subscriptions as comma lists, statuses."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

from simulators.faults import FaultBoard
from simulators.market import Market
from simulators.massive import wire
from simulators.massive.names import ticker
from simulators.streaming import StreamClient
from simulators.tape import News

_encode = msgspec.json.Encoder().encode
CHANNELS = {"stocks": ("T", "Q", "A", "AM"), "indices": ("V", "A", "AM")}
_DEFAULT = ("T", "Q", "A", "AM")


class MassiveLimits(msgspec.Struct, frozen=True):
    """What the plan allows. `channels`: those that may be subscribed; `markets`: those that may be connected to."""

    connections: int = 1
    channels: tuple[str, ...] = ("T", "Q", "A", "AM", "V")
    markets: tuple[str, ...] = ("stocks", "indices", "futures")
    auth_timeout_s: float = 10.0
    slow_bytes: int = 8 << 20


class MassiveDesk:
    """What all connections share."""

    def __init__(
        self, market: Market, faults: FaultBoard, *, may_enter: Callable[[str], bool], limits: MassiveLimits
    ) -> None:
        self.market = market
        self.faults = faults
        self.may_enter = may_enter
        self.limits = limits
        self.inside: list[MassiveClient] = []

    def tickers(self, market: str) -> dict[str, str]:
        """What a market calls our symbols: its name → ours."""
        named = ((ticker(symbol, market), symbol) for symbol in self.market.listings)
        return {name: symbol for name, symbol in named if name}


class MassiveClient(StreamClient):
    """One connection to `/{market}`."""

    def __init__(self, socket: ServerConnection, desk: MassiveDesk, market: str) -> None:
        super().__init__(socket, desk.faults)
        self._desk = desk
        self._market = market
        self._names = desk.tickers(market)
        self._symbols: dict[str, set[str]] = {}  # channel → the market's symbols
        self._all: set[str] = set()
        self._is_in = False
        self._due = asyncio.get_running_loop().time() + desk.limits.auth_timeout_s

    @property
    def symbols(self) -> Collection[str]:
        return self._all

    @property
    def with_seconds(self) -> bool:
        return bool(self._symbols.get("A"))

    def greet(self) -> None:
        self._status("connected", "Connected Successfully")

    def hear(self, message: bytes) -> None:
        try:
            said = msgspec.json.decode(message)
            action, params = said["action"], str(said.get("params", ""))
        except (msgspec.DecodeError, KeyError, TypeError):
            self._status("error", "invalid message")
            return
        if action == "auth":
            self._authenticate(params)
        elif not self._is_in:
            self._status("auth_failed", "not authenticated")
            self.hang_up(1008)
        elif action in ("subscribe", "unsubscribe"):
            for each in params.split(","):
                self._change(each.strip(), is_wanted=action == "subscribe")
            self._all = set().union(*self._symbols.values()) if self._symbols else set()
        else:
            self._status("error", f"unknown action {action}")

    def events(self, symbol: str, news: News) -> list[Any]:
        found = self._desk.market.find(symbol)
        if found is None:
            return []
        listing = found.listing
        name = ticker(symbol, self._market) or symbol
        named = msgspec.structs.replace(listing, symbol=name)
        out: list[Any] = []
        for each in news.prints:
            if self._wants("Q", symbol):
                out.append(wire.quote(named, each))
            if self._wants("T", symbol):
                out.append(wire.trade(named, each))
            if self._wants("V", symbol):
                out.append(wire.index_value(listing, name, each))
        if self._wants("A", symbol):
            out += [wire.aggregate(named, candle, kind="A", span_ms=1_000) for candle in news.seconds]
        if self._wants("AM", symbol):
            out += [wire.aggregate(named, candle, kind="AM", span_ms=60_000) for candle in news.minutes]
        return out

    def frame(self, events: Sequence[Any]) -> bytes:
        return _encode(list(events))

    def revoke(self) -> None:
        self._status("auth_failed", "authentication failed")
        self._leave()
        self.hang_up(1008)

    def supersede(self) -> None:
        """Another connection of the same key took this one's place."""
        self._status("max_connections", "Maximum number of websocket connections exceeded.")
        self._leave()
        self.hang_up(1008)

    def check(self, now: float) -> None:
        if not self._is_in and now > self._due:
            self._due = float("inf")
            self._status("auth_timeout", "authentication timed out")
            self.hang_up(1008)
        elif self.unsent_bytes > self._desk.limits.slow_bytes:
            self._status("slow_consumer", "disconnected: slow consumer")
            self._leave()
            self.hang_up(1008)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._leave()

    # ---- inside -----------------------------------------------------------------------------------------------

    def _authenticate(self, key: str) -> None:
        limits, inside = self._desk.limits, self._desk.inside
        if not self._desk.may_enter(key):
            self._status("auth_failed", "authentication failed")
            self.hang_up(1008)
            return
        if self._market not in limits.markets:
            self._status("auth_failed", "Your plan doesn't include websocket access to this market.")
            self.hang_up(1008)
            return
        self._is_in = True
        inside.append(self)
        self._status("auth_success", "authenticated")
        same = [client for client in inside if client._market == self._market]
        for client in same[: max(0, len(same) - limits.connections)]:
            client.supersede()

    def _change(self, subscription: str, *, is_wanted: bool) -> None:
        channel, _, name = subscription.partition(".")
        if channel not in CHANNELS.get(self._market, _DEFAULT) or not name:
            self._status("error", f"invalid subscription: {subscription}")
        elif channel not in self._desk.limits.channels:
            self._status("error", f"You are not authorized to subscribe to {subscription}")
        else:
            known = {symbol for ours, symbol in self._names.items() if name in ("*", ours)}
            present = self._symbols.setdefault(channel, set())
            if is_wanted:
                present |= known
            else:
                present -= known
            self._status("success", f"{'subscribed' if is_wanted else 'unsubscribed'} to: {subscription}")

    def _wants(self, channel: str, symbol: str) -> bool:
        return symbol in self._symbols.get(channel, ())

    def _leave(self) -> None:
        self._is_in = False
        self._symbols.clear()
        self._all = set()
        if self in self._desk.inside:
            self._desk.inside.remove(self)

    def _status(self, status: str, message: str) -> None:
        self.say(_encode([{"ev": "status", "status": status, "message": message}]))
