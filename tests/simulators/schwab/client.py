"""A client that speaks Schwab's streamer and HTTP plainly and assumes nothing."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from simulators.schwab.serve import SchwabSimulator

DEADLINE_S = 60.0
BASIC = {"Authorization": "Basic " + base64.b64encode(b"key:secret").decode()}


class Line:
    """One streamer connection; `heard` is everything of one kind that came while something else was waited for."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.data: list[dict[str, Any]] = []
        self.heartbeats = 0
        self._number = 0

    async def ask(self, service: str, command: str, **parameters: str) -> tuple[int, str]:
        """The code and words of the answer."""
        self._number += 1
        request = {
            "service": service, "command": command, "requestid": str(self._number),
            "SchwabClientCustomerId": "simulated-customer",
            "SchwabClientCorrelId": "00000000-0000-4000-8000-000000000001", "parameters": parameters,
        }  # fmt: skip
        await self.socket.send(json.dumps({"requests": [request]}))
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for answer in await self._hear():
                    if answer["requestid"] == str(self._number):
                        return answer["content"]["code"], answer["content"]["msg"]

    async def login(self, token: str) -> tuple[int, str]:
        return await self.ask(
            "ADMIN", "LOGIN", Authorization=token, SchwabClientChannel="N9", SchwabClientFunctionId="APIAPP"
        )

    async def contents(self, service: str, count: int) -> list[dict[str, Any]]:
        """The first `count` contents of a service since the connection began."""
        async with asyncio.timeout(DEADLINE_S):
            while len(found := [content for content in self.data if content["service"] == service]) < count:
                await self._hear()
        return found

    async def _hear(self) -> list[dict[str, Any]]:
        message = json.loads(await self.socket.recv())
        for data in message.get("data", []):
            self.data += [{"service": data["service"], **content} for content in data["content"]]
        self.heartbeats += len(message.get("notify", []))
        found: list[dict[str, Any]] = message.get("response", [])
        return found


@asynccontextmanager
async def http(simulator: SchwabSimulator, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False, headers=headers) as client:
        yield client


async def access_token(simulator: SchwabSimulator) -> str:
    async with http(simulator) as client:
        form = {"grant_type": "refresh_token", "refresh_token": "r"}
        reply = await client.post("/v1/oauth/token", data=form, headers=BASIC)
        token: str = reply.json()["access_token"]
        return token


@asynccontextmanager
async def connected(simulator: SchwabSimulator, *, login: bool = True) -> AsyncIterator[Line]:
    async with connect(simulator.stream_url, proxy=None, ping_interval=None, compression=None) as socket:
        line = Line(socket)
        if login:
            code, text = await line.login(await access_token(simulator))
            assert code == 0, text
        yield line
