"""The account stream lives through everything that its line and its login do."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from brokers.tastytrade.broker import TastytradeVenue
from brokers.tastytrade.stream import AccountStream
from brokers.venue import FillReported, NotAuthorized, OrderReported, StreamLost, StreamRestored, VenueSetup
from engine.model.enums import OrderState
from infra.cancelling import cancel
from tests.brokers.tastytrade.test_translate import document
from tests.waiting import DEADLINE_S

Behaviour = Callable[[ServerConnection, list[dict[str, Any]]], Any]


class Watched:
    def __init__(self, url: str) -> None:
        self.told: list[Any] = []
        self.given = 0
        self.refused: list[str] = []
        self.error: Exception | None = None
        self.setup = VenueSetup("main", "5WT1", "http://127.0.0.1:1", url, self._give, {}, self._refuse)

    async def _give(self) -> str:
        if self.error is not None:
            raise self.error
        self.given += 1
        return f"token-{self.given}"

    async def _refuse(self, token: str) -> None:
        self.refused.append(token)

    async def listen(self) -> None:
        async for message in AccountStream(self.setup, "5WT1", heartbeat_s=0.1).messages():
            self.told.append(message)

    async def until(self, is_met: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_met():
            assert time.monotonic() < deadline, self.told
            await asyncio.sleep(0.01)

    @property
    def line(self) -> list[str]:
        marks = {StreamRestored: "up", StreamLost: "down"}
        return [mark for each in self.told for kind, mark in marks.items() if isinstance(each, kind)]


@asynccontextmanager
async def streamer(
    behave: Behaviour, *, error: Exception | None = None
) -> AsyncIterator[tuple[Watched, list[dict[str, Any]]]]:
    """A server that answers by `behave` after each message; and who watches it."""
    heard: list[dict[str, Any]] = []

    async def talk(socket: ServerConnection) -> None:
        async for raw in socket:
            heard.append(json.loads(raw))
            await behave(socket, heard)

    async with serve(talk, "127.0.0.1", 0) as server:
        watched = Watched(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/streamer")
        watched.error = error
        task = asyncio.create_task(watched.listen())
        try:
            yield watched, heard
        finally:
            await cancel(task)


async def welcome(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
    last = heard[-1]
    await socket.send(json.dumps({"status": "ok", "action": last["action"], "request-id": last["request-id"]}))


async def test_it_connects_the_account_and_each_heartbeat_carries_the_token_of_the_moment():
    async with streamer(welcome) as (watched, heard):
        await watched.until(lambda: len(heard) >= 4)
        assert heard[0]["value"] == ["5WT1"]
        assert [each["action"] for each in heard[:4]] == ["connect", "heartbeat", "heartbeat", "heartbeat"]
        assert [each["auth-token"] for each in heard[:3]] == [f"Bearer token-{n}" for n in (1, 2, 3)]
        assert len({each["request-id"] for each in heard}) == len(heard)
        assert watched.line == ["up"]


async def test_a_line_that_falls_silent_is_given_up_and_made_anew():
    async def mute(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
        if heard[-1]["action"] == "connect":
            await welcome(socket, heard)

    async with streamer(mute) as (watched, _heard):
        await watched.until(lambda: watched.line == ["up", "down", "up"])


async def test_a_login_that_ends_in_the_middle_is_renewed():
    async def refuse_once(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
        if heard[-1]["action"] == "heartbeat" and len(heard) == 2:
            await socket.send(json.dumps({"status": "error", "action": "heartbeat", "message": "failed"}))
        else:
            await welcome(socket, heard)

    async with streamer(refuse_once) as (watched, _heard):
        await watched.until(lambda: watched.line == ["up", "down", "up"])


async def test_a_refused_login_is_told_once_asked_anew_and_does_not_hammer():
    async def refuse(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
        await socket.send(json.dumps({"status": "error", "action": "connect", "message": "failed"}))

    async with streamer(refuse) as (watched, heard):
        await watched.until(lambda: len(watched.refused) >= 2)
        started, began = len(heard), time.monotonic()
        await asyncio.sleep(0.5)
        assert len(heard) - started <= 6 * (time.monotonic() - began)
        assert watched.line == ["down"]
        assert "login" in watched.told[0].reason


async def test_a_login_that_needs_a_person_is_waited_for_without_calling_the_venue():
    async with streamer(welcome, error=NotAuthorized("connect the account again")) as (watched, heard):
        await watched.until(lambda: watched.line == ["down"])
        assert watched.told[0].reason == "connect the account again"
        assert heard == []
        watched.error = None
        await watched.until(lambda: watched.line == ["down", "up"])


@pytest.mark.parametrize("is_batch", [False, True])
async def test_notifications_come_alone_or_in_a_batch(is_batch):
    notes = [{"type": "Order", "data": {"id": 1}}, {"type": "CurrentPosition", "data": {}}]

    async def tell(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
        await welcome(socket, heard)
        if len(heard) == 1:
            for message in [{"results": notes}] if is_batch else notes:
                await socket.send(json.dumps(message))

    async with streamer(tell) as (watched, _heard):
        await watched.until(lambda: len(watched.told) >= 3)
        assert watched.told[1:3] == notes


@pytest.mark.parametrize("frame", ["{broken", '{"status":"error","message":"x"}'])
async def test_a_broken_frame_makes_a_new_line(frame):
    async def break_once(socket: ServerConnection, heard: list[dict[str, Any]]) -> None:
        await welcome(socket, heard)
        if len(heard) == 1:
            await socket.send(frame)

    async with streamer(break_once) as (watched, _heard):
        await watched.until(lambda: watched.line[:3] == ["up", "down", "up"])


# ---- what the adapter makes of a message -------------------------------------------------------------------


async def news_of(data: Any) -> list[Any]:
    venue = TastytradeVenue(Watched("").setup)
    try:
        first, second = await venue._news(data), await venue._news(data)
        assert [each for each in second if isinstance(each, FillReported)] == [], "an execution is told once"
        return first
    finally:
        await venue.close()


async def test_a_message_tells_executions_and_then_the_order():
    fill, order = await news_of(document())
    assert isinstance(fill, FillReported)
    assert isinstance(order, OrderReported)
    assert order.order.state is OrderState.PARTIALLY_FILLED


async def test_an_execution_is_told_although_what_took_the_orders_place_cannot_be_asked_for():
    (fill,) = await news_of(document(**{"replacing-order-id": "99"}))
    assert isinstance(fill, FillReported)


@pytest.mark.parametrize("data", [None, {}, {"id": "x"}, document(status="Sleeping")])
async def test_a_message_that_is_not_understood_is_left_to_polling(data):
    assert await news_of(data) == []
