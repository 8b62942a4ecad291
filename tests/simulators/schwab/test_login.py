"""The simulated OAuth: consent, codes, half an hour, seven days."""

from urllib.parse import parse_qs, urlsplit

import pytest

from simulators.schwab.login import Credentials
from tests.simulators.schwab.client import BASIC, http

BACK = "https://127.0.0.1:8182"


async def consent(client, **more):
    reply = await client.get(
        "/v1/oauth/authorize", params={"client_id": "key", "redirect_uri": BACK, "response_type": "code", **more}
    )
    assert reply.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}


async def test_a_code_becomes_tokens_once_and_only_at_its_return_address(start):
    async with start() as simulator, http(simulator) as client:
        found = await consent(client, state="abc")
        assert found["state"] == "abc"
        assert found["code"].endswith("@")
        form = {"grant_type": "authorization_code", "code": found["code"], "redirect_uri": BACK}
        reply = (await client.post("/v1/oauth/token", data=form, headers=BASIC)).json()
        assert (reply["expires_in"], reply["token_type"]) == (1800, "Bearer")
        again = await client.post("/v1/oauth/token", data=form, headers=BASIC)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
        elsewhere = form | {"code": (await consent(client))["code"], "redirect_uri": BACK + "/"}
        assert (await client.post("/v1/oauth/token", data=elsewhere, headers=BASIC)).status_code == 400


async def test_a_new_login_ends_the_refresh_token_of_the_old_one(start):
    async with start() as simulator, http(simulator) as client:
        tokens = []
        for _ in range(2):
            form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code": (await consent(client))["code"]}
            tokens.append((await client.post("/v1/oauth/token", data=form, headers=BASIC)).json())
        old, new = [
            await client.post(
                "/v1/oauth/token",
                data={"grant_type": "refresh_token", "refresh_token": each["refresh_token"]},
                headers=BASIC,
            )
            for each in tokens
        ]
        assert (old.status_code, old.json()["error"]) == (400, "unsupported_token_type")
        assert "refresh_token_authentication_error" in old.json()["error_description"]
        assert new.json()["refresh_token"] == tokens[1]["refresh_token"]


async def test_refreshing_never_makes_a_login_last_longer(start):
    async with start() as simulator, http(simulator) as client:
        form = {"grant_type": "refresh_token", "refresh_token": "r"}
        assert (await client.post("/v1/oauth/token", data=form, headers=BASIC)).status_code == 200
        simulator.login.end_login()
        assert (await client.post("/v1/oauth/token", data=form, headers=BASIC)).status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic !!"}, {"Authorization": "Basic a2V5Ondyb25n"}])
async def test_the_application_must_prove_itself(start, headers):
    async with (
        start(credentials=Credentials(app_key="key", app_secret="secret")) as simulator,
        http(simulator) as client,
    ):
        form = {"grant_type": "refresh_token", "refresh_token": "r"}
        reply = await client.post("/v1/oauth/token", data=form, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
        assert (await client.post("/v1/oauth/token", data=form, headers=BASIC)).status_code == 200


async def test_without_a_token_the_gateway_answers(start):
    async with start() as simulator, http(simulator, "wrong") as client:
        reply = await client.get("/trader/v1/userPreference")
        assert reply.status_code == 401
        assert reply.json()["errors"][0]["detail"] == "Client not authorized"
        assert reply.headers["Schwab-Client-CorrelId"]
