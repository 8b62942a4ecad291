"""The gateway's socket protocol, read and written by ib_async, over a connection and with a pace of our own.

Why not the whole of ib_async: see docs/adr/0060-ib-async-for-the-wire-only.md.
"""

# mypy: allow-untyped-calls
# (ib_async leaves its client untyped)

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ib_async.client import Client
from ib_async.decoder import Decoder

# ib_async calls every end of a connection an error, also one that we asked for; ours are told with their reason.
_unheard = logging.getLogger(f"{__name__}.ib_async")
_unheard.setLevel(logging.CRITICAL)

# The gateway takes 50 messages in a second, by its own clock, and hangs up on who sends more: what leaves within two of
# our seconds may reach it within one.
PER_SECOND, SECOND = 24, 1.0
_URGENT = ("3\0", "4\0", "58\0")  # orders, cancels, and the cancel of everything
_KINDS: dict[type, Callable[[str], Any]] = {
    int: lambda text: int(text or 0),
    float: lambda text: float(text or 0),
    bool: lambda text: bool(int(text or 0)),
    str: str,
}


class Hearer(Protocol):
    """Who is told; beside these it has a method for every message it wants, by ib_async's name for it."""

    def connectAck(self) -> None: ...

    def setEventsDone(self) -> None:
        """The connection is over."""

    def connectionClosed(self) -> None: ...

    def garbled(self, message: Sequence[str], error: Exception) -> None:
        """A message that could not be read."""


class Letter:
    """One message on its way out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sent = asyncio.Event()
        self.is_withdrawn = False

    def withdraw(self) -> bool:
        """Take it back; False where it is out already."""
        self.is_withdrawn = not self.sent.is_set()
        return self.is_withdrawn


class Outbox:
    """Sends at most `PER_SECOND` messages in a second: orders and cancels first, questions after them."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._urgent: deque[Letter] = deque()
        self._other: deque[Letter] = deque()
        self._sent_at: deque[float] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def post(self, text: str) -> Letter:
        """Sent at once where the pace allows."""
        letter = Letter(text)
        (self._urgent if text.startswith(_URGENT) else self._other).append(letter)
        self._send_due()
        return letter

    def clear(self) -> None:
        """What waits is not sent any more."""
        for waiting in (self._urgent, self._other):
            waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._sent_at and loop.time() - self._sent_at[0] > SECOND:
            self._sent_at.popleft()
        while len(self._sent_at) < PER_SECOND and (waiting := self._urgent or self._other):
            letter = waiting.popleft()
            if not letter.is_withdrawn:
                letter.sent.set()
                self._sent_at.append(loop.time())
                self._write(letter.text)
        if (self._urgent or self._other) and self._timer is None:
            self._timer = loop.call_at(self._sent_at[0] + SECOND + 0.001, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._send_due()


class StrictDecoder(Decoder):
    """ib_async's, which logs what it cannot read and goes on: here the reader is told, because a list that lacks an
    order is no list."""

    def __init__(self, hearer: Any) -> None:
        super().__init__(hearer, 0)
        self._hearer = hearer

    def wrap(self, methodName: str, types: Sequence[type], skip: int = 2) -> Callable[[Sequence[str]], None]:
        def handle(fields: Sequence[str]) -> None:
            method = getattr(self._hearer, methodName, None)
            if method is not None:
                method(*(_KINDS[kind](text) for kind, text in zip(types, fields[skip:], strict=False)))

        return handle

    def execDetails(self, fields: Sequence[str]) -> None:
        """The time of an execution in the one spelling that ib_async reads with its zone."""
        at = 15
        super().execDetails([*fields[:at], zoned(fields[at]), *fields[at + 1 :]])

    def interpret(self, fields: Sequence[str]) -> None:
        try:
            handler = self.handlers.get(int(fields[0]))
            if handler is not None:
                handler(fields)
        except Exception as error:  # noqa: BLE001  whatever it was: the reader must know that it lacks something
            self._hearer.garbled(fields, error)


def zoned(text: str) -> str:
    """ "20261120-15:00:00", which is UTC, and "20261120-10:00:00 US/Eastern" as "day time zone"; others unchanged."""
    moment, _, zone = text.partition(" ")
    day, dash, time = moment.partition("-")
    return f"{day} {time} {zone or 'UTC'}" if dash else text


class Codec(Client):
    """One connection. `dial` it once; when it is over, make another."""

    def __init__(self, hearer: Hearer) -> None:
        self.outbox = Outbox(self._write)
        self.last: Letter | None = None
        super().__init__(hearer)
        self._logger = _unheard
        self.decoder = StrictDecoder(hearer)

    async def dial(self, host: str, port: int, client_id: int) -> None:
        """Connect and greet; the answer comes to the hearer."""
        self.host, self.port, self.clientId = host, port, client_id
        self.connState = Client.CONNECTING
        loop = asyncio.get_running_loop()
        self.conn.transport, _ = await loop.create_connection(lambda: self.conn, host, port)
        versions = b"v%d..%d" % (self.MinClientVersion, self.MaxClientVersion)
        self.conn.sendMsg(b"API\0" + self._prefix(versions))

    def sendMsg(self, msg: str) -> None:
        self.last = self.outbox.post(msg)

    def abort(self) -> None:
        """Break off; nothing that waits is sent any more."""
        self.outbox.clear()
        if self.conn.transport is not None:
            self.conn.transport.abort()

    def _write(self, text: str) -> None:
        self.conn.sendMsg(self._prefix(text.encode()))
