"""A simulator's socket: who is connected to it, and a turn every few milliseconds in which everything moves on."""

import asyncio
from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response


class Connected(Protocol):
    """One connection: `run` lasts as long as it does, `abort` breaks it off without a good-bye."""

    async def run(self) -> None: ...
    def abort(self) -> None: ...


C = TypeVar("C", bound=Connected)


class Listener(ABC, Generic[C]):
    """`poll_s` is how often it takes a turn."""

    def __init__(self, *, poll_s: float) -> None:
        self.attempts = 0  # connections asked for, admitted or not
        self.clients: set[C] = set()
        self._poll_s = poll_s
        self._server: asyncio.Server | Server | None = None
        self._loop_task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _listen(self, host: str, port: int) -> asyncio.Server | Server: ...

    @abstractmethod
    def _turn(self, now: float) -> None:
        """Move on; `now` is the event loop's, in seconds."""

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await self._listen(host, port)
        self._loop_task = asyncio.create_task(self._run())
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def close(self) -> None:
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            self._say_goodbye()
            await self._server.wait_closed()

    def cut_connections(self) -> None:
        """Fault control: every connection breaks."""
        for client in tuple(self.clients):
            client.abort()

    def _say_goodbye(self) -> None:
        """To who is connected, where the server does not do it by itself."""
        return

    async def _keep(self, client: C) -> None:
        self.clients.add(client)
        try:
            await client.run()
        finally:
            self.clients.discard(client)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            now = loop.time()
            self._turn(now)
            due = max(due + self._poll_s, now)
            await asyncio.sleep(max(due - loop.time(), 0.0))


class SocketListener(Listener[C]):
    """Of bare TCP connections."""

    @abstractmethod
    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> C | None:
        """The connection as the simulator keeps it; None where it is hung up on."""

    async def _listen(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._serve, host, port)

    def _say_goodbye(self) -> None:
        self.cut_connections()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        client = self._accept(reader, writer)
        if client is None:
            writer.transport.abort()
        else:
            await self._keep(client)


class WebSocketListener(Listener[C]):
    """Of WebSockets: not compressed and without pings, as the venues' own. `options` are those of `websockets`."""

    options: dict[str, Any] = {}

    @abstractmethod
    def _accept(self, socket: ServerConnection) -> C | None:
        """The connection as the simulator keeps it; None where there is no such stream."""

    @abstractmethod
    def _is_down(self) -> bool:
        """Whether nobody gets in."""

    async def _listen(self, host: str, port: int) -> Server:
        return await serve(
            self._serve, host, port, process_request=self._admit, compression=None, ping_interval=None,
            close_timeout=1.0, **self.options,
        )  # fmt: skip

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The line is down.\n") if self._is_down() else None

    async def _serve(self, socket: ServerConnection) -> None:
        client = self._accept(socket)
        if client is None:
            await socket.close(1008, "There is no such stream here.")
        else:
            await self._keep(client)
