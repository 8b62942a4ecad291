"""The live gateway: accepts connections and moves market, faults and sessions forward."""

import asyncio
import random
from collections.abc import Collection

import databento_dbn as dbn

from simulators.clock import MarketClock
from simulators.databento.session import GatewaySession, answer_to
from simulators.faults import FaultBoard
from simulators.market import Market
from simulators.tape import Tape


class Gateway:
    """One market for all sessions; `keys` are granted. `poll_s` is how often it looks at the clock."""

    def __init__(
        self, market: Market, clock: MarketClock, faults: FaultBoard, *, keys: Collection[str], poll_s: float, seed: int
    ) -> None:
        self.market = market
        self.faults = faults
        self.keys = set(keys)
        self.attempts = 0  # connections asked for, admitted or not
        self.sessions: set[GatewaySession] = set()
        self._clock = clock
        self._tape = Tape(market, now=clock.now())
        self._poll_s = poll_s
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @property
    def cursor(self) -> int:
        """The market time up to which everything has been told."""
        return self._tape.cursor

    def is_key(self, challenge: str, answer: str) -> bool:
        return any(answer == answer_to(challenge, key) for key in self.keys)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self._loop_task = asyncio.create_task(self._run())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            for session in tuple(self.sessions):
                session.abort()
            await self._server.wait_closed()

    def cut_connections(self) -> None:
        """Fault control: every connection breaks."""
        for session in tuple(self.sessions):
            session.abort()

    def expire_tokens(self) -> None:
        """Fault control: every key is withdrawn, and who used one is told so. `keys` takes new ones."""
        self.keys.clear()
        for session in tuple(self.sessions):
            session.refuse(dbn.ErrorCode.API_KEY_DEACTIVATED, "The API key was deactivated")

    def hang_up(self) -> None:
        """Close every connection in good form, as the gateway's weekly restart does."""
        for session in tuple(self.sessions):
            session.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        if self.faults.refuses_connections:
            writer.transport.abort()
            return
        session = GatewaySession(reader, writer, self, rng=self._rng)
        self.sessions.add(session)
        try:
            await session.run()
        finally:
            self.sessions.discard(session)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            now = loop.time()
            self.faults.advance(self)
            self._distribute()
            for session in tuple(self.sessions):
                session.turn(now)
            due = max(due + self._poll_s, now)
            await asyncio.sleep(max(due - loop.time(), 0.0))

    def _distribute(self) -> None:
        wanted = sorted({symbol for session in self.sessions for symbol in session.symbols})
        with_seconds = any(session.wants_seconds for session in self.sessions)
        news = self._tape.read(wanted, self._clock.now(), with_seconds=with_seconds)
        for session in tuple(self.sessions):
            session.tell(news)
