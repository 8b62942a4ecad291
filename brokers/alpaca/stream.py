"""Alpaca's account stream (`trade_updates`): connected for ever, told what happens to orders.

It repeats nothing after a reconnect: `StreamRestored` asks the reader to look for itself.
https://docs.alpaca.markets/docs/websocket-streaming
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

from brokers.alpaca.auth import Keys
from brokers.venue import StreamLost, StreamRestored
from infra.backoff import Backoff
from infra.cancelling import cancel
from infra.websocket import BAD_ADDRESS, LINE_ERRORS, ClientConnection, abort, open_websocket

logger = logging.getLogger(__name__)

_STREAM = "trade_updates"
_ANSWER_S = 10.0
_REFUSED_ATTEMPT = 6  # a key that is not accepted is tried again rarely


class _Refused(Exception):
    """The stream does not take the key."""


class AccountStream:
    """`heartbeat_s` is how often the line is asked whether it lives: an account may have nothing to tell for days."""

    def __init__(self, url: str, keys: Keys, *, heartbeat_s: float = 15.0) -> None:
        self._url = url
        self._keys = keys
        self._heartbeat_s = heartbeat_s

    async def messages(self) -> AsyncIterator[StreamRestored | StreamLost | dict[str, Any]]:
        """What `trade_updates` says, between `StreamRestored` and `StreamLost`."""
        backoff = Backoff(base_s=0.3, cap_s=30.0)
        while True:
            connection: ClientConnection | None = None
            beating: asyncio.Task[None] | None = None
            reason, is_up = "the line broke", False
            try:
                connection = await open_websocket(self._url)
                await self._log_in(connection)
                beating = asyncio.create_task(self._beat(connection))
                is_up = True
                yield StreamRestored()
                while True:
                    message = await _hear(connection)
                    backoff.reset()
                    if message.get("stream") == _STREAM:
                        yield message.get("data") or {}
            except _Refused as error:
                reason = str(error)
                backoff.attempt = max(backoff.attempt, _REFUSED_ATTEMPT)
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

    async def _log_in(self, connection: ClientConnection) -> None:
        """Say who we are and what we want to hear; both are answered."""
        login = {"key_id": self._keys.key, "secret_key": self._keys.secret}
        await _say(connection, {"action": "authenticate", "data": login})
        answer = await self._answer(connection, "authorization")
        if answer.get("status") != "authorized":
            raise _Refused("Alpaca's account stream does not accept the key")
        await _say(connection, {"action": "listen", "data": {"streams": [_STREAM]}})
        if _STREAM not in (await self._answer(connection, "listening")).get("streams", ()):
            raise _Refused("Alpaca's account stream does not tell of orders")

    async def _answer(self, connection: ClientConnection, stream: str) -> dict[str, Any]:
        async with asyncio.timeout(_ANSWER_S):
            while True:
                message = await _hear(connection)
                if message.get("stream") == stream:
                    return dict(message.get("data") or {})

    async def _beat(self, connection: ClientConnection) -> None:
        """A line that does not answer a ping is given up: the reader sees its end."""
        while True:
            await asyncio.sleep(self._heartbeat_s)
            with suppress(*LINE_ERRORS):
                async with asyncio.timeout(self._heartbeat_s):
                    await (await connection.ping())
                    continue
            abort(connection)
            return


async def _hear(connection: ClientConnection) -> dict[str, Any]:
    """The next message; practice accounts send their JSON in binary frames."""
    try:
        message = msgspec.json.decode(await connection.recv(decode=False))
    except msgspec.DecodeError as error:
        raise EOFError(f"a broken frame: {error}") from error
    return message if isinstance(message, dict) else {}


async def _say(connection: ClientConnection, message: dict[str, Any]) -> None:
    await connection.send(msgspec.json.encode(message), text=True)
