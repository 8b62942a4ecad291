"""Logins in the admin and on the command line."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from brokers import logins
from brokers.models import BrokerAccount, BrokerToken

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/brokers/brokertoken/add/"
LIST = "/admin/brokers/brokertoken/"


@pytest.fixture
def page(client, admin, endpoint):
    client.force_login(admin)
    return client


def connect(page, **fields):
    return page.post(ADD, {"broker": "tastytrade", "login": "main", "way": "page", "pasted": "", **fields})


def test_one_click_goes_to_the_brokers_page(page):
    answer = connect(page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://consent.test/auth?client_id=client-1")
    token = BrokerToken.objects.get()
    again = page.get(f"/admin/brokers/brokertoken/{token.pk}/connect/")
    assert again["Location"].startswith("https://consent.test/auth?")


def test_a_pasted_grant_connects_and_is_shown_nowhere(page):
    answer = connect(page, way="grant", pasted="personal-grant-1")
    assert answer.status_code == 302
    token = BrokerToken.objects.get()
    assert token.state == "connected"
    shown = page.get(f"/admin/brokers/brokertoken/{token.pk}/change/").content.decode()
    assert "connected" in shown
    for secret in ("personal-grant-1", "access-token-1", token.sealed_refresh, token.sealed_access):
        assert secret not in shown
    assert connect(page, way="grant", pasted="personal-grant-2").status_code == 302, "a login can be connected anew"
    assert BrokerToken.objects.count() == 1


def test_a_wrong_grant_is_told_at_its_field_and_nothing_is_kept(page, endpoint):
    endpoint.answer = endpoint.refuse
    shown = connect(page, way="grant", pasted="wrong-grant-1").content.decode()
    assert "connect the account again" in shown
    assert "wrong-grant-1" not in shown
    assert not BrokerToken.objects.exists()


def test_refresh_and_disconnect_are_actions(page, endpoint):
    connect(page, way="grant", pasted="personal-grant-1")
    chosen = {"_selected_action": [BrokerToken.objects.get().pk]}
    page.post(LIST, {"action": "refresh_now", **chosen})
    assert len(endpoint.seen) == 2
    page.post(LIST, {"action": "disconnect", **chosen})
    assert BrokerToken.objects.get().state == "disconnected"


def test_who_may_only_look_looks(client, trader, endpoint):
    logins.connect_with_grant(broker="tastytrade", refresh_token="personal-grant-1")
    client.force_login(trader)
    trader.is_staff = True
    trader.save()
    assert client.get(LIST).status_code == 200
    assert client.get(ADD).status_code == 403
    token = BrokerToken.objects.get()
    assert client.get(f"/admin/brokers/brokertoken/{token.pk}/connect/").status_code == 403
    client.post(LIST, {"action": "disconnect", "_selected_action": [token.pk]})
    assert BrokerToken.objects.get().state == "connected"


def test_an_account_shows_the_state_of_its_login(page):
    account = BrokerAccount.objects.create(broker="tastytrade", name="tasty", mode="live", account_number="5WT1")
    assert "disconnected" in page.get(f"/admin/brokers/brokeraccount/{account.pk}/change/").content.decode()


# ---- the command line --------------------------------------------------------------------------------------


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("broker", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_connects_refreshes_and_forgets(endpoint, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("personal-grant-1\n"))
    assert "connected" in run("connect", "tastytrade", "--grant")
    assert "connected" in run("refresh", "tasty")
    assert "tastytrade   main         connected" in run("status")
    assert "disconnected" in run("disconnect", "tastytrade")


def test_the_command_takes_the_address_that_the_broker_sends_one_to(endpoint, monkeypatch):
    began = logins.begin
    given: list[str] = []

    def remember(**values):
        url = began(**values)
        given.append(url.split("state=")[1])
        monkeypatch.setattr("sys.stdin", io.StringIO(f"https://localhost:8000/cb?code=C0.abc&state={given[0]}\n"))
        return url

    monkeypatch.setattr(logins, "begin", remember)
    assert "schwab       main         connected, ends in 6 days 23 hours" in run("connect", "schwab")


def test_the_command_says_in_one_line_what_is_wrong(endpoint):
    with pytest.raises(CommandError, match="not connected"):
        run("refresh", "tastytrade")
    with pytest.raises(CommandError, match="Did you mean 'schwab'"):
        run("refresh", "schwap")


def test_the_status_as_json_is_one_document(endpoint):
    rows = json.loads(run("status", "--json"))
    assert {row["broker"] for row in rows} == {"schwab", "tastytrade"}
