"""Connecting a broker over HTTP: both dialects, the redirect, and nothing that a stranger could use."""

import json
import logging
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from brokers.dialects import DIALECTS
from brokers.models import BrokerNotice, BrokerToken
from brokers.oauth import Client, TokenReply, TokenRequest
from brokers.tokens import store
from infra.logging import ScrubbingFormatter, scrub
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_pending_logins():
    cache.clear()


@pytest.fixture
def api(admin, endpoint):
    client = APIClient()
    client.force_authenticate(admin)
    return client


def state_in(url: str) -> str:
    return str(parse_qs(urlsplit(url).query)["state"][0])


def begin(api, route: str = "/api/brokers/tastytrade/authorize") -> str:
    return str(api.get(route).json()["authorization_url"])


@pytest.mark.parametrize(
    ("authorize", "token", "refresh", "key"),
    [
        ("brokers/tastytrade/authorize", "brokers/tastytrade/token", "brokers/tastytrade/refresh", "code"),
        ("tasty/authorize-url", "tasty/access-token", "tasty/refresh-token", "authorizationCode"),
        ("brokers/tasty/authorize", "brokers/tasty/token", "brokers/tasty/refresh", "redirect_url"),
        ("brokers/schwab/authorize", "brokers/schwab/token", "brokers/schwab/refresh", "code"),
        ("schwab/authorize-url", "schwab/access-token", "schwab/refresh-token", "authorizationLink"),
    ],
)
def test_both_dialects_authorise_store_and_refresh(api, endpoint, authorize, token, refresh, key):
    state = state_in(begin(api, f"/api/{authorize}"))
    pasted = "C0.abc@" if key == "code" else f"https://localhost:8000/cb?code=C0.abc%40&state={state}"
    answer = api.post(f"/api/{token}", {key: pasted}, format="json")
    assert (answer.status_code, answer.json()["state"]) == (200, "connected")
    asked = endpoint.seen[-1]
    assert (asked["grant_type"], asked["code"], asked["redirect_uri"]) == (
        "authorization_code",
        "C0.abc@",
        "https://localhost:8000/cb",
    )
    assert api.post(f"/api/{refresh}").json()["is_connected"] is True
    assert endpoint.seen[-1]["refresh_token"] == "refresh-token-1"


@pytest.mark.parametrize("route", ["/api/brokers/schwab/authorize", "/api/schwab/authorize-url"])
def test_schwab_is_authorised_at_its_own_page(api, endpoint, route):
    url = begin(api, route)
    assert url.startswith(f"{endpoint.url}/v1/oauth/authorize?client_id=client-1")
    assert "client-secret" not in url


def test_a_refresh_token_made_by_hand_connects_too(api, endpoint):
    answer = api.post("/api/brokers/tastytrade/token", {"refresh_token": "personal-grant-1"}, format="json")
    assert answer.json()["state"] == "connected"


def test_a_broker_with_client_credentials_needs_no_person(api, endpoint, settings, monkeypatch):
    def grant(client: Client) -> TokenRequest:
        return TokenRequest(f"{client.api_url}/token", json={"grant_type": "client_credentials"})

    dialect = msgspec.structs.replace(DIALECTS["tastytrade"], broker="machine", client_grant=grant)
    settings.VENUES = {**settings.VENUES, "machine": settings.VENUES["tastytrade"]}
    with DIALECTS.register_temporarily("machine", dialect):
        answer = api.post("/api/brokers/machine/token", {"grant_type": "client_credentials"}, format="json")
        assert answer.json()["state"] == "connected"
        BrokerToken.objects.update(access_expires_at=None)
        assert api.post("/api/brokers/machine/refresh").json()["is_connected"] is True
    assert [request["grant_type"] for request in endpoint.seen] == ["client_credentials"] * 2


def test_a_broker_without_client_credentials_says_how_to_connect_instead(api, endpoint):
    answer = api.post("/api/tasty/access-token", {"grant_type": "client_credentials"}, format="json")
    assert (answer.status_code, "Create Grant" in answer.json()["detail"]) == (409, True)


def test_the_broker_sends_the_browser_back_and_the_code_leaves_the_address(api, client, admin, endpoint):
    state = state_in(begin(api))
    client.force_login(admin)
    answer = client.get("/api/brokers/tastytrade/callback", {"code": "C0.abc", "state": state})
    token = BrokerToken.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/brokers/brokertoken/{token.pk}/change/")
    assert "no-store" in answer["Cache-Control"]
    assert token.state == "connected"
    again = client.get("/api/brokers/tastytrade/callback", {"code": "C0.abc", "state": state})
    assert again.status_code == 400, "a state is good once"


def test_a_browser_that_is_not_logged_in_may_come_back_with_the_state_it_was_given(api, client, endpoint):
    state = state_in(begin(api))
    answer = client.get("/api/brokers/tastytrade/callback", {"code": "C0.abc", "state": state})
    assert (answer.status_code, BrokerToken.objects.get().state) == (200, "connected")
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("state", ["", "invented", "of-somebody-else", "of-another-broker"])
def test_a_redirect_that_nobody_here_asked_for_changes_nothing(api, client, trader, endpoint, state):
    if state == "of-somebody-else":
        client.force_login(trader)
        state = state_in(begin(api))
    if state == "of-another-broker":
        state = state_in(begin(api, "/api/schwab/authorize-url"))
    answer = client.get("/api/brokers/tastytrade/callback", {"code": "C0.attacker", "state": state})
    assert answer.status_code == 400
    assert endpoint.seen == []
    assert not BrokerToken.objects.exists()


