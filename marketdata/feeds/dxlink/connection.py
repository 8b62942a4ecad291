"""One DXLink connection: the handshake, the channels, the keepalive; no meaning, no second try."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from infra.websocket import BAD_ADDRESS, LINE_ERRORS, ClientConnection, abort, close, open_websocket
from marketdata.feeds.dxlink import messages
from marketdata.feeds.dxlink.messages import Channel, Received
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable

logger = logging.getLogger(__name__)

_MAX_REFUSALS = 1  # UNAUTHORIZED comes once, meaning "say who you are"; again it means no


class DXLinkConnection:
    """Open after `open`, with its channels set up; ends with `close`, or by itself when the line breaks."""

    def __init__(self, socket: ClientConnection, *, keepalive_s: float) -> None:
        self.frames = 0
        self.last_frame_at = time.monotonic()
        self.ended_because = ""
        self._socket = socket
        self._keepalive_s = keepalive_s
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        token: str,
        channels: Sequence[Channel],
        *,
        data_format: str = "COMPACT",
        keepalive_s: float = 60.0,
        timeout_s: float = 10.0,
    ) -> "DXLinkConnection":
        """Connect, prove who we are, open `channels`."""
        try:
            socket = await open_websocket(url, open_timeout_s=timeout_s)
        except BAD_ADDRESS as error:
            raise FeedProtocolError(f"the venue named {url!r}, which is no WebSocket address") from error
        except LINE_ERRORS as error:
            raise FeedUnavailable(f"{url} cannot be reached: {error or type(error).__name__}") from error
        connection = cls(socket, keepalive_s=keepalive_s)
        try:
            await connection._shake_hands(token, channels, data_format, timeout_s)
        except BaseException:
            await connection.close()
            raise
        connection._keeper = asyncio.create_task(connection._keep_alive())
        return connection

    async def receive(self) -> tuple[Received | None, int]:
        """The next message and when it came (UTC ns); None for a frame that cannot be read."""
        try:
            frame = await self._socket.recv(decode=False)
        except LINE_ERRORS as error:
            raise FeedUnavailable(
                self.ended_because or f"the connection ended: {error or type(error).__name__}"
            ) from error
        received_at = time.time_ns()
        self.frames += 1
        self.last_frame_at = time.monotonic()
        try:
            return messages.decoder.decode(frame), received_at
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            logger.warning("dxlink: a frame of %d bytes cannot be read: %s", len(frame), error)
            return None, received_at

    async def send(self, frames: Iterable[bytes]) -> None:
        """Send prepared messages."""
        try:
            for frame in frames:
                await self._socket.send(frame, text=True)
        except LINE_ERRORS as error:
            raise FeedUnavailable(
                self.ended_because or f"the connection ended: {error or type(error).__name__}"
            ) from error

    def give_up(self, reason: str) -> None:
        """Drop the line at once: `receive` ends with `reason`."""
        self.ended_because = reason
        abort(self._socket)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await close(self._socket)

    # ---- inside -------------------------------------------------------------------------------------------

    async def _shake_hands(self, token: str, channels: Sequence[Channel], data_format: str, timeout_s: float) -> None:
        await self.send([messages.setup(self._keepalive_s)])
        answer = await self._expect("SETUP", timeout_s)
        self._keepalive_s = min(self._keepalive_s, answer.keepalive_timeout or self._keepalive_s)
        await self._authorize(token, timeout_s)
        for channel in channels:
            await self.send([messages.channel_request(channel)])
            await self._expect("CHANNEL_OPENED", timeout_s, channel=channel.id)
            await self.send([messages.feed_setup(channel, data_format)])

    async def _authorize(self, token: str, timeout_s: float) -> None:
        refusals = 0
        while (await self._expect("AUTH_STATE", timeout_s)).state != "AUTHORIZED":
            refusals += 1
            if refusals > _MAX_REFUSALS:
                raise FeedUnauthorized("the DXLink server refuses the quote token")
            await self.send([messages.auth(token)])

    async def _expect(self, kind: str, timeout_s: float, *, channel: int = 0) -> Received:
        """The next message of `kind` on `channel`; keepalives and configuration in between are passed over."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    message, _ = await self.receive()
                    if message is None:
                        raise FeedProtocolError(f"{kind} was expected, found a frame that cannot be read")
                    if message.type == "ERROR":
                        raise _refusal(message)
                    if message.type == kind and message.channel == channel:
                        return message
        except TimeoutError as error:
            raise FeedUnavailable(f"the DXLink server did not answer with {kind} within {timeout_s:g} s") from error

    async def _keep_alive(self) -> None:
        """Say something well before the server hangs up on silence."""
        while True:
            await asyncio.sleep(min(30.0, self._keepalive_s / 2))
            try:
                await self.send([messages.KEEPALIVE])
            except FeedUnavailable:
                return  # whoever receives is told


def _refusal(message: Received) -> Exception:
    text = f"the DXLink server says {message.error}: {message.message}"
    return FeedUnauthorized(text) if message.error == "UNAUTHORIZED" else FeedProtocolError(text)
