"""The way to IB Gateway: one connection for everything of an account, made anew whenever it breaks."""

import asyncio
import contextlib
import logging
import time
from typing import Protocol

from brokers.clock import VenueClock
from brokers.ibkr.auth import GatewayAddress
from brokers.ibkr.line import Line, Watcher
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, VenueUnreachable
from engine.errors import FortifiedError
from infra.backoff import Backoff
from infra.cancelling import cancel

logger = logging.getLogger(__name__)

_PROVEN_S = 10.0  # a line that lived so long was a good one


class LineWatcher(Watcher, Protocol):
    """Who hears what happens to orders, and to the connection itself."""

    def restored(self) -> None: ...
    def lost(self, reason: str) -> None: ...


class Client:
    """`account` may be empty where the gateway has one only. `heartbeat_s` is how often a silent line is tried."""

    def __init__(
        self, address: GatewayAddress, account: str, watcher: LineWatcher, *, timeout_s: float, heartbeat_s: float
    ) -> None:
        self.account = account
        self.clock = VenueClock()
        self._address = address
        self._watcher = watcher
        self._timeout_s = timeout_s
        self._heartbeat_s = heartbeat_s
        self._line: Line | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._is_up = asyncio.Event()

    async def open(self) -> None:
        """Connect, and keep connected from now on."""
        if self._keeping is not None:
            await self.line_soon()
            return
        self._line = await self._connect()
        self._is_up.set()
        self.keep()

    def keep(self) -> None:
        """Connect again whenever the line breaks, until `close`."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name=f"ib gateway {self._address}")

    async def close(self) -> None:
        if self._keeping is not None:
            await cancel(self._keeping)
        if self._line is not None:
            self._line.give_up("we closed it")

    def line(self) -> Line:
        """The connection; `OrderRefused` where there is none, or nothing behind it: then nothing
        was said."""
        line = self._line
        if line is None or not line.is_up:
            raise VenueUnreachable(f"IB Gateway at {self._address} is not connected")
        if line.upstream:
            raise VenueUnreachable(f"IB Gateway does not reach Interactive Brokers: {line.upstream}")
        return line

    async def line_soon(self) -> Line:
        """Likewise for an instruction, which may wait a little for a line that is being made anew."""
        if self._line is not None and not self._line.is_up:
            self._is_up.clear()  # it broke a moment ago, and nobody took notice yet
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s / 2):
                await self._is_up.wait()
        return self.line()

    async def _connect(self) -> Line:
        """`NotAuthorized` where the account is not the gateway's."""
        line = Line(self._address, self.account, self._watcher, timeout_s=self._timeout_s, clock=self.clock)
        try:
            accounts = await line.open()
            if not self.account and len(accounts) == 1:
                self.account = line.account = accounts[0]
            if self.account not in accounts:
                known = ", ".join(accounts)
                text = f"account_number: one of {known} was expected at this gateway, found {self.account!r}"
                raise NotAuthorized(text, field="account_number")
            await line.beat()
        except OSError as error:
            line.give_up(str(error))
            raise VenueUnreachable(f"IB Gateway at {self._address} cannot be reached ({error})") from error
        except (FortifiedError, asyncio.CancelledError):
            line.give_up("it was not taken up")
            raise
        return line

    async def _keep(self) -> None:
        backoff = Backoff(base_s=0.3, cap_s=10.0)
        while True:
            if self._line is None:
                try:
                    self._line = await self._connect()
                except (OrderRefused, OutcomeUnknown) as error:
                    self._watcher.lost(error.detail)
                    await asyncio.sleep(backoff.next_delay())
                    continue
            self._is_up.set()
            began = time.monotonic()
            if not self._line.upstream:
                self._watcher.restored()
            reason = await self._watch(self._line)
            self._is_up.clear()
            self._line = None
            self._watcher.lost(reason)
            if time.monotonic() - began > _PROVEN_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_delay())

    async def _watch(self, line: Line) -> str:
        """Why it broke, as soon as it did. The clock is read with each heartbeat."""
        while line.is_up:
            await asyncio.wait({line.broken}, timeout=self._heartbeat_s)
            if line.is_up:
                try:
                    await line.beat()
                except (OutcomeUnknown, OrderRefused) as error:
                    line.give_up(error.detail)
        return line.broken.result()
