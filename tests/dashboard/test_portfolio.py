"""The portfolio adds up what the accounts hold, and says what it does not know."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from brokers.models import BrokerAccount
from dashboard.portfolio import portfolio
from infra.redis import keys
from tests.trading.people import book, client_of, person, trade
from trading.models import AccountCheck, Position
from users.roles import Role

pytestmark = pytest.mark.django_db


def hold(symbol: str, quantity: str, entry: str, *, broker: str = "paper", mode: str = "paper") -> None:
    Position.objects.create(
        book=book(mode), strategy="ema", symbol=symbol, broker=broker, quantity=Decimal(quantity),
        average_price=Decimal(entry), updated_at=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def priced(redis_url, store) -> None:
    for symbol, price in (("SPY", 600.5), ("/MES", 5000.25)):
        store.hset(keys.quote(symbol), mapping={"last": price, "ts": time.time_ns()})


def test_totals_are_the_sums_of_the_accounts(priced):
    hold("SPY", "10", "600")
    hold("/MES", "-2", "5001", broker="tastytrade")
    trade(1, pnl="12.5", exit_at=timezone.now())
    trade(2, pnl="-2.5", exit_at=timezone.now() - timedelta(days=9), entry_at=timezone.now() - timedelta(days=9))
    found = portfolio()
    paper, tasty = found["accounts"]
    assert (paper["unrealized_pnl"], paper["gross_exposure"], paper["trades"]) == ("5", "6005", 2)
    assert (paper["realized_pnl"], paper["realized_today"]) == ("10", "12.5")
    assert (tasty["unrealized_pnl"], tasty["net_exposure"]) == ("7.5", "-50002.5")
    [total] = found["totals"]
    assert (total["unrealized_pnl"], total["gross_exposure"], total["net_exposure"]) == ("12.5", "56007.5", "-43997.5")
    assert (total["accounts"], total["positions"], total["realized_pnl"]) == (2, 2, "10")


def test_without_a_price_the_sums_are_not_known_rather_than_wrong(redis_url):
    hold("SPY", "10", "600")
    found = portfolio()
    assert found["accounts"][0]["unrealized_pnl"] is None
    assert found["totals"][0]["gross_exposure"] is None


def test_a_real_account_shows_what_its_venue_told(redis_url):
    BrokerAccount.objects.create(name="main", broker="schwab", mode="live", account_number="1")
    AccountCheck.objects.create(
        book=book("live"), broker="main", check_id="c1", state="red", reason="SPY differs", at=timezone.now(),
        cash=Decimal("1000.5"), net_liquidation=Decimal(5000), buying_power=Decimal(2000),
    )  # fmt: skip
    [account] = portfolio()["accounts"]
    assert (account["venue"], account["mode"], account["state"]) == ("Charles Schwab", "live", "red")
    assert (account["cash"], account["net_liquidation"], account["buying_power"]) == ("1000.5", "5000", "2000")


def test_page_and_route_need_an_account(client, redis_url, priced):
    hold("SPY", "10", "600")
    assert client.get("/portfolio").status_code == 302
    viewer = person(Role.VIEWER)
    assert client_of(viewer).get("/api/portfolio").data["totals"][0]["positions"] == 1
    client.force_login(viewer)
    page = client.get("/portfolio")
    assert page.status_code == 200
    assert "6005" in page.content.decode()
