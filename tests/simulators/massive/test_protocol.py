"""The order of steps and the statuses of Massive's stream, with a client that assumes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from simulators.massive.stream import MassiveLimits


@asynccontextmanager
async def connected(simulator, market: str = "stocks") -> AsyncIterator[ClientConnection]:
    async with connect(f"{simulator.stream_url}/{market}", proxy=None, ping_interval=None) as client:
        assert await hear(client) == ("connected", "Connected Successfully")
        yield client


async def say(client: ClientConnection, action: str, params: str) -> tuple[str, str]:
    await client.send(json.dumps({"action": action, "params": params}))
    return await hear(client)


async def hear(client: ClientConnection) -> tuple[str, str]:
    """The next status; data in between is passed over."""
    async with asyncio.timeout(60):
        while True:
            found: list[dict[str, Any]] = json.loads(await client.recv())
            if found[0]["ev"] == "status":
                return found[0]["status"], found[0]["message"]


async def test_every_subscription_of_a_list_is_answered(start):
    async with start() as simulator, connected(simulator) as client:
        assert await say(client, "auth", "k") == ("auth_success", "authenticated")
        assert await say(client, "subscribe", "AM.SPY,LULD.SPY,A.QQQ") == ("success", "subscribed to: AM.SPY")
        assert await hear(client) == ("error", "invalid subscription: LULD.SPY")
        assert await hear(client) == ("success", "subscribed to: A.QQQ")
        assert await say(client, "unsubscribe", "AM.SPY") == ("success", "unsubscribed to: AM.SPY")
        assert await say(client, "dance", "") == ("error", "unknown action dance")


async def test_what_the_plan_does_not_hold_is_refused_by_name(start):
    limits = MassiveLimits(channels=("AM",), markets=("stocks",))
    async with start(limits=limits) as simulator:
        async with connected(simulator) as client:
            await say(client, "auth", "k")
            status, message = await say(client, "subscribe", "T.SPY")
            assert (status, "T.SPY" in message) == ("error", True)
        async with connected(simulator, "indices") as client:
            assert (await say(client, "auth", "k"))[0] == "auth_failed"
            with pytest.raises(ConnectionClosed):
                await hear(client)


async def test_a_second_connection_takes_the_place_of_the_first(start):
    async with start() as simulator, connected(simulator) as first:
        await say(first, "auth", "k")
        async with connected(simulator) as second:
            assert (await say(second, "auth", "k"))[0] == "auth_success"
            assert (await hear(first))[0] == "max_connections"
            with pytest.raises(ConnectionClosed):
                await hear(first)
            assert (await say(second, "subscribe", "AM.SPY"))[0] == "success"


async def test_whoever_says_nothing_is_shown_out(start):
    async with start(limits=MassiveLimits(auth_timeout_s=0.2)) as simulator, connected(simulator) as client:
        assert (await hear(client))[0] == "auth_timeout"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/aggs/ticker/SPY/range/1/fortnight/2026-11-19/2026-11-20", 400),
        ("/v2/aggs/ticker/SPY/range/1/minute/yesterday/2026-11-20", 400),
        ("/v2/aggs/ticker/SPY/range/1/minute/2026-11-19/2026-11-20?limit=50001", 400),
        ("/v2/aggs/ticker/SPY/range/1/minute/2026-11-19/2026-11-20?cursor=x", 400),
        ("/v3/trades/SPY?timestamp.gte=noon", 400),
        ("/v9/anything", 404),
        ("/v2/last/trade/NONE", 404),
    ],
)
async def test_a_wrong_question_is_an_error_in_its_own_words(start, path, status):
    async with start() as simulator, httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
        answer = await http.get(path, headers={"Authorization": "Bearer k"})
        assert answer.status_code == status
        assert answer.json()["status"] == "ERROR"


async def test_the_key_may_stand_in_the_query_and_never_in_the_next_page(start):
    async with (
        start(key="secret") as simulator,
        httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http,
    ):
        path = "/v2/aggs/ticker/SPY/range/1/minute/2026-11-20/2026-11-20"
        first = (await http.get(path, params={"apiKey": "secret", "limit": 10})).json()
        assert len(first["results"]) == 10
        assert "secret" not in first["next_url"]
        following = (await http.get(first["next_url"], headers={"Authorization": "Bearer secret"})).json()
        assert following["results"][0]["t"] == first["results"][-1]["t"] + 60_000
        assert (await http.get(path)).status_code == 401


async def test_days_are_stamped_with_new_yorks_midnight(start):
    async with start() as simulator, httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
        path = "/v2/aggs/ticker/SPY/range/1/day/2026-11-02/2026-11-06"
        rows = (await http.get(path, headers={"Authorization": "Bearer k"})).json()["results"]
        assert {row["t"] % 86_400_000 for row in rows} == {5 * 3_600_000}
        assert len(rows) == 5
