"""The streamer's WebSocket server: accepts connections and moves market, faults and connections forward."""

from collections.abc import Callable

from websockets.asyncio.server import ServerConnection

from simulators.clock import MarketClock
from simulators.faults import FaultBoard
from simulators.listening import WebSocketListener
from simulators.market import Market
from simulators.schwab.login import LoginDesk
from simulators.schwab.session import Session, StreamSettings


class Streamer(WebSocketListener[Session]):
    """One market for all connections. `poll_s` is how often it looks at the clock: what happens in between is
    conflated."""

    def __init__(
        self,
        market: Market,
        clock: MarketClock,
        faults: FaultBoard,
        login: LoginDesk,
        *,
        settings: StreamSettings,
        poll_s: float,
    ) -> None:
        super().__init__(poll_s=poll_s)
        self.market = market
        self.faults = faults
        self.settings = settings
        self.is_down: Callable[[], bool] = lambda: False  # what else refuses connections
        self._clock = clock
        self._login = login

    def now(self) -> int:
        return self._clock.now()

    def token_is_valid(self, token: str) -> bool:
        return self._login.is_valid(token)

    def has_room(self, session: Session) -> bool:
        others = [each for each in self.clients if each is not session and each.is_logged_in]
        return len(others) < self.settings.max_connections

    def expire_tokens(self) -> None:
        """Fault control: every access token is worthless, and whoever streams with one is stopped."""
        self._login.expire_all()
        self.stop_streaming("The token was revoked.")

    def stop_streaming(self, why: str) -> None:
        """Code 30 to everybody."""
        for session in self.clients:
            session.stop(why)

    def hang_up(self, code: int) -> None:
        """Close every connection in good form, with this WebSocket code."""
        for session in self.clients:
            session.close(code)

    def account_activity(self, account: str, kind: str, data: str) -> None:
        for session in self.clients:
            session.account_activity(account, kind, data)

    def _is_down(self) -> bool:
        return self.faults.refuses_connections or self.is_down()

    def _accept(self, socket: ServerConnection) -> Session:
        return Session(socket, self)

    def _turn(self, now: float) -> None:
        self.faults.advance(self)
        market_now = self._clock.now()
        for session in tuple(self.clients):
            session.tick(now, market_now)
