"""A Redis connection for streams only: prepared requests out, raw replies in, nothing in between."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis import exceptions

from infra.redis.client import AsyncRedis

START = "0-0"  # the id before every entry
_READ_SIZE = 1 << 18


def pack(*args: str | bytes | int | float) -> bytes:
    """One request in Redis' wire format, for `Wire.send`."""
    request: bytes = hiredis.pack_command(cast("Any", args))  # its stub knows tuples of length one only
    return request


def entry_fields(raw: list[bytes]) -> tuple[bytes, int]:
    """(JSON of the event, the stream's own counter) of one entry's fields `e` and `n`, in whatever order."""
    if len(raw) == 4 and raw[0] == b"e" and raw[2] == b"n":
        return raw[1], int(raw[3])
    named = dict(zip(raw[::2], raw[1::2], strict=True))
    if b"e" not in named:
        raise exceptions.DataError(f"a stream entry with the field e was expected, found {sorted(named)}")
    return named[b"e"], int(named.get(b"n", b"0"))


_MULTI = pack("MULTI")
_EXEC = pack("EXEC")


class Wire:
    """One connection of its own, next to a client's pool: with the pool's address, password and TLS.

    The client's own request path costs several times what the reply does; feeds and traders send prepared bytes and
    parse replies in bulk. Every failure closes the connection, the next request opens it again: a reply can never be
    taken for the answer to another request. One task at a time may use it.
    """

    def __init__(self, client: AsyncRedis, *, timeout_s: float = 5.0) -> None:
        pool = client.connection_pool
        options = {**pool.connection_kwargs, "socket_timeout": None, "health_check_interval": 0}
        self._connection = pool.connection_class(**options)
        self._timeout_s = timeout_s
        self._parser = hiredis.Reader()

    async def send(self, requests: Sequence[bytes], *, extra_s: float = 0.0) -> list[Any]:
        """The replies to `requests`, in order, as bytes; a reply that is an error is returned as a `ResponseError`.
        `extra_s` is how long Redis itself may block on top of the timeout."""
        try:
            async with asyncio.timeout(self._timeout_s + extra_s):
                return await self._exchange(requests)
        except TimeoutError as error:
            await self.close()
            raise exceptions.TimeoutError(f"Redis did not answer within {self._timeout_s + extra_s:.1f} s") from error
        except BaseException:
            await self.close()
            raise

    async def call(self, *args: str | bytes | int | float, extra_s: float = 0.0) -> Any:
        """One request and its reply, as bytes; raises if the reply is an error."""
        (reply,) = await self.send([pack(*args)], extra_s=extra_s)
        if isinstance(reply, exceptions.ResponseError):
            raise reply
        return reply

    async def transact(self, requests: Sequence[bytes]) -> list[Any]:
        """All of `requests` at once or none (MULTI … EXEC); their replies. Raises the first error."""
        replies = await self.send([_MULTI, *requests, _EXEC])
        for reply in (*replies[:-1], *(replies[-1] if isinstance(replies[-1], list) else replies[-1:])):
            if isinstance(reply, exceptions.ResponseError):
                raise reply
        results: list[Any] = replies[-1]
        return results

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, requests: Sequence[bytes]) -> list[Any]:
        if not self._connection.is_connected:
            self._parser = hiredis.Reader(replyError=_error)
            await cast("Any", self._connection).connect()
        reader, writer = cast("Any", self._connection._reader), cast("Any", self._connection._writer)
        writer.write(b"".join(requests))
        await writer.drain()
        replies: list[Any] = []
        while len(replies) < len(requests):
            reply = self._parser.gets()
            if isinstance(reply, exceptions.BusyLoadingError):
                raise reply
            if reply is not False:
                replies.append(reply)
                continue
            data = await reader.read(_READ_SIZE)
            if not data:
                raise exceptions.ConnectionError("Redis closed the connection")
            self._parser.feed(data)
        return replies


def _error(text: str) -> Exception:
    """What an error reply means: a server that is still loading its data counts as away."""
    if text.startswith("LOADING"):
        return exceptions.BusyLoadingError(text)
    return exceptions.ResponseError(text)
