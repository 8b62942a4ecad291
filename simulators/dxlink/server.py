"""The DXLink WebSocket server: accepts connections and moves market, faults and connections forward."""

from websockets.asyncio.server import ServerConnection

from simulators.clock import MarketClock
from simulators.dxlink.connection import Connection, LinkSettings, QuoteTokens
from simulators.dxlink.hub import Hub
from simulators.faults import FaultBoard
from simulators.listening import WebSocketListener
from simulators.market import Market

_SLOW_EVERY_S = 1.0


class DXLinkServer(WebSocketListener[Connection]):
    """One market for all connections. `poll_s` is how often it looks at the clock, and so the size of a batch.
    Frames above `max_frame` are answered with close code 1009."""

    def __init__(
        self,
        market: Market,
        clock: MarketClock,
        faults: FaultBoard,
        tokens: QuoteTokens,
        *,
        settings: LinkSettings,
        poll_s: float,
    ) -> None:
        super().__init__(poll_s=poll_s)
        self.hub = Hub(market, faults, now=clock.now())
        self._clock = clock
        self._faults = faults
        self._tokens = tokens
        self._settings = settings
        self._slow_due = 0.0
        self.options = {"max_size": settings.max_frame}

    def hang_up(self, code: int) -> None:
        """Close every connection in good form, with this WebSocket code."""
        for connection in self.clients:
            connection.close(code)

    def expire_tokens(self) -> None:
        """Fault control: every token is worthless, and whoever used one is told so and hung up on."""
        self._tokens.expire_all()
        for connection in self.clients:
            connection.revoke()

    def _is_down(self) -> bool:
        return self._faults.refuses_connections

    def _accept(self, socket: ServerConnection) -> Connection:
        return Connection(socket, self.hub, self._tokens, self._faults, self._settings)

    def _turn(self, now: float) -> None:
        self._faults.advance(self)
        self.hub.advance(self._clock.now())
        if now >= self._slow_due:
            self._slow_due = now + _SLOW_EVERY_S
            self.hub.refresh_slow()
        for connection in tuple(self.clients):
            connection.tick(now)
        self.hub.prepare(self._minutes_to_prepare())

    def _minutes_to_prepare(self) -> int:
        """As many as it takes to have every symbol's next minute ready halfway through this one."""
        return 1 + int(self.hub.symbols * self._poll_s * self._clock.speed / 30.0)
