"""Schwab's OAuth: the exact requests, and a login from consent to refresh against the simulator."""

from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from brokers.dialects import DIALECTS
from brokers.oauth import Client, GrantRefused, ask, code_of
from brokers.schwab.auth import DIALECT
from simulators.schwab.login import Credentials
from simulators.schwab.serve import SchwabConfig, serve

CLIENT = Client("key", "secret", "https://127.0.0.1:8182", "")


def test_the_consent_page():
    url = urlsplit(DIALECT.authorize(CLIENT, "st"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://api.schwabapi.com/v1/oauth/authorize"
    assert parse_qs(url.query) == {
        "client_id": ["key"], "redirect_uri": ["https://127.0.0.1:8182"], "response_type": ["code"], "state": ["st"],
    }  # fmt: skip


@pytest.mark.parametrize("code", ["C0.abc@", "C0.abc%40"])
def test_a_code_is_sent_decoded_with_basic_authorization(code):
    request = DIALECT.exchange(CLIENT, code)
    assert request.url == "https://api.schwabapi.com/v1/oauth/token"
    assert request.json is None
    assert request.form == {
        "grant_type": "authorization_code", "code": "C0.abc@", "redirect_uri": "https://127.0.0.1:8182",
    }  # fmt: skip
    assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"key:secret"


def test_a_login_lasts_seven_days_and_a_token_half_an_hour():
    assert DIALECTS["schwab"] is DIALECT
    assert (DIALECT.refresh_life_s, DIALECT.access_life_s) == (604_800.0, 1_800.0)


async def test_from_consent_to_a_refreshed_token():
    config = SchwabConfig(credentials=Credentials(app_key="key", app_secret="secret"))
    async with await serve(config) as simulator:
        client = Client("key", "secret", "https://127.0.0.1:8182", simulator.rest_url)
        async with httpx.AsyncClient(trust_env=False) as browser:
            reply = await browser.get(DIALECT.authorize(client, "st"))
        code = code_of(reply.headers["Location"], expected_state="st")
        first = await ask(DIALECT.exchange(client, code), broker="Schwab")
        assert simulator.login.is_valid(first.access_token)
        second = await ask(DIALECT.refresh(client, first.refresh_token), broker="Schwab")
        assert second.access_token != first.access_token
        assert second.refresh_token == first.refresh_token
        simulator.login.end_login()
        with pytest.raises(GrantRefused, match="connect the account again"):
            await ask(DIALECT.refresh(client, first.refresh_token), broker="Schwab")
