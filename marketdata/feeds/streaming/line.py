"""One WebSocket to a venue of market data: opened, read, written, given up; no meaning, no second try."""

import asyncio
import time
from collections.abc import Iterable, Mapping

from websockets.exceptions import InvalidStatus

from infra.websocket import BAD_ADDRESS, LINE_ERRORS, ClientConnection, abort, close, open_websocket
from marketdata.feeds.errors import FeedProtocolError, FeedUnauthorized, FeedUnavailable


class StreamLine:
    """Open after `open`; ends with `close`, or by itself when the line breaks. `is_text`: what is sent is text."""

    def __init__(self, socket: ClientConnection, *, is_text: bool = True) -> None:
        self.ended_because = ""
        self._socket = socket
        self._is_text = is_text

    @classmethod
    async def open(
        cls, url: str, *, timeout_s: float, is_text: bool = True, headers: Mapping[str, str] | None = None
    ) -> "StreamLine":
        """`FeedUnavailable` where nobody answers, with the pause that the venue asks for."""
        try:
            socket = await open_websocket(url, open_timeout_s=timeout_s, headers=headers)
        except BAD_ADDRESS as error:
            raise FeedProtocolError(f"{url!r} is no WebSocket address") from error
        except InvalidStatus as error:
            raise _refusal(url, error) from error
        except LINE_ERRORS as error:
            raise FeedUnavailable(f"{url} cannot be reached: {error or type(error).__name__}") from error
        return cls(socket, is_text=is_text)

    async def receive(self) -> tuple[bytes, int]:
        """The next frame and when it came (UTC ns)."""
        try:
            frame = await self._socket.recv(decode=False)
        except LINE_ERRORS as error:
            raise self._ended(error) from error
        return frame, time.time_ns()

    async def answer(self, what: str, *, timeout_s: float) -> bytes:
        """The next frame, which must come soon: it is `what` we wait for."""
        try:
            async with asyncio.timeout(timeout_s):
                return (await self.receive())[0]
        except TimeoutError as error:
            raise FeedUnavailable(f"the venue did not answer with {what} within {timeout_s:g} s") from error

    async def send(self, frames: Iterable[bytes]) -> None:
        try:
            for frame in frames:
                await self._socket.send(frame, text=self._is_text)
        except LINE_ERRORS as error:
            raise self._ended(error) from error

    def give_up(self, reason: str) -> None:
        """Drop the line at once: `receive` ends with `reason`."""
        self.ended_because = self.ended_because or reason
        abort(self._socket)

    async def close(self) -> None:
        await close(self._socket)

    def _ended(self, error: Exception) -> FeedUnavailable:
        return FeedUnavailable(self.ended_because or f"the connection ended: {error or type(error).__name__}")


def _refusal(url: str, error: InvalidStatus) -> Exception:
    status = error.response.status_code
    if status in (401, 403):
        return FeedUnauthorized(f"{url} refuses our login (HTTP {status}): check the key")
    wait = error.response.headers.get("Retry-After", "")
    return FeedUnavailable(
        f"{url} refuses the connection (HTTP {status})", retry_after_s=float(wait) if wait.isdigit() else 0.0
    )
