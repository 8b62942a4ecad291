"""A tap on the line between a client and a server: what is said passes through, byte by byte, and is kept."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import msgspec

from infra.cancelling import cancel
from tests.waiting import DEADLINE_S


class Frame(NamedTuple):
    """One HTTP request as it went over the line, and what `look` saw when its last byte passed."""

    method: str
    path: str
    body: Any
    seen: Any


class WireTap:
    """Listens on `port` of the loopback and passes everything on to `target`."""

    def __init__(self, target: int, *, look: Callable[[], Any]) -> None:
        self.port = 0
        self.frames: list[Frame] = []
        self._target = target
        self._look = look
        self._lines: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def said(self, *methods: str) -> list[Frame]:
        return [frame for frame in self.frames if frame.method in methods]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        self._writers.add(writer)
        there, away = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.create_task(_pass_on(there, writer))
        heard = bytearray()
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                heard += data
                self._note(heard)
                away.write(data)
        await cancel(back)
        for each in (writer, away):
            each.close()
        self._lines.discard(task)
        self._writers.discard(writer)

    async def close(self) -> None:
        for writer in list(self._writers):
            writer.close()
        if self._lines:
            await asyncio.wait(self._lines, timeout=DEADLINE_S)

    def _note(self, heard: bytearray) -> None:
        """Take whole requests out of what was heard so far."""
        while (end := heard.find(b"\r\n\r\n")) >= 0:
            first, *lines = heard[:end].decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(heard) < end + 4 + length:
                return
            body = bytes(heard[end + 4 : end + 4 + length])
            del heard[: end + 4 + length]
            method, path, _ = first.split(" ")
            self.frames.append(Frame(method, path, msgspec.json.decode(body) if body else None, self._look()))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def tapped(target: int, *, look: Callable[[], Any]) -> AsyncIterator[WireTap]:
    """A tap before the server at port `target`; `look` is called at each request."""
    tap = WireTap(target, look=look)
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    tap.port = int(server.sockets[0].getsockname()[1])
    try:
        yield tap
    finally:
        server.close()
        await tap.close()
