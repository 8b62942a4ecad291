"""The live gateway: accepts connections and moves market, faults and sessions forward."""

import asyncio
import random
from collections.abc import Collection

import databento_dbn as dbn

from simulators.clock import MarketClock
from simulators.databento.session import GatewaySession, answer_to
from simulators.faults import FaultBoard
from simulators.listening import SocketListener
from simulators.market import Market
from simulators.tape import Tape


class Gateway(SocketListener[GatewaySession]):
    """One market for all sessions; `keys` are granted. `poll_s` is how often it looks at the clock."""

    def __init__(
        self, market: Market, clock: MarketClock, faults: FaultBoard, *, keys: Collection[str], poll_s: float, seed: int
    ) -> None:
        super().__init__(poll_s=poll_s)
        self.market = market
        self.faults = faults
        self.keys = set(keys)
        self._clock = clock
        self._tape = Tape(market, now=clock.now())
        self._rng = random.Random(seed)

    @property
    def cursor(self) -> int:
        """The market time up to which everything has been told."""
        return self._tape.cursor

    def is_key(self, challenge: str, answer: str) -> bool:
        return any(answer == answer_to(challenge, key) for key in self.keys)

    def expire_tokens(self) -> None:
        """Fault control: every key is withdrawn, and who used one is told so. `keys` takes new ones."""
        self.keys.clear()
        for session in tuple(self.clients):
            session.refuse(dbn.ErrorCode.API_KEY_DEACTIVATED, "The API key was deactivated")

    def hang_up(self) -> None:
        """Close every connection in good form, as the gateway's weekly restart does."""
        for session in tuple(self.clients):
            session.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> GatewaySession | None:
        return None if self.faults.refuses_connections else GatewaySession(reader, writer, self, rng=self._rng)

    def _turn(self, now: float) -> None:
        self.faults.advance(self)
        self._distribute()
        for session in tuple(self.clients):
            session.turn(now)

    def _distribute(self) -> None:
        wanted = sorted({symbol for session in self.clients for symbol in session.symbols})
        with_seconds = any(session.wants_seconds for session in self.clients)
        news = self._tape.read(wanted, self._clock.now(), with_seconds=with_seconds)
        for session in tuple(self.clients):
            session.tell(news)