def test_a_pasted_redirect_of_another_person_is_refused(api, endpoint, db):
    state = state_in(begin(api))
    stranger = APIClient()
    stranger.force_authenticate(create_user(email="b@example.com", password="correct-horse-1", role=Role.ADMIN))
    pasted = f"https://localhost:8000/cb?code=C0.abc&state={state}"
    answer = stranger.post("/api/tasty/access-token", {"authorizationCode": pasted}, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "state")
    assert endpoint.seen == []


def test_what_the_broker_says_in_the_redirect_is_shown_as_text(client, endpoint):
    answer = client.get("/api/brokers/tastytrade/callback", {"error": "<script>alert(1)</script>"})
    assert answer.status_code == 400
    assert b"<script>" not in answer.content


def test_a_refused_code_tells_what_to_do_and_not_the_code(api, endpoint):
    endpoint.answer = endpoint.refuse
    answer = api.post("/api/tasty/access-token", {"authorizationCode": "C0.secret-code"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "connect the account again" in answer.json()["detail"]
    assert "C0.secret-code" not in answer.content.decode()


def test_a_broker_that_does_not_answer_is_503_and_the_login_stays(api, endpoint):
    api.post("/api/brokers/tastytrade/token", {"refresh_token": "personal-grant-1"}, format="json")
    endpoint.answer = endpoint.break_down
    assert api.post("/api/tasty/refresh-token").status_code == 503
    status = api.get("/api/brokers/tastytrade/status").json()
    assert (status["state"], status["failures"]) == ("failing", 1)
    assert status["notices"][0]["level"] == "error"


def test_the_status_of_every_broker_is_there_before_anybody_connected(api):
    rows = {row["broker"]: row for row in api.get("/api/brokers/status").json()}
    assert set(rows) == {"schwab", "tastytrade"}
    assert (rows["schwab"]["state"], rows["schwab"]["needs_person"]) == ("disconnected", True)


def test_the_countdown_of_a_weekly_login_is_shown(api, endpoint):
    store(DIALECTS["schwab"], "main", TokenReply("access-token-1", 1800, "refresh-token-1"), is_consent=True)
    status = api.get("/api/brokers/schwab/status").json()
    assert status["countdown"] == "6 days 23 hours"
    assert 6.9 * 86_400 < status["refresh_left_s"] <= 7 * 86_400


def test_disconnecting_forgets_the_tokens(api, endpoint):
    api.post("/api/brokers/tastytrade/token", {"refresh_token": "personal-grant-1"}, format="json")
    assert api.post("/api/brokers/tastytrade/disconnect").json()["state"] == "disconnected"
    assert BrokerToken.objects.get().sealed_refresh == ""
    refused = api.post("/api/tasty/refresh-token")
    assert (refused.status_code, "not connected" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("method", "route"),
    [
        ("get", "/api/brokers/tastytrade/authorize"),
        ("post", "/api/brokers/tastytrade/token"),
        ("post", "/api/brokers/tastytrade/refresh"),
        ("post", "/api/brokers/tastytrade/disconnect"),
        ("get", "/api/schwab/authorize-url"),
        ("post", "/api/tasty/access-token"),
    ],
)
def test_only_who_may_connect_brokers_connects_them(trader, endpoint, method, route):
    client = APIClient()
    assert getattr(client, method)(route).status_code == 401
    client.force_authenticate(trader)
    assert getattr(client, method)(route).status_code == 403
    assert client.get("/api/brokers/tastytrade/status").status_code == 200


def test_an_unknown_broker_is_404_with_what_was_meant(api):
    answer = api.get("/api/brokers/schwap/authorize")
    assert (answer.status_code, "schwab" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("body", [{}, {"code": ""}, [1], {"authorizationLink": "https://localhost/cb?session=1"}])
def test_a_login_without_a_code_names_the_field(api, body):
    answer = api.post("/api/schwab/access-token", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


def test_a_client_that_is_not_registered_says_which_variable_is_missing(api, settings):
    settings.VENUES = {**settings.VENUES, "tastytrade": {**settings.VENUES["tastytrade"], "client_id": ""}}
    answer = api.get("/api/tasty/authorize-url")
    assert (answer.status_code, answer.json()["field"]) == (409, "TASTY_CLIENT_ID")


def test_no_token_and_no_code_reach_a_log_an_answer_or_a_notice(api, client, endpoint, caplog):
    caplog.handler.setFormatter(ScrubbingFormatter("%(message)s"))
    with caplog.at_level(logging.DEBUG):
        state = state_in(begin(api))
        answers = [client.get(f"/api/brokers/tastytrade/callback?code=C0.one-time-code&state={state}").content]
        answers.append(api.post("/api/tasty/refresh-token").content)
        answers.append(api.get("/api/brokers/status").content)
        endpoint.answer = endpoint.refuse
        answers.append(api.post("/api/tasty/refresh-token").content)
        logging.getLogger("access").info('"GET /api/brokers/schwab/callback?code=C0.one-time-code&state=%s"', state)
    told = b" ".join(answers).decode() + caplog.text + " ".join(str(notice) for notice in BrokerNotice.objects.all())
    for secret in ("C0.one-time-code", state, "access-token-1", "access-token-2", "refresh-token-1", "client-secret-1"):
        assert secret not in told
    assert scrub("/callback?code=C0.abc%40&state=xyz") == "/callback?code=[redacted]&state=[redacted]"
