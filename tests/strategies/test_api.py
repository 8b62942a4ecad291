"""Both dialects of the ticker API: one model behind them, each answers in its own words."""

import pytest
from rest_framework.test import APIClient

from strategies.models import Ticker

pytestmark = pytest.mark.django_db
NESTED = {"strategy": "ema", "ticker": "SPY", "config": {"timeframe": "5Min", "quantity": 10, "enabled": True}}
FLAT = {
    "strategy": "ema",
    "symbol": "MES",
    "timeframe": "5m",
    "trend_line_1": "EMA",
    "period_1": 8,
    "trend_line_2": "SMA",
    "period_2": 34,
    "schwab_quantity": 0,
    "tastytrade_quantity": 2,
    "trade_enabled": "TRUE",
}
ROUTES = [
    ("get", "/api/tickers/ema"),
    ("post", "/api/tickers"),
    ("post", "/api/add-ticker"),
    ("get", "/api/get-ticker?strategy=ema"),
    ("delete", "/api/delete-ticker"),
    ("delete", "/api/tickers/ema/SPY"),
    ("get", "/api/strategies"),
]


def post(api, route, body):
    return api.post(route, body, format="json")


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_every_route_is_401_without_a_token(method, route):
    assert getattr(APIClient(), method)(route).status_code == 401


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_viewer_reads_and_changes_nothing(viewer_api, method, route):
    assert getattr(viewer_api, method)(route).status_code == (200 if method == "get" else 403)


def test_the_nested_dialect_comes_back_nested(api):
    answer = post(api, "/api/tickers", NESTED)
    assert answer.status_code == 201
    assert answer.data["ticker"] == "SPY"
    assert answer.data["config"]["timeframe"] == "5"
    assert answer.data["config"]["quantity"] == 10
    assert answer.data["config"]["enabled"] is True
    assert answer.data["config"]["params"]["period_1"] == 9
    assert api.get("/api/tickers/ema").json() == [answer.json()]


def test_the_flat_dialect_comes_back_flat(api):
    answer = post(api, "/api/add-ticker", FLAT)
    assert answer.status_code == 201
    assert answer.data["symbol"] == "/MES"
    assert {name: answer.data[name] for name in ("period_1", "period_2", "tastytrade_quantity", "schwab_quantity")} == {
        "period_1": 8,
        "period_2": 34,
        "tastytrade_quantity": 2,
        "schwab_quantity": 0,
    }
    assert answer.data["trade_enabled"] is True
    assert api.get("/api/get-ticker?strategy=ema").json() == [answer.json()]
    assert api.get("/api/get-ticker").json() == [answer.json()]


def test_what_one_dialect_wrote_the_other_reads_and_changes(api):
    post(api, "/api/add-ticker", FLAT)
    body = {"strategy": "ema", "ticker": "/MES", "config": {"timeframe": "1", "quantity": 3, "period_1": 5}}
    answer = post(api, "/api/tickers", body)
    assert answer.status_code == 200
    assert answer.data["config"]["quantities"] == {"schwab": "0", "tastytrade": "2", "paper": "3"}
    (flat,) = api.get("/api/get-ticker?strategy=ema").json()
    assert (flat["timeframe"], flat["period_1"], flat["period_2"]) == ("1", 5, 34)
    assert (flat["paper_quantity"], flat["tastytrade_quantity"]) == (3, 2)
    assert Ticker.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"period_1": 0}, "period_1"),
        ({"period_3": 1}, "period_3"),
        ({"timeframe": "5x"}, "timeframe"),
        ({"timeframe": None}, "timeframe"),
        ({"tastytrade_quantity": -1}, "quantities.tastytrade"),
        ({"strategy": "emma"}, "strategy"),
        ({"symbol": None}, "symbol"),
        ({"schwab_quantity": 10}, "quantities.schwab"),
        ({"nobody_quantity": 10}, "quantities.nobody"),
    ],
)
def test_a_bad_flat_body_is_400_and_names_the_field(api, change, field):
    answer = post(api, "/api/add-ticker", {**FLAT, **change})
    assert answer.status_code == 400
    assert answer.data["code"] == "invalid_input"
    assert answer.data["field"] == field
    assert not Ticker.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NESTED, "config": None}, "config"),
        ({**NESTED, "config": {"quantity": 1}}, "timeframe"),
        ({**NESTED, "config": {"timeframe": "5", "quantity": -1}}, "quantities.paper"),
        ({**NESTED, "config": {"timeframe": "5", "period_2": "x"}}, "period_2"),
        ({**NESTED, "ticker": ""}, "symbol"),
    ],
)
def test_a_bad_nested_body_is_400_and_names_the_field(api, body, field):
    answer = post(api, "/api/tickers", body)
    assert (answer.status_code, answer.data["field"]) == (400, field)


def test_a_body_that_is_no_object_is_400(api):
    assert post(api, "/api/tickers", [1]).status_code == 400
    assert api.post("/api/tickers", "{", content_type="application/json").status_code == 400


def test_a_strategy_that_there_is_not_is_404_with_a_suggestion(api):
    answer = api.get("/api/tickers/emaa")
    assert answer.status_code == 404
    assert "ema" in answer.data["detail"]


@pytest.mark.parametrize("place", ["body", "query"])
def test_a_ticker_is_deleted_by_name_and_is_404_when_absent(api, place):
    post(api, "/api/add-ticker", FLAT)
    name = {"strategy": "ema", "symbol": "MES"}

    def delete():
        if place == "body":
            return api.delete("/api/delete-ticker", name, format="json")
        return api.delete("/api/delete-ticker?strategy=ema&ticker=MES")

    assert delete().status_code == 200
    assert not Ticker.objects.exists()
    assert delete().status_code == 404


@pytest.mark.parametrize("symbol", ["MES", "/MES", "%2FMES"])
def test_a_ticker_is_deleted_by_its_address(api, symbol):
    post(api, "/api/add-ticker", FLAT)
    assert api.delete(f"/api/tickers/ema/{symbol}").status_code == 204
    assert api.delete(f"/api/tickers/ema/{symbol}").status_code == 404


def test_the_strategies_tell_their_parameters(api):
    found = {row["name"]: row for row in api.get("/api/strategies").json()}
    assert found["ema"]["params"]["period_1"]["default"] == 9
    assert found["ema"]["description"]
