"""WebSocket connections to venues: opened with our options, closed at once when they are given up."""

from collections.abc import Mapping
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from infra.http import PRODUCT

# Everything that opening or using a connection may raise when the other side or the line is at fault.
LINE_ERRORS = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)
BAD_ADDRESS = InvalidURI

__all__ = ["BAD_ADDRESS", "LINE_ERRORS", "ClientConnection", "abort", "close", "open_websocket"]


async def open_websocket(
    url: str, *, open_timeout_s: float = 10.0, max_size: int = 1 << 24, headers: Mapping[str, str] | None = None
) -> ClientConnection:
    """An open connection. No compression (latency), no WebSocket pings: the venues' protocols have keepalives of
    their own, and a pong proves nothing about the data."""
    return await connect(
        url,
        compression=None,
        ping_interval=None,
        open_timeout=open_timeout_s,
        close_timeout=1.0,
        max_size=max_size,
        max_queue=64,
        user_agent_header=PRODUCT,
        proxy=None,
        additional_headers=dict(headers or {}),
    )


def abort(connection: ClientConnection) -> None:
    """Drop the connection now, without asking the other side: whoever waits on it gets `ConnectionClosed`."""
    connection.transport.abort()


async def close(connection: ClientConnection) -> None:
    """Say good-bye, and let go of the line whatever becomes of that.

    In early versions of Python 3.11 a time limit that ends in a task which is being cancelled is told as that
    cancellation, and `websockets` leaves a line open on which the other side does not answer.
    """
    try:
        with suppress(*LINE_ERRORS):
            await connection.close()
    finally:
        abort(connection)
