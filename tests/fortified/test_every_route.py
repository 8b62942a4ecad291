"""What holds for every route that answers programs, also for one that is added tomorrow."""

import re
import string
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from django.core.cache import cache as answers
from django.urls import URLResolver, get_resolver
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from users.models import User
from users.roles import Role
from users.services import create_user

pytestmark = pytest.mark.django_db
# Open by their nature: to log in, to be probed, to read the documentation; figures, to a scraper on this machine.
OPEN = {"/api/login", "/api/token/refresh", "/api/health", "/api/schema", "/api/docs", "/docs", "/health", "/metrics"}
METHODS = ("get", "post", "put", "patch", "delete")
# What an account without a role may do: read the market, and see to its own.
OF_THE_MARKET = (
    "/api/history/", "/api/ohlcv/", "/api/stats/", "/api/symbols", "/api/charts/", "/api/market/quotes", "/api/movers",
    "/api/feeds/", "/api/universe", "/api/backfills", "/api/brokers/features",
    "/history/", "/ohlcv/", "/stats/", "/symbols",
)  # fmt: skip
OF_ONESELF = ("/api/update-credentials", "/api/notifications")


@cache
def operations() -> list[tuple[str, str]]:
    """Every method and path that a view of the REST framework answers, described in the schema or not."""
    return [
        (method, path)
        for path, view in routes(get_resolver().url_patterns)
        if (kind := getattr(view, "cls", None)) is not None
        for method in METHODS
        if hasattr(kind, method)
    ]


def routes(patterns: Iterable[Any], prefix: str = "/") -> Iterator[tuple[str, Any]]:
    for each in patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, path)
        else:
            yield path, each.callback


def address(path: str, part: str = "x") -> str:
    return re.sub(r"<(\w+):\w+>", lambda match: "1" if match[1] == "int" else part, path)


def test_every_route_but_the_open_ones_wants_a_token(redis_url):
    closed = [(method, path) for method, path in operations() if path not in OPEN]
    assert len(closed) > 30
    answered = {(method, path): getattr(APIClient(), method)(address(path)).status_code for method, path in closed}
    assert {key: status for key, status in answered.items() if status != 401} == {}


def test_an_account_without_a_role_sees_the_market_and_nothing_that_is_traded(redis_url):
    api, answered = APIClient(), {}
    api.force_authenticate(User.objects.create_user("stranger@example.com", "correct-horse-battery"))
    for method, path in operations():
        is_open = path in OPEN or path.startswith(OF_ONESELF) or (method == "get" and path.startswith(OF_THE_MARKET))
        if not is_open:
            answered[method, path] = getattr(api, method)(address(path)).status_code
    assert len(answered) > 30
    assert {key: status for key, status in answered.items() if status != 403} == {}


@pytest.fixture
def api(redis_url):
    user = create_user(email="admin@example.com", password="correct-horse-battery", role=Role.ADMIN)
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/analytics?end=9999-12-31", "end"),
        ("/api/analytics?start=0001-01-01", "start"),
        ("/api/analytics?capital=1e400", "capital"),
        ("/api/trades?end_date=9999-12-31", "end_date"),
        ("/api/paper-trades/stats?end_date=9999-12-31T23:00:00-05:00", "end_date"),
        (f"/api/orders/times?days={'9' * 20}", "days"),
        (f"/api/orders/times?days={'9' * 5_000}", "days"),
    ],
)
def test_what_lies_beyond_any_day_or_amount_is_refused_by_its_field(api, path, field):
    answer = api.get(path)
    assert (answer.status_code, answer.data["field"]) == (400, field)


@pytest.mark.parametrize("path", ["/api/login", "/api/token/refresh", "/api/backtests", "/api/halt"])
def test_json_that_is_nested_beyond_reason_is_refused_as_json_that_cannot_be_read(api, path):
    answer = api.generic("POST", path, "[" * 100_000, content_type="application/json")
    assert (answer.status_code, answer.data["code"]) == (400, "parse_error")


# Names that routes read, so that the values beside them are looked at.
NAMES = st.sampled_from(
    [
        "strategy", "symbol", "ticker", "timeframe", "config", "action", "book", "page", "page_size", "start_date",
        "end_date", "live_mode", "confirmation", "email", "password", "refresh", "limit", "start", "end", "quantity",
    ]
)  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(string.printable, max_size=12) | st.sampled_from(["ema", "SPY", "/NQ", "1", "144t", "\x00", "🂡", "1e999"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    operation=st.integers(0, 10_000),
    body=st.dictionaries(NAMES, VALUES, max_size=4) | VALUES,
    query=st.dictionaries(NAMES, st.text(string.printable, max_size=12), max_size=3),
    part=st.sampled_from(["x", "ema", "SPY", "%2FNQ", "-1", "%00", "%F0%9F%82%A1"]),
)
@example(operation=0, body={"strategy": "ema", "symbol": "\x00"}, query={}, part="x")
def test_whatever_is_sent_is_answered_and_nothing_breaks(api, operation, body, query, part):
    """An error of ours would be raised here: the client does not hide it behind a 500."""
    answers.clear()  # wrong logins are counted there
    method, path = operations()[operation % len(operations())]
    where = address(path, part)
    if method == "get":
        answer = api.get(where, query)
    else:
        answer = getattr(api, method)(where, body, format="json")
    # 503: a health check may say so of a machine in trouble; nothing else answers from 500 on.
    assert answer.status_code < 500 or (path, answer.status_code) == ("/api/health", 503), (method, where, answer.data)
