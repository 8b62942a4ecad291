"""One TCP connection to the live gateway: the challenge, lines of text up, bytes of DBN down; no meaning."""

import asyncio
import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress

from infra.http import PRODUCT
from marketdata.feeds.databento.options import DatabentoOptions
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.streaming.line import StreamLine

_CHUNK = 1 << 16
_BUCKET = 5  # characters of the key that tell the venue which key to check
_LIMIT_WAIT_S = 30.0  # for a session of ours that the venue has not given up yet


class GatewayLine(StreamLine):
    """Open after `open`; ends with `close`, or by itself when the line breaks or falls wholly silent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, dead_after_s: float) -> None:
        self.ended_because = ""
        self._reader = reader
        self._writer = writer
        self._dead_after_s = dead_after_s

    @classmethod
    async def log_in(cls, key: str, options: DatabentoOptions) -> "GatewayLine":
        """A connection on which subscriptions are taken."""
        host, port = options.address
        try:
            async with asyncio.timeout(options.answer_timeout_s):
                reader, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise FeedUnavailable(f"{host}:{port} cannot be reached: {error or type(error).__name__}") from error
        line = cls(reader, writer, dead_after_s=options.dead_after_s)
        try:
            await line._answer_challenge(key, options)
        except BaseException:
            await line.close()
            raise
        return line

    async def receive(self) -> tuple[bytes, int]:
        """The next bytes, records or parts of them, and when they came (UTC ns)."""
        try:
            async with asyncio.timeout(self._dead_after_s):
                data = await self._reader.read(_CHUNK)
        except TimeoutError as error:
            text = f"nothing at all was received for {self._dead_after_s:g} s, not even a heartbeat"
            raise FeedUnavailable(self.ended_because or text) from error
        except OSError as error:
            raise self._ended(error) from error
        if not data:
            raise FeedUnavailable(self.ended_because or "the gateway closed the connection")
        return data, time.time_ns()

    async def send(self, frames: Iterable[bytes]) -> None:
        try:
            self._writer.writelines(frames)
            await self._writer.drain()
        except OSError as error:
            raise self._ended(error) from error

    def give_up(self, reason: str) -> None:
        """Drop the line at once: `receive` ends with `reason`."""
        self.ended_because = self.ended_because or reason
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    # ---- inside -----------------------------------------------------------------------------------------------

    async def _answer_challenge(self, key: str, options: DatabentoOptions) -> None:
        """https://databento.com/docs/api-reference-live/basics/authentication"""
        timeout_s = options.answer_timeout_s
        challenge = ""
        while not challenge:
            challenge = (await self._read_line("a challenge", timeout_s)).get("cram", "")
        digest = hashlib.sha256(f"{challenge}|{key}".encode()).hexdigest()
        said = {
            "auth": f"{digest}-{key[-_BUCKET:]}",
            "dataset": options.dataset,
            "encoding": "dbn",
            "ts_out": "0",
            "compression": "none",
            "heartbeat_interval_s": str(options.heartbeat_s),
            "slow_reader_behavior": options.slow_reader,
            "client": PRODUCT,
        }
        await self.send([line_of(said)])
        answer = await self._read_line("the answer to our login", timeout_s)
        if answer.get("success") != "1":
            raise _refusal(answer.get("error", "no reason"), options.dataset)

    async def _read_line(self, what: str, timeout_s: float) -> dict[str, str]:
        try:
            async with asyncio.timeout(timeout_s):
                raw = await self._reader.readline()
        except TimeoutError as error:
            raise FeedUnavailable(f"the gateway did not send {what} within {timeout_s:g} s") from error
        except OSError as error:
            raise self._ended(error) from error
        except ValueError as error:  # longer than any line of the protocol
            raise FeedProtocolError(f"{what} was expected, found a line without an end") from error
        if not raw.endswith(b"\n"):
            raise FeedUnavailable(f"the gateway hung up instead of sending {what}")
        parts = (part.partition("=") for part in raw.decode("utf-8", "replace").strip().split("|"))
        return {name: value for name, _, value in parts}


def line_of(said: dict[str, str]) -> bytes:
    """One request of the protocol."""
    return "|".join(f"{name}={value}" for name, value in said.items()).encode() + b"\n"


def _refusal(why: str, dataset: str) -> Exception:
    if "limit" in why.lower():
        return FeedUnavailable(f"the gateway takes no more connections of ours: {why}", retry_after_s=_LIMIT_WAIT_S)
    return FeedUnauthorized(f"the gateway refuses our login to {dataset}: {why} (check the API key and the licence)")
