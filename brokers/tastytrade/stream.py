"""tastytrade's account streamer: connected for ever, told what happens, silent about nothing it missed.

It sends no initial state and repeats nothing after a reconnect: `StreamRestored` asks the reader to look for itself.
https://developer.tastytrade.com/streaming-account-data
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from brokers.venue import OrderRefused, StreamLost, StreamRestored, VenueSetup
from infra.backoff import Backoff
from infra.cancelling import cancel
from infra.websocket import BAD_ADDRESS, LINE_ERRORS, ClientConnection, abort, open_websocket

logger = logging.getLogger(__name__)

PRODUCTION = "wss://streamer.tastyworks.com"
_ACK_S = 10.0


class _Refused(Exception):
    """The streamer does not take the login."""


class AccountStream:
    """Messages of one account. `heartbeat_s` is how often we speak; a line that is silent for three of them is dead."""

    def __init__(self, setup: VenueSetup, account: str, *, heartbeat_s: float = 15.0) -> None:
        self._setup = setup
        self._account = account
        self._heartbeat_s = heartbeat_s
        self._requests = 0
        self._told: set[str] = set()  # kinds of message that were logged as unknown

    async def messages(self) -> AsyncIterator[StreamRestored | StreamLost | dict[str, Any]]:
        """Notifications as they come, between `StreamRestored` and `StreamLost`."""
        backoff = Backoff(base_s=0.3, cap_s=10.0)
        while True:
            connection: ClientConnection | None = None
            beating: asyncio.Task[None] | None = None
            reason = "the line broke"
            is_up = False
            try:
                token = await self._setup.access_token()  # without one the venue is not called at all
                connection = await open_websocket(self._setup.stream_url or PRODUCTION)
                await self._connect(connection, token)
                beating = asyncio.create_task(self._beat(connection))
                is_up = True
                yield StreamRestored()
                async for message in self._read(connection):
                    backoff.reset()
                    yield message
            except _Refused as error:
                reason = str(error)
            except OrderRefused as error:  # no token to be had: a person may be needed, and may come
                reason = error.detail
            except (*LINE_ERRORS, BAD_ADDRESS) as error:
                reason = f"the line broke ({error or type(error).__name__})"
            finally:
                if beating is not None:
                    await cancel(beating)
                if connection is not None:
                    abort(connection)
            if is_up or backoff.attempt == 0:
                yield StreamLost(reason)
            await asyncio.sleep(backoff.next_delay())

    async def _connect(self, connection: ClientConnection, token: str) -> None:
        """Say which account, and wait for the answer to that."""
        await self._say(connection, token, "connect", value=[self._account])
        async with asyncio.timeout(_ACK_S):
            while True:
                reply = _decode(await connection.recv())
                if reply.get("action") == "connect":
                    break
        if reply.get("status") != "ok":
            await self._setup.token_refused(token)
            raise _Refused(f"tastytrade's streamer does not take the login: {reply.get('message', '')}")

    async def _beat(self, connection: ClientConnection) -> None:
        """Speak regularly, each time with the token of the moment: the one we connected with lives 15 minutes."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                await self._say(connection, await self._setup.access_token(), "heartbeat")
            except OrderRefused as error:
                logger.warning("no token for the account stream's heartbeat: %s", error.detail)
            except LINE_ERRORS:
                return  # the reader sees it too

    async def _read(self, connection: ClientConnection) -> AsyncIterator[dict[str, Any]]:
        while True:
            async with asyncio.timeout(3 * self._heartbeat_s):
                raw = await connection.recv()
            for message in _each(_decode(raw)):
                if message.get("status") == "error":
                    raise _Refused(f"tastytrade's streamer says {message.get('message', '')!r}")
                if "type" in message:
                    yield message

    async def _say(self, connection: ClientConnection, token: str, action: str, **more: Any) -> None:
        self._requests += 1
        message = {"action": action, "auth-token": f"Bearer {token}", "request-id": self._requests, **more}
        await connection.send(msgspec.json.encode(message), text=True)


def _decode(raw: str | bytes) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise EOFError(f"a broken frame: {error}") from error
    return message if isinstance(message, dict) else {}


def _each(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Notifications may come alone or several in one frame."""
    results = message.get("results")
    if isinstance(results, list):
        yield from (each for each in results if isinstance(each, dict))
    else:
        yield message
