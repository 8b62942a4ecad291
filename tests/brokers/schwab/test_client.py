"""What an answer of Schwab's means: certainly nothing done, done, or unknown."""

import asyncio

import httpx
import pytest

from brokers.schwab.client import SchwabClient
from brokers.venue import NotAuthorized, OrderRefused, OutcomeUnknown, RateLimited, VenueUnreachable


def client_with(answer, token=None):
    """A client whose answers come from `answer(request)`."""

    async def fixed() -> str:
        return "token"

    async def kept(_: str) -> None:
        """There is no other token."""

    client = SchwabClient(access_token=token or fixed, token_refused=token.refused if token else kept)
    client._http = httpx.AsyncClient(base_url="https://api.schwabapi.com", transport=httpx.MockTransport(answer))
    return client


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, '{"message":"Invalid","errors":["price is wrong"]}', OrderRefused, "Invalid; price is wrong"),
        (404, '{"message":"Order not found"}', OrderRefused, "Order not found"),
        (403, "<HTML><HEAD>Access Denied</HEAD></HTML>", OrderRefused, "page in HTML"),
        (401, '{"errors":[{"id":"1","status":401,"detail":"Client not authorized"}]}', NotAuthorized, "not authorized"),
        (429, "{}", RateLimited, "429"),
        (500, '{"message":"oops"}', OutcomeUnknown, "oops"),
        (502, '{"fault":{"faultstring":"Body buffer overflow"}}', OutcomeUnknown, "Body buffer overflow"),
        (302, "", OutcomeUnknown, "302"),
    ],
)
async def test_what_an_answer_means(status, body, kind, words):
    client = client_with(lambda request: httpx.Response(status, text=body, headers={"Retry-After": "7"}))
    with pytest.raises(kind, match=words) as raised:
        await client.send("POST", "/trader/v1/accounts/H/orders", body={})
    assert isinstance(raised.value, OrderRefused) is (kind is not OutcomeUnknown)
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), VenueUnreachable),
        (httpx.ConnectTimeout("slow"), VenueUnreachable),
        (httpx.ReadTimeout("slow"), OutcomeUnknown),
        (httpx.ReadError("reset"), OutcomeUnknown),
        (httpx.WriteError("reset"), OutcomeUnknown),
        (httpx.RemoteProtocolError("gone"), OutcomeUnknown),
    ],
)
async def test_only_what_never_left_is_certain_not_to_have_happened(error, kind):
    def fail(request):
        raise error

    with pytest.raises(kind):
        await client_with(fail).send("POST", "/x", body={})


async def test_a_timeout_over_a_real_socket_is_unknown():
    async def silent(reader, writer):
        await asyncio.sleep(5)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def token() -> str:
        return "token"

    async def kept(_: str) -> None:
        """There is no other token."""

    client = SchwabClient(api_url=f"http://127.0.0.1:{port}", access_token=token, token_refused=kept, timeout_s=0.1)
    try:
        with pytest.raises(OutcomeUnknown):
            await client.send("POST", "/x", body={})
    finally:
        await client.close()
        server.close()


class Tokens:
    """Gives "1", and "2" once "1" was refused."""

    def __init__(self):
        self.now = "1"

    async def __call__(self) -> str:
        return self.now

    async def refused(self, token: str) -> None:
        self.now = "2"


async def test_a_refused_token_is_replaced_and_the_request_sent_once_more():
    asked = []

    def answer(request):
        asked.append(request.headers["Authorization"])
        return httpx.Response(201 if asked[-1] == "Bearer 2" else 401)

    await client_with(answer, Tokens()).send("POST", "/x", body={})
    assert asked == ["Bearer 1", "Bearer 2"]


async def test_a_login_that_is_refused_twice_is_an_error():
    client = client_with(lambda request: httpx.Response(401, text="{}"), Tokens())
    with pytest.raises(NotAuthorized, match="connect the account again"):
        await client.send("GET", "/x")


async def test_a_page_where_json_was_expected_is_unknown():
    with pytest.raises(OutcomeUnknown, match="JSON was expected"):
        await client_with(lambda request: httpx.Response(200, text="<html>")).get("/x")


async def test_no_token_in_an_error():
    client = client_with(lambda request: httpx.Response(400, text='{"message":"Bearer abcdefghijklmnop is odd"}'))
    with pytest.raises(OrderRefused) as raised:
        await client.send("GET", "/x")
    assert "abcdefgh" not in raised.value.detail
