"""Token endpoints, redirect URLs and what may be told of them."""

import json

import pytest

from brokers.oauth import Client, GrantRefused, TokenRequest, TokenUnavailable, ask, code_of, read_reply, state_of
from brokers.tastytrade import auth as tastytrade
from engine.errors import InvalidInput
from infra.logging import scrub

CLIENT = Client("id-1", "secret-1", "https://localhost:8000/cb", "https://api.test")


def body(**values):
    return json.dumps(values).encode()


def test_a_reply_is_read_and_its_tokens_never_reach_a_log():
    reply = read_reply(
        200, body(access_token="I0.abc@token", expires_in=1800, refresh_token="long-refresh-token"), broker="x"
    )
    assert (reply.access_token, reply.expires_in_s, reply.refresh_token) == ("I0.abc@token", 1800, "long-refresh-token")
    assert scrub("got I0.abc@token and long-refresh-token") == "got [redacted] and [redacted]"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, body(error={"code": "invalid_grant", "message": "gone"})),
        (400, body(error="unsupported_token_type", error_description="refresh_token_authentication_error")),
        (401, body(error="invalid_client")),
    ],
)
def test_a_dead_grant_asks_for_a_person(status, content):
    with pytest.raises(GrantRefused, match="connect the account again"):
        read_reply(status, content, broker="x")


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (403, b"<html>Access Denied</html>"),
        (500, b""),
        (429, body(error="too_many")),
        (200, b"[]"),
        (200, body(token="x")),
        (200, body(access_token="abcdefgh", expires_in="soon")),
        (400, body(error="temporarily_unavailable")),
    ],
)
def test_everything_else_may_be_tried_again(status, content):
    with pytest.raises(TokenUnavailable) as failed:
        read_reply(status, content, broker="x")
    assert failed.value.retryable


async def test_an_endpoint_that_is_away_may_be_tried_again():
    with pytest.raises(TokenUnavailable, match="does not answer"):
        await ask(TokenRequest("http://127.0.0.1:1/oauth/token", json={}), broker="x")


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        ("https://localhost:8000/cb?code=C0.abc%40&session=1&state=s1", "C0.abc@"),
        (" C0.abc@ ", "C0.abc@"),
        ("code=C0.abc%40&state=s1", "C0.abc@"),
    ],
)
def test_a_code_is_found_in_what_a_person_pastes(pasted, code):
    assert code_of(pasted, expected_state="s1") == code


@pytest.mark.parametrize(
    ("pasted", "field"),
    [
        ("", "code"),
        ("https://localhost/cb?session=1", "code"),
        ("https://localhost/cb?error=access_denied&state=s1", "code"),
        ("https://localhost/cb?code=abc&state=other", "state"),
        ("https://localhost/cb?code=abc", "state"),
    ],
)
def test_a_redirect_that_is_not_ours_is_refused(pasted, field):
    with pytest.raises(InvalidInput) as refused:
        code_of(pasted, expected_state="s1")
    assert refused.value.field == field
    assert "abc" not in refused.value.detail


def test_the_state_is_found_in_the_redirect():
    assert state_of("https://x/cb?code=1&state=s1") == "s1"
    assert state_of("just-a-code") == ""


def test_tastytrade_asks_in_json_and_leaves_the_client_id_out_of_a_refresh():
    assert tastytrade.refresh(CLIENT, "r1") == TokenRequest(
        "https://api.test/oauth/token",
        json={"grant_type": "refresh_token", "refresh_token": "r1", "client_secret": "secret-1"},
    )
    url = tastytrade.authorize(CLIENT, "s1")
    assert url.startswith("https://my.tastytrade.com/auth.html?client_id=id-1&redirect_uri=https%3A%2F%2Flocalhost")
    assert "secret" not in url
    exchange = tastytrade.exchange(CLIENT, "c1").json
    assert exchange is not None
    assert exchange["grant_type"] == "authorization_code"
