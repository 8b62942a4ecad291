"""A client that speaks raw DXLink over a real socket and assumes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from simulators.serve import Simulator

DEADLINE_S = 60.0
FIELDS = {
    "Quote": ["eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"],
    "Trade": ["eventSymbol", "time", "sequence", "price", "size", "dayVolume"],
    "TimeAndSale": ["eventSymbol", "index", "time", "sequence", "price", "size", "aggressorSide"],
    "Candle": ["eventSymbol", "eventFlags", "index", "time", "count", "open", "high", "low", "close", "volume"],
}


class Link:
    """One connection. `events` decodes COMPACT by the field order that FEED_CONFIG told, or FULL as it is."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.fields: dict[str, list[str]] = {}

    async def say(self, kind: str, channel: int = 0, **rest: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, "channel": channel, **rest}))

    async def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds (or of any); an ERROR that was not asked for fails."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.fields.update(message.get("eventFields", {}))
                if not kinds or message["type"] in kinds:
                    return message
                assert message["type"] != "ERROR", message

    async def authorize(self, token: str) -> None:
        await self.say("SETUP", version="0.1-test/1.0", keepaliveTimeout=60, acceptKeepaliveTimeout=60)
        assert (await self.hear())["type"] == "SETUP"
        assert (await self.hear())["state"] == "UNAUTHORIZED"
        await self.say("AUTH", token=token)
        assert (await self.hear())["state"] == "AUTHORIZED"

    async def open(self, channel: int, *, period: float = 0, form: str = "COMPACT", contract: str = "AUTO") -> None:
        await self.say("CHANNEL_REQUEST", channel, service="FEED", parameters={"contract": contract})
        assert (await self.hear("CHANNEL_OPENED"))["channel"] == channel
        await self.say(
            "FEED_SETUP", channel, acceptAggregationPeriod=period, acceptDataFormat=form, acceptEventFields=FIELDS
        )
        assert (await self.hear("FEED_CONFIG"))["aggregationPeriod"] == period

    async def subscribe(self, channel: int, kind: str, *symbols: str, **rest: Any) -> None:
        add = [{"type": kind, "symbol": symbol, **rest} for symbol in symbols]
        await self.say("FEED_SUBSCRIPTION", channel, add=add)

    async def frame(self) -> list[dict[str, Any]]:
        return self.decode(await self.hear("FEED_DATA"))

    async def events(self, until: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Everything received until `until` holds."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(DEADLINE_S):
            while not until(found):
                found += await self.frame()
        return found

    def decode(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        data = message["data"]
        if isinstance(data[0], dict):
            return list(data)
        kind, values = data
        names = self.fields[kind]
        assert len(data) == 2
        assert len(values) % len(names) == 0
        rows = [values[at : at + len(names)] for at in range(0, len(values), len(names))]
        return [{"eventType": kind, **dict(zip(names, row, strict=True))} for row in rows]


async def quote_token(simulator: Simulator) -> str:
    """Logged in as the vendor's REST wants it."""
    async with httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
        body = {"grant_type": "refresh_token", "refresh_token": "r", "client_secret": "s"}
        access = (await http.post("/oauth/token", json=body)).json()["access_token"]
        reply = await http.get("/api-quote-tokens", headers={"Authorization": f"Bearer {access}"})
        token: str = reply.json()["data"]["token"]
        return token


@asynccontextmanager
async def connected(simulator: Simulator, *, authorized: bool = True) -> AsyncIterator[Link]:
    async with connect(simulator.feed_url, proxy=None, ping_interval=None, compression=None) as socket:
        link = Link(socket)
        if authorized:
            await link.authorize(await quote_token(simulator))
        yield link
