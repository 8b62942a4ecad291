"""Lines to venues are let go of."""

import asyncio
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve

from infra.websocket import close, open_websocket


async def test_a_line_whose_other_side_does_not_answer_is_let_go_of_in_a_task_that_is_cancelled():
    """The case in which Python 3.11.2 and `websockets` together left it open."""
    deaf: list[ServerConnection] = []

    async def ignore(socket: ServerConnection) -> None:
        deaf.append(socket)
        socket.transport.pause_reading()
        await socket.wait_closed()

    async with serve(ignore, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connection = await open_websocket(f"ws://127.0.0.1:{port}")

        async def listen() -> None:
            try:
                await connection.recv()
            finally:
                await close(connection)

        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        is_let_go_of = connection.transport.is_closing()
        for socket in deaf:
            socket.transport.abort()
    assert is_let_go_of
