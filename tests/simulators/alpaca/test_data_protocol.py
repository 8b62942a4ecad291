"""The order of steps and the error codes of Alpaca's data stream, with a client that assumes nothing."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulators.alpaca.serve import AlpacaKeys
from simulators.alpaca.stream import DataLimits
from simulators.faults import FaultScript
from tests.simulators.waiting import refusing


@asynccontextmanager
async def connected(simulator, feed: str = "iex") -> AsyncIterator[ClientConnection]:
    url = f"{simulator.stream_url}/v2/{feed}"
    async with connect(url, proxy=None, ping_interval=None) as client:
        assert await hear(client) == [{"T": "success", "msg": "connected"}]
        yield client


async def say(client: ClientConnection, action: str, **rest: Any) -> list[dict[str, Any]]:
    await client.send(json.dumps({"action": action, **rest}))
    return await hear(client)


async def hear(client: ClientConnection) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        found: list[dict[str, Any]] = json.loads(await client.recv())
    return found


async def log_in(client: ClientConnection) -> None:
    assert await say(client, "auth", key="k", secret="s") == [{"T": "success", "msg": "authenticated"}]


def code(answer: list[dict[str, Any]]) -> int:
    assert answer[0]["T"] == "error"
    return int(answer[0]["code"])


async def test_a_subscription_is_answered_with_all_that_is_subscribed(start):
    async with start() as simulator, connected(simulator) as client:
        await log_in(client)
        (first,) = await say(client, "subscribe", statuses=["SPY"])
        (second,) = await say(client, "subscribe", statuses=["QQQ"], lulds=["*"])
        (third,) = await say(client, "unsubscribe", statuses=["SPY"])
        assert (first["T"], first["statuses"], first["trades"]) == ("subscription", ["SPY"], [])
        assert second["statuses"] == ["SPY", "QQQ"]
        assert (third["statuses"], third["lulds"]) == (["QQQ"], ["*"])


async def test_trades_bring_corrections_and_cancels_unasked(start):
    async with start() as simulator, connected(simulator) as client:
        await log_in(client)
        (answer,) = await say(client, "subscribe", trades=["SPY"])
        assert answer["corrections"] == answer["cancelErrors"] == ["SPY"]
        trades = await hear(client)
        assert {each["T"] for each in trades} == {"t"}
        assert set(trades[0]) == {"T", "S", "i", "x", "p", "s", "c", "t", "z"}


async def test_what_is_out_of_order_is_told_by_its_code(start):
    async with start() as simulator, connected(simulator) as client:
        assert code(await say(client, "subscribe", trades=["SPY"])) == 401
        await client.send("this is no message")
        assert code(await hear(client)) == 400
        await log_in(client)
        assert code(await say(client, "auth", key="k", secret="s")) == 403
        assert code(await say(client, "dance")) == 400
        assert code(await say(client, "subscribe", trades="SPY")) == 400


@pytest.mark.parametrize(
    ("settings", "feed", "expected"),
    [
        ({"keys": AlpacaKeys("other", "key")}, "iex", 402),
        ({"limits": DataLimits(feeds=("iex",))}, "sip", 409),
        ({"limits": DataLimits(connections=0)}, "iex", 406),
    ],
)
async def test_a_login_that_is_refused_ends_the_connection(start, settings, feed, expected):
    async with start(**settings) as simulator, connected(simulator, feed) as client:
        assert code(await say(client, "auth", key="k", secret="s")) == expected
        with pytest.raises(ConnectionClosed):
            await hear(client)


async def test_whoever_says_nothing_is_shown_out(start):
    async with start(limits=DataLimits(auth_timeout_s=0.2)) as simulator, connected(simulator) as client:
        assert code(await hear(client)) == 404


async def test_the_second_connection_waits_for_the_end_of_the_first(start):
    async with start() as simulator:
        async with connected(simulator) as first:
            await log_in(first)
            async with connected(simulator) as second:
                assert code(await say(second, "auth", key="k", secret="s")) == 406
        async with connected(simulator) as third:
            await log_in(third)


async def test_more_symbols_than_the_plan_has_are_refused_as_a_whole(start):
    async with start(limits=DataLimits(symbols=2)) as simulator, connected(simulator) as client:
        await log_in(client)
        assert code(await say(client, "subscribe", trades=["A", "B", "C"])) == 405
        (answer,) = await say(client, "subscribe", trades=["A", "B"])
        assert answer["trades"] == ["A", "B"]
        assert code(await say(client, "subscribe", quotes=["C"])) == 405


async def test_a_client_that_does_not_read_is_called_slow_and_dropped(start):
    limits = DataLimits(slow_bytes=100_000)
    async with start(limits=limits, speed=100, market={"tick_rate": 100.0}) as simulator:
        with socket.create_connection(("127.0.0.1", simulator.stream_port)) as narrow:
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            url = f"{simulator.stream_url}/v2/iex"
            async with connect(url, sock=narrow, ping_interval=None, max_queue=1, close_timeout=0.1) as client:
                await hear(client)
                await log_in(client)
                await client.send(json.dumps({"action": "subscribe", "trades": ["SPY"], "quotes": ["SPY"]}))
                async with asyncio.timeout(60):
                    while simulator.stream.clients:
                        await asyncio.sleep(0.02)


async def test_while_throttled_neither_requests_nor_connections_are_taken(start):
    async with start() as simulator:
        simulator.faults.add(FaultScript("throttle"))
        await refusing(simulator)
        async with httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
            answer = await http.get("/v2/stocks/bars?symbols=SPY")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        with pytest.raises(InvalidStatus) as refused:
            async with connected(simulator):
                pass
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "query",
    [
        "timeframe=90Min", "timeframe=2Day", "start=yesterday", "limit=0", "limit=10001", "limit=many",
        "page_token=???",
    ],
)  # fmt: skip
async def test_a_wrong_question_is_answered_400_with_the_field(start, query):
    async with start() as simulator, httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
        headers = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}
        answer = await http.get(f"/v2/stocks/bars?symbols=SPY&{query}", headers=headers)
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()["message"]


async def test_pages_are_filled_symbol_by_symbol_and_lose_nothing(start):
    async with start() as simulator, httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http:
        headers = {"APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s"}
        query = {"symbols": "SPY,QQQ", "timeframe": "1Min", "start": "2026-11-20T14:00:00Z"}
        whole = (await http.get("/v2/stocks/bars", params=query, headers=headers)).json()
        assert whole["next_page_token"] is None
        pages: list[dict[str, Any]] = []
        token: dict[str, str] | None = {}
        while token is not None:
            page = (await http.get("/v2/stocks/bars", params={**query, "limit": 25, **token}, headers=headers)).json()
            pages.append(page["bars"])
            token = {"page_token": page["next_page_token"]} if page["next_page_token"] else None
        assert [list(page) for page in pages] == [["QQQ"], ["QQQ"], ["QQQ", "SPY"], ["SPY"], ["SPY"]]
        for symbol in ("SPY", "QQQ"):
            assert [row for page in pages for row in page.get(symbol, [])] == whole["bars"][symbol]
            assert len(whole["bars"][symbol]) == 60
