"""The DXLink WebSocket server: accepts connections and moves market, faults and connections forward."""

import asyncio
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from simulators.clock import MarketClock
from simulators.dxlink.connection import Connection, LinkSettings, QuoteTokens
from simulators.dxlink.hub import Hub
from simulators.faults import FaultBoard
from simulators.market import Market

_SLOW_EVERY_S = 1.0


class DXLinkServer:
    """One market for all connections. `poll_s` is how often it looks at the clock, and so the size of a batch."""

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
        self.hub = Hub(market, faults, now=clock.now())
        self._clock = clock
        self._faults = faults
        self._tokens = tokens
        self._settings = settings
        self._poll_s = poll_s
        self.attempts = 0  # connections asked for, admitted or not
        self._connections: set[Connection] = set()
        self._server: Server | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port. Frames above `max_frame` are answered with close code 1009, data is not
        compressed, and WebSocket pings are off: KEEPALIVE is the protocol's own."""
        self._server = serve(
            self._serve_connection,
            host,
            port,
            process_request=self._admit,
            compression=None,
            ping_interval=None,
            max_size=self._settings.max_frame,
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
        for connection in self._connections:
            connection.abort()

    def hang_up(self, code: int) -> None:
        """Close every connection in good form, with this WebSocket code."""
        for connection in self._connections:
            connection.close(code)

    def expire_tokens(self) -> None:
        """Fault control: every token is worthless, and whoever used one is told so and hung up on."""
        self._tokens.expire_all()
        for connection in self._connections:
            connection.revoke()

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        if self._faults.refuses_connections:
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The line is down.\n")
        return None

    async def _serve_connection(self, socket: ServerConnection) -> None:
        connection = Connection(socket, self.hub, self._tokens, self._faults, self._settings)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def _run(self) -> None:
        """Every `poll_s`: market time, then what each connection is due."""
        loop = asyncio.get_running_loop()
        due = slow_due = loop.time()
        while True:
            now = loop.time()
            self._faults.advance(self)
            self.hub.advance(self._clock.now())
            if now >= slow_due:
                slow_due = now + _SLOW_EVERY_S
                self.hub.refresh_slow()
            for connection in tuple(self._connections):
                connection.tick(now)
            self.hub.prepare(self._minutes_to_prepare())
            due = max(due + self._poll_s, now)
            await asyncio.sleep(max(due - loop.time(), 0.0))

    def _minutes_to_prepare(self) -> int:
        """As many as it takes to have every symbol's next minute ready halfway through this one."""
        return 1 + int(self.hub.symbols * self._poll_s * self._clock.speed / 30.0)
