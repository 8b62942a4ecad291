"""A Redis connection for streams only: prepared requests out, raw replies in, nothing in between."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis import exceptions

from infra.redis.client import AsyncRedis

START = "0-0"  # the id before every entry


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


class Wire:
    """One connection of its own, next to a client's pool: with the pool's address, password and TLS.

    The client's own request path costs several times what the reply does; feeds and traders send prepared bytes
    instead. Every failure closes the connection, the next request opens it again: a reply can never be taken for the
    answer to another request. One task at a time may use it.
    """

    def __init__(self, client: AsyncRedis, *, timeout_s: float = 5.0) -> None:
        pool = client.connection_pool
        options = {**pool.connection_kwargs, "socket_timeout": None, "health_check_interval": 0}
        self._connection = pool.connection_class(**options)
        self._timeout_s = timeout_s

    async def send(self, requests: Sequence[bytes], *, extra_s: float = 0.0) -> list[Any]:
        """The replies to `requests`, in order, as bytes; a reply that is an error is returned as a `ResponseError`.
        `extra_s` is how long Redis itself may block on top of the timeout."""
        try:
            async with asyncio.timeout(self._timeout_s + extra_s):
                await self._connection.send_packed_command(requests, check_health=False)
                return [await self._reply() for _ in requests]
        except TimeoutError as error:
            await self._connection.disconnect(nowait=True)
            raise exceptions.TimeoutError(f"Redis did not answer within {self._timeout_s + extra_s:.1f} s") from error
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    async def call(self, *args: str | bytes | int | float, extra_s: float = 0.0) -> Any:
        """One request and its reply, as bytes; raises if the reply is an error."""
        (reply,) = await self.send([pack(*args)], extra_s=extra_s)
        if isinstance(reply, exceptions.ResponseError):
            raise reply
        return reply

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)

    async def _reply(self) -> Any:
        try:
            return await self._connection.read_response(disable_decoding=True, timeout=float("inf"))
        except exceptions.ResponseError as error:
            return error
