"""A very small HTTP/1.1 server for simulated REST calls: JSON in, JSON out, connections kept alive."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from engine.errors import FortifiedError

_MAX_BODY = 1 << 20
_log = logging.getLogger(__name__)


class HttpRequest(msgspec.Struct, frozen=True):
    """Header names are lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class HttpResponse(msgspec.Struct, frozen=True):
    """`document` is sent as JSON, bytes as they are; None sends no body. `delay_s` passes before the answer;
    `is_dropped` breaks the connection instead of one."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = {}
    delay_s: float = 0.0
    is_dropped: bool = False


Handler = Callable[[HttpRequest], HttpResponse]


class HttpServer:
    """`handler` answers every request; what it raises of ours becomes a 400, anything else a 500."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> int:
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await _read_request(reader)) is not None:
                response = self._answer(request)
                if response.delay_s:
                    await asyncio.sleep(response.delay_s)
                if response.is_dropped:
                    break
                writer.write(_encode(response))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            _log.debug("HTTP connection ended: %s", error)
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._handler(request)
        except (FortifiedError, msgspec.ValidationError, msgspec.DecodeError) as error:
            code = error.code if isinstance(error, FortifiedError) else "invalid_input"
            return HttpResponse(400, {"error": {"code": code, "message": str(error)}})


async def _read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    length = int(headers.get("content-length", 0))
    if not 0 <= length <= _MAX_BODY:
        raise ValueError(f"a body of at most {_MAX_BODY} bytes was expected, found {length}")
    body = await reader.readexactly(length)
    url = urlsplit(target)
    return HttpRequest(method, url.path, parse_qs(url.query), headers, body)


def _encode(response: HttpResponse) -> bytes:
    document = response.document
    body = document if isinstance(document, bytes) else b"" if document is None else msgspec.json.encode(document)
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body)), **response.headers}
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
