"""One program's connection to the gateway: handshake, then its messages one by one."""

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.ibkr.messages import error
from simulators.ibkr.wire import SERVER_VERSION, Ask, BrokenFrame, Tell, frame, read_fields, read_greeting, stamp

if TYPE_CHECKING:
    from simulators.ibkr.gateway import Gateway

MAX_PER_SECOND = 50
_STRIKES = 3  # so often a program may be too fast
_FARMS = ((2104, "Market data farm connection is OK:usfarm"), (2158, "Sec-def data farm connection is OK:secdefil"))
_log = logging.getLogger(__name__)


class Session:
    """`client_id` is −1 until the program said who it is."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gateway: "Gateway") -> None:
        self.client_id = -1
        self.wants_positions = False
        self.wants_account = ""  # whose values and portfolio it follows
        self._reader = reader
        self._writer = writer
        self._gateway = gateway
        self._heard: deque[float] = deque()
        self._strikes = 0
        self._is_deaf = False
        self._held: dict[int, tuple[float, list[bytes]]] = {}  # order → when it may hear of it again, and what

    async def run(self) -> None:
        """Until one side ends it."""
        try:
            await self._greet()
            while True:
                self._hear(await read_fields(self._reader))
                await self._writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            _log.info("client %s is gone", self.client_id)
        except (BrokenFrame, ValueError, IndexError) as broken:
            _log.info("client %s does not speak this protocol: %s", self.client_id, broken)
        finally:
            self.abort()

    async def _greet(self) -> None:
        lowest, highest = await read_greeting(self._reader)
        if not lowest <= SERVER_VERSION <= highest:
            raise BrokenFrame(f"a program of version {SERVER_VERSION} was expected, found {lowest} to {highest}")
        self.say(frame(SERVER_VERSION, stamp(self._gateway.now)))
        fields = await read_fields(self._reader)
        if int(fields[0]) != Ask.START:
            raise BrokenFrame(f"startApi was expected, found {fields[0]}")
        await self._start(int(fields[2]))

    async def _start(self, client_id: int) -> None:
        if self._gateway.is_taken(client_id):
            said = "Unable to connect as the client id is already in use. Retry with a unique client id."
            self.say(error(-1, 326, said))
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()
            self._writer.close()
            raise ConnectionError("client id in use")
        self.client_id = client_id
        self._gateway.answers.start(self)
        for code, text in _FARMS:
            self.say(error(-1, code, text))

    def _hear(self, fields: list[str]) -> None:
        if self._is_too_fast():
            self._strikes += 1
            self.say(error(-1, 100, f"Max rate of messages per second has been exceeded:max={MAX_PER_SECOND}"))
            if self._strikes >= _STRIKES:
                self.abort()
            return
        self._gateway.answers.answer(self, fields)

    def _is_too_fast(self) -> bool:
        now = time.monotonic()
        while self._heard and now - self._heard[0] > 1.0:
            self._heard.popleft()
        self._heard.append(now)
        return len(self._heard) > MAX_PER_SECOND

    # ---- telling -----------------------------------------------------------------------------------------------

    def say(self, *frames: bytes) -> None:
        if not self._is_deaf and not self._gateway.faults.drops_line and not self._writer.is_closing():
            self._writer.writelines(frames)

    def say_about(self, order_id: int, *frames: bytes) -> None:
        """Tell of an order, where its news are not kept back."""
        if order_id in self._held:
            self._held[order_id][1].extend(frames)
        else:
            self.say(*frames)

    def hold_back(self, order_id: int, delay_s: float = math.inf) -> None:
        """News of this order come later; never, where no time is given. Questions are answered."""
        self._held[order_id] = (time.monotonic() + delay_s, [])

    def turn(self) -> None:
        """Let go of what is due."""
        now = time.monotonic()
        for order_id in [name for name, (due, _) in self._held.items() if due <= now]:
            self.say(*self._held.pop(order_id)[1])

    def break_after(self, work: Callable[[], None]) -> None:
        """Do it, and break the line before the program hears of it."""
        self._is_deaf = True
        work()
        self.abort()

    def abort(self) -> None:
        """Break off without a good-bye."""
        self._is_deaf = True
        self._writer.transport.abort()

    def tell_ids(self, accounts: list[str], next_id: int) -> None:
        self.say(frame(Tell.MANAGED_ACCOUNTS, 1, ",".join(accounts)), frame(Tell.NEXT_ID, 1, next_id))
