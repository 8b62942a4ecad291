"""The streamer's WebSocket server: accepts connections and moves market, faults and connections forward."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from simulators.clock import MarketClock
from simulators.faults import FaultBoard
from simulators.market import Market
from simulators.schwab.login import LoginDesk
from simulators.schwab.session import Session, StreamSettings


class Streamer:
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
        self.market = market
        self.faults = faults
        self.settings = settings
        self.attempts = 0  # connections asked for, admitted or not
        self.sessions: set[Session] = set()
        self.is_down: Callable[[], bool] = lambda: False  # what else refuses connections
        self._clock = clock
        self._login = login
        self._poll_s = poll_s
        self._server: Server | None = None
        self._loop_task: asyncio.Task[None] | None = None

    def now(self) -> int:
        return self._clock.now()

    def token_is_valid(self, token: str) -> bool:
        return self._login.is_valid(token)

    def has_room(self, session: Session) -> bool:
        others = [each for each in self.sessions if each is not session and each.is_logged_in]
        return len(others) < self.settings.max_connections

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = serve(
            self._serve,
            host,
            port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            close_timeout=1.0,
        )
        await self._server
        self._loop_task = asyncio.create_task(self._run())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut_connections(self) -> None:
        """Fault control: every connection breaks."""
        for session in self.sessions:
            session.abort()

    def expire_tokens(self) -> None:
        """Fault control: every access token is worthless, and whoever streams with one is stopped."""
        self._login.expire_all()
        self.stop_streaming("The token was revoked.")

    def stop_streaming(self, why: str) -> None:
        """Code 30 to everybody."""
        for session in self.sessions:
            session.stop(why)

    def hang_up(self, code: int) -> None:
        """Close every connection in good form, with this WebSocket code."""
        for session in self.sessions:
            session.close(code)

    def account_activity(self, account: str, kind: str, data: str) -> None:
        for session in self.sessions:
            session.account_activity(account, kind, data)

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        if self.faults.refuses_connections or self.is_down():
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The line is down.\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        session = Session(socket, self)
        self.sessions.add(session)
        try:
            await session.run()
        finally:
            self.sessions.discard(session)

    async def _run(self) -> None:
        """Every `poll_s`: faults, market time, then what each connection is due."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.faults.advance(self)
            market_now = self._clock.now()
            for session in tuple(self.sessions):
                session.tick(loop.time(), market_now)
            due = max(due + self._poll_s, loop.time())
            await asyncio.sleep(max(due - loop.time(), 0.0))
