"""Alpaca's market data stream: login, subscriptions and their limits, in its order of steps and its error codes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

from simulators.alpaca import wire
from simulators.faults import FaultBoard
from simulators.market import Market
from simulators.streaming import StreamClient
from simulators.tape import News, Print

CHANNELS = ("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds")
FOLLOWERS = ("corrections", "cancelErrors")  # these come with trades, asked for or not
ERRORS = {
    400: "invalid syntax", 401: "not authenticated", 402: "auth failed", 403: "already authenticated",
    404: "auth timeout", 405: "symbol limit exceeded", 406: "connection limit exceeded", 407: "slow client",
    408: "v2 not enabled", 409: "insufficient subscription", 410: "invalid subscribe action for this feed",
    500: "internal error",
}  # fmt: skip


class DataLimits(msgspec.Struct, frozen=True):
    """What the plan allows. `feeds` are the paths under /v2 it may read; no `symbols`: any number."""

    connections: int = 1
    symbols: int | None = None
    feeds: tuple[str, ...] = ("iex", "sip", "delayed_sip", "test")
    auth_timeout_s: float = 10.0
    slow_bytes: int = 8 << 20  # unsent, and the client is too slow


class DataDesk:
    """What all data connections share: the market, who may come in, and how many are in."""

    def __init__(
        self, market: Market, faults: FaultBoard, *, may_enter: Callable[[str, str], bool], limits: DataLimits
    ) -> None:
        self.market = market
        self.faults = faults
        self.may_enter = may_enter
        self.limits = limits
        self.inside: set[DataClient] = set()

    def symbols_of(self, names: Sequence[str]) -> set[str]:
        """The market's symbols behind the client's; `*` is all equities."""
        listed = self.market.listings
        every = {name for name in listed if name.isalnum()}
        return every if "*" in names else {name for name in names if self.market.find(name)}


class DataClient(StreamClient):
    """One connection to `/v2/{feed}`."""

    def __init__(self, socket: ServerConnection, desk: DataDesk, feed: str) -> None:
        super().__init__(socket, desk.faults)
        headers = socket.request.headers if socket.request else {}
        self._codec = wire.Codec(is_binary=headers.get("Content-Type") == "application/msgpack")
        self.is_text = not self._codec.is_binary
        self._desk = desk
        self._feed = feed
        self._wanted: dict[str, dict[str, None]] = {channel: {} for channel in CHANNELS}
        self._symbols: dict[str, set[str]] = {channel: set() for channel in CHANNELS}
        self._all: set[str] = set()
        self._is_in = False
        self._due = asyncio.get_running_loop().time() + desk.limits.auth_timeout_s

    # ---- what the server asks -------------------------------------------------------------------------------

    @property
    def symbols(self) -> set[str]:
        return self._all

    def greet(self) -> None:
        self._control({"T": "success", "msg": "connected"})

    def hear(self, message: bytes) -> None:
        try:
            said = self._codec.read(message)
            action = said["action"]
        except (msgspec.DecodeError, KeyError, TypeError):
            self._error(400)
            return
        if action == "auth":
            self._authenticate(said)
        elif not self._is_in:
            self._error(401)
        elif action in ("subscribe", "unsubscribe"):
            self._subscribe(said, is_wanted=action == "subscribe")
        else:
            self._error(400)

    def events(self, symbol: str, news: News) -> list[Any]:
        found = self._desk.market.find(symbol)
        if found is None or not self._is_in:
            return []
        listing, wants = found.listing, self._wants
        out: list[Any] = []
        trades, quotes = wants("trades", symbol), wants("quotes", symbol)
        for each in news.prints:
            if quotes:
                out.append(wire.quote(listing, each))
            if trades:
                out.append(wire.trade(listing, each))
        if wants("bars", symbol):
            out += [wire.bar(listing, candle, kind="b") for candle in news.minutes]
        return out

    def frame(self, events: Sequence[Any]) -> bytes:
        return self._codec.frame(events)

    def revoke(self) -> None:
        self._error(402, ends=True)

    def check(self, now: float) -> None:
        if not self._is_in and now > self._due:
            self._due = float("inf")
            self._error(404, ends=True)
        elif self.unsent_bytes > self._desk.limits.slow_bytes:
            self._error(407, ends=True)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._desk.inside.discard(self)

    # ---- what a test or a person makes happen -----------------------------------------------------------------

    def correct(self, symbol: str, each: Print, *, price: float, size: int, ts: int) -> None:
        """A print turns out to have been another."""
        self._follow_up(symbol, lambda listing: wire.correction(listing, each, price=price, size=size, ts=ts))

    def cancel(self, symbol: str, each: Print, *, ts: int) -> None:
        """A print never was."""
        self._follow_up(symbol, lambda listing: wire.cancel(listing, each, ts=ts))

    def update_bar(self, symbol: str, event: dict[str, Any]) -> None:
        """A minute bar, again, after late prints."""
        if self._wants("updatedBars", symbol):
            self.tell(symbol, [event])

    def halt(self, symbol: str, *, is_over: bool, ts: int) -> None:
        """The exchange's word on trading."""
        found = self._desk.market.find(symbol)
        if found is not None and self._wants("statuses", symbol):
            self.tell(symbol, [wire.status(found.listing, is_halted=not is_over, ts=ts)])

    # ---- inside -----------------------------------------------------------------------------------------------

    def _follow_up(self, symbol: str, make: Callable[[Any], dict[str, Any]]) -> None:
        found = self._desk.market.find(symbol)
        if found is not None and self._wants("trades", symbol):
            self.tell(symbol, [make(found.listing)])

    def _wants(self, channel: str, symbol: str) -> bool:
        return symbol in self._symbols[channel]

    def _authenticate(self, said: dict[str, Any]) -> None:
        limits = self._desk.limits
        if self._is_in:
            self._error(403)
        elif not self._desk.may_enter(str(said.get("key", "")), str(said.get("secret", ""))):
            self._error(402, ends=True)
        elif self._feed not in limits.feeds:
            self._error(409, ends=True)
        elif len(self._desk.inside) >= limits.connections:
            self._error(406, ends=True)
        else:
            self._is_in = True
            self._desk.inside.add(self)
            self._control({"T": "success", "msg": "authenticated"})

    def _subscribe(self, said: dict[str, Any], *, is_wanted: bool) -> None:
        asked = {channel: said.get(channel) or [] for channel in CHANNELS}
        if not all(isinstance(names, list) for names in asked.values()) or set(said) - {
            "action",
            *CHANNELS,
            *FOLLOWERS,
        }:
            self._error(400)
            return
        after = {channel: dict(names) for channel, names in self._wanted.items()}
        for channel, names in asked.items():
            for name in names:
                if is_wanted:
                    after[channel][str(name)] = None
                else:
                    after[channel].pop(str(name), None)
        limit = self._desk.limits.symbols
        if limit is not None and len({*after["trades"], *after["quotes"]}) > limit:
            self._error(405)
            return
        self._wanted = after
        self._symbols = {channel: self._desk.symbols_of(list(names)) for channel, names in after.items()}
        self._all = set().union(*self._symbols.values())
        present = {channel: list(names) for channel, names in after.items()}
        self._control({"T": "subscription", **present, **dict.fromkeys(FOLLOWERS, present["trades"])})

    def _control(self, message: dict[str, Any]) -> None:
        self.say(self._codec.frame([message]))

    def _error(self, code: int, *, ends: bool = False) -> None:
        self._control({"T": "error", "code": code, "msg": ERRORS[code]})
        if ends:
            self._is_in = False
            self._desk.inside.discard(self)
            self.hang_up()
