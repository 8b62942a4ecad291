"""Positions, trades, orders and decisions over HTTP: exact numbers, filters that combine, honest pages."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from strategies.services import create_ticker
from tests.trading.people import NOON, book, client_of, order, person, trade
from trading import services
from trading.models import Decision, Position
from users.roles import Role

pytestmark = pytest.mark.django_db

ROUTES = [
    "trading-status", "trading-status?strategy=ema", "positions", "trades", "paper-trades", "paper-trades/stats",
    "real-trades", "real-trades/stats", "orders", "decisions",
]  # fmt: skip


@pytest.fixture
def api(redis_url):
    return client_of(person(Role.VIEWER))


def ids(answer):
    return [row["entry_price"] for row in answer.json()["results"]]


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_401_without_a_token_and_open_to_a_viewer(api, route):
    assert APIClient().get(f"/api/{route}").status_code == 401
    assert api.get(f"/api/{route}").status_code == 200


def test_the_status_tells_the_truth_about_a_process_that_is_not_there(api):
    assert api.get("/api/trading-status?strategy=ema").json()["running"] is False
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1")
    services.start_strategy(user=None, strategy="ema")
    status = api.get("/api/trading-status?strategy=ema").json()
    assert (status["running"], status["state"]) == (False, "starting")
    assert [row["strategy"] for row in api.get("/api/trading-status").json()["strategies"]] == ["ema"]
    assert api.get("/api/trading-status?strategy=emma").status_code == 404


def test_the_status_is_503_when_it_cannot_be_known(api, settings):
    create_ticker(user=None, strategy="ema", symbol="SPY", timeframe="1")
    services.start_strategy(user=None, strategy="ema")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = api.get("/api/trading-status?strategy=ema")
    assert (answer.status_code, answer.json()["code"]) == (503, "redis_unavailable")


def test_positions_are_exact_and_only_the_open_ones(api):
    values = {"book": book(), "strategy": "ema", "broker": "paper", "updated_at": timezone.now()}
    Position.objects.create(symbol="SPY", quantity=Decimal("-2.50"), average_price=Decimal("400.10"), **values)
    Position.objects.create(symbol="QQQ", quantity=Decimal(0), **values)
    (row,) = api.get("/api/positions?strategy=ema").json()
    assert (row["symbol"], row["side"], row["quantity"], row["average_price"]) == ("SPY", "short", "-2.5", "400.1")
    assert row["book"] == "paper"


def test_a_trade_is_exact_and_says_whether_it_was_real(api):
    first = order(1)
    trade(entry_order=first)
    (row,) = api.get("/api/trades").json()["results"]
    assert (row["quantity"], row["pnl"], row["entry_price"]) == ("2.5", "1.5", "400.25")
    assert row["trade_type"] == "paper"
    assert (row["entry_order"], row["exit_order"]) == (first.client_id, None)
    assert row["exit_at"] == "2026-11-20T12:00:00Z"


def test_pages_walk_through_everything_once(api):
    for number in range(7):
        trade(number, entry_price=Decimal(number + 1), exit_at=NOON + timedelta(minutes=number))
    seen = []
    for page in (1, 2, 3, 4):
        answer = api.get(f"/api/trades?page={page}&page_size=3")
        seen += ids(answer)
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]
    assert {name: answer.json()[name] for name in ("count", "pages", "page", "page_size")} == {
        "count": 7,
        "pages": 3,
        "page": 4,
        "page_size": 3,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page_size=501", "page_size"),
        ("page_size=-1", "page_size"),
        ("trade_type=imaginary", "trade_type"),
        ("start_date=yesterday", "start_date"),
        ("end_date=2026-02-30", "end_date"),
        ("start_date=2026-11-20&end_date=2026-11-01", "start_date"),
        ("symbol=%3B", "symbol"),
    ],
)
def test_a_bad_filter_is_400_and_names_the_field(api, query, field):
    answer = api.get(f"/api/trades?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_filters_combine(api):
    create_ticker(user=None, strategy="ema", symbol="MES", timeframe="1")
    trade(1, entry_price=Decimal(1), symbol="/MES", broker="schwab")
    trade(2, entry_price=Decimal(2), symbol="/MES", broker="paper")
    trade(3, entry_price=Decimal(3), symbol="SPY", broker="schwab")
    trade(4, entry_price=Decimal(4), symbol="/MES", broker="schwab", mode="live")
    trade(5, entry_price=Decimal(5), symbol="/MES", broker="schwab", strategy="other")
    trade(6, entry_price=Decimal(6), symbol="/MES", broker="schwab", exit_at=NOON - timedelta(days=2))
    base = "/api/trades?strategy=ema&symbol=MES&broker=schwab&start_date=2026-11-20&end_date=2026-11-20"
    assert sorted(ids(api.get(base))) == ["1", "4"]
    assert ids(api.get(f"{base}&trade_type=paper")) == ["1"]
    assert ids(api.get(f"{base}&trade_type=real")) == ["4"]
    assert ids(api.get(f"{base}&page=2&page_size=1")) in (["1"], ["4"])


def test_a_day_as_the_end_is_included_and_a_moment_is_not(api):
    trade(1, entry_price=Decimal(1), exit_at=NOON)
    assert ids(api.get("/api/trades?end_date=2026-11-20")) == ["1"]
    assert ids(api.get("/api/trades?end_date=2026-11-19")) == []
    assert ids(api.get("/api/trades?end_date=2026-11-20T12:00:00Z")) == []
    assert ids(api.get("/api/trades?start_date=2026-11-20T12:00:00Z")) == ["1"]


def test_paper_and_real_routes_show_their_own_only(api):
    trade(1, entry_price=Decimal(1))
    trade(2, entry_price=Decimal(2), mode="live")
    assert ids(api.get("/api/paper-trades")) == ["1"]
    assert ids(api.get("/api/real-trades")) == ["2"]
    assert ids(api.get("/api/real-trades?trade_type=paper")) == ["2"]


def test_statistics_are_those_of_the_filtered_trades(api):
    for number, pnl in enumerate(("3", "-1", "0", "2")):
        trade(number, pnl=pnl)
    trade(9, pnl="100", mode="live")
    found = api.get("/api/paper-trades/stats?strategy=ema").json()
    assert (found["trades"], found["wins"], found["losses"]) == (4, 2, 1)
    assert (found["net_pnl"], found["fees"], found["gross_profit"], found["gross_loss"]) == ("4", "1", "5", "-1")
    assert (found["win_rate"], found["profit_factor"], found["average"]) == (0.6667, 5.0, "1.00")
    empty = api.get("/api/paper-trades/stats?symbol=QQQ").json()
    assert (empty["trades"], empty["net_pnl"], empty["win_rate"]) == (0, "0", None)


def test_orders_and_decisions_are_listed_with_their_reasons(api):
    order(1, timeline=[{"state": "filled"}])
    order(2, state="working", symbol="QQQ")
    Decision.objects.create(
        book=book(), kind="denied", strategy="ema", symbol="SPY", rule="size", reason="too big", at=NOON
    )
    assert [row["symbol"] for row in api.get("/api/orders?state=working").json()["results"]] == ["QQQ"]
    (row,) = api.get("/api/orders?symbol=spy").json()["results"]
    assert (row["quantity"], row["timeline"]) == ("2", [{"state": "filled"}])
    (decision,) = api.get("/api/decisions?kind=denied").json()["results"]
    assert (decision["rule"], decision["reason"]) == ("size", "too big")
    assert api.get("/api/decisions?kind=signal").json()["count"] == 0
