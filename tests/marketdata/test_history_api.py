"""Stored history over HTTP: rows, statistics, and clear words for what cannot be answered."""

import math
from datetime import date

import pytest
from rest_framework.test import APIClient

from engine.instruments.adjustments import Factor
from engine.model.time import NS_PER_DAY, iso
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata import history_selectors
from marketdata.archive.store import Archive
from marketdata.history import score
from tests.marketdata.archive.conftest import NOON, minute
from tests.strategies.conftest import client_of
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db

ROUTES = ["/api/history/SPY", "/api/symbols", "/api/ohlcv/SPY", "/api/stats/SPY"]


@pytest.fixture
def api(db, redis_url):
    return client_of(create_user(email="viewer@example.com", password="correct-horse-battery", role=Role.VIEWER))


@pytest.fixture
def archive(tmp_path, settings):
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    return Archive(settings.ARCHIVE_DIR)


@pytest.fixture
def bars(archive):
    made = [minute(at, price) for at, price in enumerate((100.0, 102.0, 99.0, 103.0))]
    archive.append("SPY", "1", made)
    return made


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_needs_a_token_and_then_answers(api, bars, prefix, route):
    route = prefix + route.removeprefix("/api")
    assert APIClient().get(route).status_code == 401
    assert api.get(route).status_code == 200


def test_history_rows_hold_every_field(api, bars):
    answer = api.get("/api/history/SPY").json()
    assert (answer["symbol"], answer["timeframe"], answer["count"], answer["is_cut"]) == ("SPY", "1", 4, False)
    assert answer["results"][0] == {
        "symbol": "SPY", "timestamp": iso(bars[0].ts), "price": 100.5, "open": 100.0, "high": 101.0, "low": 99.0,
        "close": 100.5, "volume": 10.0, "trade_count": 3, "vwap": 100.0, "source": "dxlink", "quality": "built",
        "is_complete": True,
    }  # fmt: skip


def test_the_limit_keeps_the_newest_and_says_so(api, bars):
    answer = api.get("/api/history/SPY?limit=2").json()
    assert [row["open"] for row in answer["results"]] == [99.0, 103.0]
    assert answer["is_cut"] is True


def test_a_span_is_after_start_and_up_to_end(api, bars):
    found = api.get(f"/api/history/SPY?start={iso(bars[0].ts)}&end={iso(bars[2].ts)}").json()
    assert [row["open"] for row in found["results"]] == [102.0, 99.0]
    assert api.get("/api/history/SPY?start=2026-11-18&end=2026-11-18").json()["count"] == 4
    assert api.get("/api/history/SPY?end=2026-11-17").json()["count"] == 0


def test_what_is_newer_than_the_archive_comes_from_redis(api, bars, redis_url):
    fresh = [minute(3, 103.0), minute(4, 104.0)]
    sync_client(redis_url).zadd(keys.bars("SPY", "1"), {codec.encode(bar): score(bar) for bar in fresh})
    assert [row["open"] for row in api.get("/api/history/SPY").json()["results"]] == [100.0, 102.0, 99.0, 103.0, 104.0]


@pytest.mark.parametrize("symbol", ["MES", "/MES", "%2FMES"])
def test_a_future_is_found_by_any_spelling(api, archive, symbol):
    archive.append("/MES", "144t", [minute(0, symbol="/MES", timeframe="144t")])
    answer = api.get(f"/api/history/{symbol}?timeframe=144t")
    assert answer.status_code == 200, answer.data
    assert answer.json()["symbol"] == "/MES"


def test_splits_are_applied_when_asked_for(api, bars, archive):
    archive.set_factors("SPY", [Factor(date(2026, 11, 18), 0.5)])
    assert api.get("/api/history/SPY?adjusted=true").json()["results"][0]["open"] == 50.0
    assert api.get("/api/history/SPY").json()["results"][0]["open"] == 100.0


def test_ohlcv_is_the_span_as_one_bar(api, bars):
    answer = api.get("/api/ohlcv/SPY").json()
    assert {name: answer[name] for name in ("open", "high", "low", "close", "volume", "trade_count", "count")} == {
        "open": 100.0, "high": 104.0, "low": 98.0, "close": 103.5, "volume": 40.0, "trade_count": 12, "count": 4
    }  # fmt: skip
    assert answer["vwap"] == pytest.approx(101.0)
    assert answer["average_range"] == pytest.approx(2.0)


def test_stats_are_of_the_closes(api, bars):
    answer = api.get("/api/stats/SPY").json()
    closes = [100.5, 102.5, 99.5, 103.5]
    mean = sum(closes) / 4
    assert answer["mean"] == pytest.approx(mean)
    assert answer["standard_deviation"] == pytest.approx(math.sqrt(sum((x - mean) ** 2 for x in closes) / 3))
    assert (answer["minimum"], answer["maximum"], answer["change"]) == (99.5, 103.5, 3.0)
    assert answer["max_drawdown"] == pytest.approx(3 / 102.5)


def test_symbols_lists_what_is_stored(api, bars, archive, redis_url):
    archive.append("/NQ", "144t", [minute(0, symbol="/NQ", timeframe="144t")])
    sync_client(redis_url).hset(keys.quote("SPY"), items=["last", "103.25"])
    future, share = api.get("/api/symbols").json()
    assert (future["symbol"], future["timeframes"], future["last_price"]) == ("/NQ", ["144t"], None)
    assert (share["symbol"], share["first"], share["last_price"]) == ("SPY", "2026-11-18", 103.25)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=yesterday", "start"), ("end=2026-13-01", "end"), ("limit=0", "limit"), ("limit=x", "limit"),
        ("limit=50001", "limit"), ("timeframe=5x", "timeframe"), ("adjusted=maybe", "adjusted"),
        ("start=2026-11-19&end=2026-11-17", "start"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_400_and_names_the_field(api, bars, query, field):
    answer = api.get(f"/api/history/SPY?{query}")
    assert (answer.status_code, answer.data["field"]) == (400, field)


@pytest.mark.parametrize("route", ["/api/ohlcv/SPY", "/api/stats/SPY"])
def test_statistics_of_more_bars_than_memory_holds_are_refused(api, archive, monkeypatch, route):
    monkeypatch.setattr(history_selectors, "LARGEST_SPAN", 3)
    for day in range(3):
        archive.append("SPY", "1", [minute(at, 100.0, start=NOON + day * NS_PER_DAY) for at in range(2)])
    answer = api.get(route)
    assert (answer.status_code, answer.data["field"]) == (400, "start")
    assert api.get(f"{route}?start=2026-11-20").json()["count"] == 2
    assert api.get("/api/history/SPY").json()["count"] == 6  # its limit keeps the newest


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("/api/history/IBM", "./run manage backfill IBM --timeframe 1"),
        ("/api/history/SPY?timeframe=5", "stored are 1"),
        ("/api/stats/SPY?end=2026-11-01", "no bars between start and end"),
    ],
)
def test_what_is_not_there_is_404_and_says_what_is(api, bars, route, words):
    answer = api.get(route)
    assert answer.status_code == 404
    assert words in answer.data["detail"]


def test_a_symbol_that_cannot_be_one_is_400(api):
    assert api.get("/api/history/%3F%21").status_code == 400


def test_the_archive_answers_while_redis_is_away(api, bars, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert api.get(f"/api/history/SPY?start={iso(NOON)}").json()["count"] == 4
