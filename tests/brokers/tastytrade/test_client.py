"""What each way of failing means for an order, over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from brokers.tastytrade.client import Client
from brokers.venue import NotAuthorized, NotUnderstood, OrderRefused, OutcomeUnknown, RateLimited, VenueSetup
from infra.cancelling import cancel
from simulators.http_server import HttpRequest, HttpResponse, HttpServer
from tests.conftest import free_port
from tests.waiting import DEADLINE_S


class Caller:
    """A client of a server that answers by a function; `seen` are the requests."""

    def __init__(self, url: str) -> None:
        self.seen: list[HttpRequest] = []
        self.tokens = iter(f"token-{number}" for number in range(1, 9))
        self.token = next(self.tokens)
        self.refused: list[str] = []
        self.client = Client(VenueSetup("main", "5WT1", url, "", self._give, {}, self._refuse), timeout_s=0.5)

    async def _give(self) -> str:
        return self.token

    async def _refuse(self, token: str) -> None:
        self.refused.append(token)
        self.token = next(self.tokens)


@asynccontextmanager
async def answering(handle: Callable[[HttpRequest], HttpResponse]) -> AsyncIterator[Caller]:
    def note(request: HttpRequest) -> HttpResponse:
        caller.seen.append(request)
        return handle(request)

    server = HttpServer(note)
    port = await server.start("127.0.0.1", 0)
    caller = Caller(f"http://127.0.0.1:{port}")
    try:
        yield caller
    finally:
        await caller.client.close()
        await server.close()


def refused(status: int, code: str = "", **headers: str) -> HttpResponse:
    return HttpResponse(status, {"error": {"code": code, "message": "no"}}, headers)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused(422, "margin_check_failed"), OrderRefused),
        (refused(400, "invalid"), OrderRefused),
        (refused(403, "not_permitted"), OrderRefused),
        (refused(404, "not_found"), OrderRefused),
        (HttpResponse(403, b"<html>Access Denied</html>"), OrderRefused),
        (refused(429), RateLimited),
        (refused(401, "token_invalid"), NotAuthorized),
        (refused(500), OutcomeUnknown),
        (HttpResponse(502, b"<html>Bad Gateway</html>"), OutcomeUnknown),
        (HttpResponse(200, b"not json"), OutcomeUnknown),
        (HttpResponse(201, b""), OutcomeUnknown),
        (HttpResponse(200, {"no": "data"}), OutcomeUnknown),
        (HttpResponse(302, None, {"Location": "http://127.0.0.1:1/"}), OutcomeUnknown),
        (HttpResponse(is_dropped=True), OutcomeUnknown),
        (HttpResponse(201, {"data": {}}, delay_s=5.0), OutcomeUnknown),
    ],
)
async def test_a_refusal_is_certain_and_everything_else_is_unknown(answer, error):
    async with answering(lambda request: answer) as caller:
        with pytest.raises(error) as raised:
            await caller.client.call("POST", "/accounts/5WT1/orders", body={})
    assert type(raised.value) is error


async def test_a_venue_that_cannot_be_reached_was_told_nothing():
    caller = Caller(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(OrderRefused) as raised:
        await caller.client.call("POST", "/accounts/5WT1/orders", body={})
    assert raised.value.venue_code == "unreachable"
    await caller.client.close()


async def test_a_pause_lasts_as_long_as_the_venue_asks():
    async with answering(lambda request: refused(429, **{"Retry-After": "7"})) as caller:
        with pytest.raises(RateLimited) as limited:
            await caller.client.call("GET", "/x")
    assert limited.value.retry_after_s == 7.0


async def test_a_login_that_is_not_taken_is_renewed_once_and_the_request_sent_again():
    def handle(request: HttpRequest) -> HttpResponse:
        is_good = request.headers["authorization"] == "Bearer token-2"
        return HttpResponse(201, {"data": {"ok": True}}) if is_good else refused(401, "token_invalid")

    async with answering(handle) as caller:
        assert await caller.client.call("POST", "/accounts/5WT1/orders", body={"a": 1}) == {"ok": True}
        assert caller.refused == ["token-1"]
        assert [request.body for request in caller.seen] == [b'{"a":1}'] * 2


async def test_requests_say_who_asks_and_share_one_connection():
    async with answering(lambda request: HttpResponse(200, {"data": {}})) as caller:
        ports = set()
        for _ in range(20):
            await caller.client.call("GET", "/x")
            pool: Any = caller.client._http._transport
            ports |= {id(each) for each in pool._pool.connections}
        assert len(ports) == 1
        headers = caller.seen[0].headers
        assert headers["user-agent"].startswith("Fortified/")
        assert (headers["accept"], headers["accept-version"]) == ("application/json", "20251101")


async def test_a_list_is_read_to_its_end():
    def handle(request: HttpRequest) -> HttpResponse:
        offset, size = int(request.query["page-offset"][0]), int(request.query["per-page"][0])
        items = list(range(450))[offset * size : (offset + 1) * size]
        return HttpResponse(200, {"data": {"items": items}})

    async with answering(handle) as caller:
        assert await caller.client.items("/x", {"status[]": ["Live", "Routed"]}) == list(range(450))
        assert len(caller.seen) == 3
        assert caller.seen[0].query["status[]"] == ["Live", "Routed"]


@pytest.mark.parametrize("data", [{"items": list(range(200))}, {}, {"items": 5}, []])
async def test_a_list_that_does_not_end_or_is_none_is_not_understood(data):
    async with answering(lambda request: HttpResponse(200, {"data": data})) as caller:
        with pytest.raises(NotUnderstood):
            await caller.client.items("/x")


async def test_the_venues_clock_is_read_from_its_answers():
    async with answering(
        lambda request: HttpResponse(200, {"data": {}}, {"Date": "Sat, 01 Jan 2000 00:00:00 GMT"})
    ) as caller:
        assert caller.client.clock.offset_ns == 0
        await caller.client.call("GET", "/x")
        assert caller.client.clock.offset_ns < -20 * 365 * 86_400 * 10**9


async def test_calls_at_once_do_not_wait_for_each_other():
    def handle(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, {"data": {}}, delay_s=3600.0)

    async with answering(handle) as caller, asyncio.timeout(DEADLINE_S):
        calls = [asyncio.create_task(caller.client.call("GET", "/x")) for _ in range(8)]
        while len(caller.seen) < 8:  # all of them arrived, and none was answered
            await asyncio.sleep(0.01)
        await asyncio.gather(*(cancel(call) for call in calls))
