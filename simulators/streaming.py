"""A venue's WebSocket server over the simulated market: connections, their subscriptions, their faults, their pace."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any

from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from simulators.clock import MarketClock
from simulators.faults import FaultBoard, Tap
from simulators.listening import WebSocketListener
from simulators.market import Market
from simulators.tape import News, Tape

_CLOSE_S = 2.0
_log = logging.getLogger(__name__)


class StreamClient(ABC):
    """One connection. A venue's own says what is heard (`hear`), how a symbol's news is told (`events`) and written
    (`frame`). Data goes through the faults; what answers a client does not, unless the line is mute."""

    is_text = True

    def __init__(self, socket: ServerConnection, faults: FaultBoard) -> None:
        self._socket = socket
        self._faults = faults
        self._taps: dict[str, Tap] = {}
        self._waiting: list[Any] = []
        self._sent_at = 0.0
        self._closing: asyncio.Task[None] | None = None

    # ---- what a venue's own gives ---------------------------------------------------------------------------

    @property
    @abstractmethod
    def symbols(self) -> Collection[str]:
        """Whose news it wants, by the market's names; not to be changed while it is read."""

    @abstractmethod
    def greet(self) -> None:
        """It connected."""

    @abstractmethod
    def hear(self, message: bytes) -> None:
        """It said something."""

    @abstractmethod
    def events(self, symbol: str, news: News) -> list[Any]:
        """What it is told of `news`, event by event."""

    @abstractmethod
    def frame(self, events: Sequence[Any]) -> bytes:
        """Events as one frame."""

    @abstractmethod
    def revoke(self) -> None:
        """Its login is worth nothing any more: tell it and hang up."""

    @property
    def with_seconds(self) -> bool:
        """Whether it wants the candles of seconds too."""
        return False

    def check(self, now: float) -> None:
        """Once a turn: what the venue watches over (seconds, monotonic); here nothing."""
        return

    # ---- what it can use ------------------------------------------------------------------------------------

    def say(self, frame: bytes) -> None:
        """Send at once."""
        if self._closing is None and not self._faults.drops_line:
            broadcast([self._socket], frame, text=self.is_text)

    def tell(self, symbol: str, events: Sequence[Any]) -> None:
        """Queue data for the next frame, through whatever fault acts."""
        if symbol not in self._taps:
            self._taps[symbol] = Tap(symbol, self._faults, self._waiting.extend)
        self._taps[symbol].deliver(events)

    def hang_up(self, code: int = 1000) -> None:
        """Close with a WebSocket close code, after what was said."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(code))

    async def _close(self, code: int) -> None:
        """A client that does not read does not get to see the end either."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code)
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Break off without a close frame, as a cut cable does."""
        self._socket.transport.abort()

    @property
    def unsent_bytes(self) -> int:
        """How much it has not taken yet."""
        return int(self._socket.transport.get_write_buffer_size())

    # ---- the server's side ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until one side ends it."""
        self.greet()
        try:
            async for raw in self._socket:
                self.hear(raw.encode() if isinstance(raw, str) else raw)
        except ConnectionClosed as error:  # a client that vanishes without a close frame is no fault of ours
            _log.info("connection lost: %s", error)
        finally:
            for tap in self._taps.values():
                tap.close()
            if self._closing:
                await self._closing

    def turn(self, now: float) -> None:
        """Send what waits, in one frame."""
        self.check(now)
        if not self._waiting or now - self._sent_at < self._faults.frame_interval_s:
            return
        events, self._waiting[:] = list(self._waiting), []
        self._sent_at = now
        self.say(self._faults.frame(self.frame(events)))


Accept = Callable[[ServerConnection, str], StreamClient | None]


class StreamServer(WebSocketListener[StreamClient]):
    """Every `poll_s` it moves market and faults on and gives each connection its news. `accept` makes the client for a
    path, None for a path that is none. `at_turn` is called with each turn."""

    def __init__(
        self,
        market: Market,
        clock: MarketClock,
        faults: FaultBoard,
        *,
        accept: Accept,
        poll_s: float,
        at_turn: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(poll_s=poll_s)
        self._tape = Tape(market, now=clock.now())
        self._clock = clock
        self._faults = faults
        self._client_of = accept
        self._at_turn = at_turn

    def expire_tokens(self) -> None:
        """Fault control: no login is worth anything any more."""
        for client in self.clients:
            client.revoke()

    def hang_up(self, code: int) -> None:
        """Close every connection in good form, with this WebSocket code."""
        for client in self.clients:
            client.hang_up(code)

    def _is_down(self) -> bool:
        return self._faults.refuses_connections

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        refused = super()._admit(socket, request)
        if refused is None and self._faults.refuses_requests:
            refused = socket.respond(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.\n")
            refused.headers["Retry-After"] = str(self._faults.retry_after_s)
        return refused

    def _accept(self, socket: ServerConnection) -> StreamClient | None:
        return self._client_of(socket, socket.request.path if socket.request else "")

    def _turn(self, now: float) -> None:
        self._faults.advance(self)
        self._at_turn()
        self._distribute()
        for client in tuple(self.clients):
            client.turn(now)

    def _distribute(self) -> None:
        wanted = sorted({symbol for client in self.clients for symbol in client.symbols})
        with_seconds = any(client.with_seconds for client in self.clients)
        found = self._tape.read(wanted, self._clock.now(), with_seconds=with_seconds)
        for client in self.clients:
            for symbol in client.symbols:
                news = found.get(symbol)
                events = client.events(symbol, news) if news else []
                if events:
                    client.tell(symbol, events)
