"""Previews and orders with real money: every lock that keeps an order back is said before it is placed."""

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from brokers.models import BrokerAccount
from infra.redis import keys
from infra.redis.client import sync_client
from strategies.services import create_ticker
from tests.trading.people import book, client_of, person
from trading import services
from trading.models import AccountCheck, Book, CommandRecord
from users.roles import Role

pytestmark = pytest.mark.django_db

LIMIT = {
    "symbol": "SPY", "side": "buy", "quantities": {"main": "10"}, "type": "limit", "limit_price": "600.25",
    "stop_loss": "590", "book": "live",
}  # fmt: skip


@pytest.fixture
def account(trader, redis_url) -> BrokerAccount:
    """An armed account at Schwab, compared and green; `manual` runs there on SPY and the last price is 601."""
    client = sync_client(redis_url)
    account = BrokerAccount.objects.create(
        name="main", broker="schwab", mode="live", account_number="1", enabled=True, is_armed=True
    )
    create_ticker(user=None, strategy="manual", symbol="SPY", timeframe="1", quantities={"main": 10})
    services.start_strategy(user=trader, strategy="manual", live_mode=True)
    client.set(keys.lease("trader", "live"), '{"owner": "test", "token": 1}', px=600_000)
    client.hset(keys.quote("SPY"), mapping={"last": 601.0, "ts": 1})
    check("green")
    return account


def check(state: str, **changes) -> None:
    AccountCheck.objects.create(
        book=book("live"), broker="main", check_id=f"c{AccountCheck.objects.count()}", state=state, at=timezone.now(),
        **{"buying_power": 10_000, **changes},
    )  # fmt: skip


def plan(api, **changes):
    return api.post("/api/orders/plan", {**LIMIT, **changes}, format="json").data


def test_an_order_that_every_lock_lets_pass_shows_the_very_request_and_what_is_left(account, api):
    found = plan(api)
    assert (found["mode"], found["problems"], found["can_place"]) == ("live", (), True)
    [planned] = found["accounts"]
    assert planned["venue"] == "Charles Schwab"
    assert (planned["cost"], planned["buying_power"], planned["buying_power_after"]) == (
        "6002.50", "10000.00", "3997.50",
    )  # fmt: skip
    assert planned["orders"][0]["request"]["body"]["orderType"] == "LIMIT"
    answer = api.post("/api/orders", {**LIMIT, "preview": found["preview"]}, format="json")
    assert (answer.status_code, answer.data["book"]) == (202, "live")


def test_an_account_that_is_not_armed_takes_no_order(account, api):
    BrokerAccount.objects.update(is_armed=False)
    [planned] = plan(api)["accounts"]
    assert (planned["rule"], planned["problem"]) == ("not_armed", "the account 'main' is not armed")


@pytest.mark.parametrize("state", ["red", "unknown"])
def test_an_account_that_does_not_agree_takes_no_entry(account, api, state):
    check(state, reason="SPY differs")
    [planned] = plan(api)["accounts"]
    assert planned["rule"] == "reconciliation"
    assert "SPY differs" in planned["problem"]


def test_an_account_that_was_never_compared_takes_no_entry(account, api):
    AccountCheck.objects.all().delete()
    assert "not compared" in plan(api)["problems"][0]


def test_what_costs_more_than_there_is_is_refused_by_the_venues_own_check(account, api):
    check("green", buying_power=5_000)
    [planned] = plan(api)["accounts"]
    assert planned["orders"][0]["rule"] == "buying_power"
    assert "5000.00 is left" in planned["orders"][0]["problem"]


def test_a_market_order_while_the_exchange_is_closed_is_refused_before(account, api, monkeypatch):
    monkeypatch.setattr("trading.runtime.preflight.is_open", lambda calendar, ts: False)
    found = plan(api, type="market", limit_price=None)
    assert "closed now" in found["problems"][0]


def test_a_lock_that_closes_after_the_preview_keeps_the_order_back(account, api):
    token = plan(api)["preview"]
    BrokerAccount.objects.update(is_armed=False)
    answer = api.post("/api/orders", {**LIMIT, "preview": token}, format="json")
    assert (answer.status_code, answer.data["code"]) == (409, "preview_changed")
    assert not CommandRecord.objects.filter(kind="ManualOrder").exists()


def test_a_person_without_the_permission_for_real_money_orders_nothing_there(account):
    weak = person(Role.VIEWER)
    weak.user_permissions.add(Permission.objects.get(codename="add_order", content_type__app_label="trading"))
    api = client_of(weak)
    found = plan(api)
    answer = api.post("/api/orders", {**LIMIT, "preview": found["preview"]}, format="json")
    assert (answer.status_code, "start_live" in answer.data["detail"]) == (409, True)
    assert Book.objects.get(name="live").commands.filter(kind="ManualOrder").count() == 0
