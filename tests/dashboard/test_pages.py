"""The pages and the API behind them."""

import re

import pytest
from django.urls import get_resolver

from infra import codec
from infra.redis import keys
from tests.browser.scripted import ScriptedMarket
from tests.fortified.test_every_route import address, routes
from tests.marketdata.test_charts import bar
from trading.models import Trade
from users.services import set_role

pytestmark = pytest.mark.django_db
OPEN_PAGES = {"/market", "/data", "/login", "/logout"}


def test_the_page_asks_to_sign_in_first(client):
    response = client.get("/")
    assert response.status_code == 302
    assert response.url == "/login?next=/"


def test_an_account_without_a_role_is_told_so_on_every_page_but_the_markets_and_can_leave(client, stranger, ledger):
    pages = {
        path
        for path, view in routes(get_resolver().url_patterns)
        if hasattr(view, "view_class") and not hasattr(view, "cls") and not path.startswith(("/admin/", "/api/"))
    }
    assert pages > {"/", "/book/<slug:book>", "/analytics", "/strategies/graph"} | OPEN_PAGES
    client.force_login(stranger)
    for path in sorted(pages - OPEN_PAGES):
        response = client.get(address(path))
        assert (path, response.status_code) == (path, 403)
        page = response.content.decode()
        assert "stranger@example.com may not open this page" in page
        assert 'action="/logout"' in page
    assert client.get("/market").status_code == client.get("/data").status_code == 200


@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_said_in_words_and_signs_nobody_in(client, user, password):
    response = client.post("/login", {"username": user.email, "password": password})
    assert response.status_code == 200
    assert "_auth_user_id" not in client.session
    assert 'role="alert"' in response.content.decode()


def test_the_address_is_taken_in_any_case(client, user):
    response = client.post("/login", {"username": user.email.upper(), "password": "correct-horse-battery"})
    assert response.status_code == 302


def test_a_fresh_installation_offers_what_could_be_started(client, user, tickers):
    set_role(user=user, role="trader")
    client.force_login(user)
    page = client.get("/").content.decode()
    assert "Nothing has been started yet" in page
    assert 'data-start="ema"' in page


def test_a_viewer_is_offered_no_button_that_changes_anything(client, user, ledger):
    set_role(user=user, role="viewer")
    client.force_login(user)
    page = client.get("/").content.decode()
    assert 'id="flatten-all"' not in page
    assert 'id="halt"' not in page
    assert '"start": false' in page


def test_the_mode_is_on_the_page_before_any_script_runs(client, user, ledger):
    client.force_login(user)
    assert re.search(r'class="badge mode-paper"[^>]*>PAPER<', client.get("/").content.decode())


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(client, user, ledger):
    client.force_login(user)
    response = client.get("/")
    page = response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    inline = [tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag]
    assert inline == ['<script id="page-config" type="application/json">']


def test_every_file_the_page_names_exists(client, user, ledger):
    from django.contrib.staticfiles import finders

    client.force_login(user)
    names = re.findall(r'(?:src|href)="/static/([^"]+)"', client.get("/").content.decode())
    assert len(names) >= 5
    assert [name for name in names if finders.find(name) is None] == []


def test_charts_fills_and_overviews_need_an_account(client, ledger):
    for path in ("/api/charts/SPY/1", "/api/book/paper/overview", "/api/book/paper/fills"):
        assert client.get(path).status_code in (401, 403), path


def test_a_chart_is_read_from_stored_bars_with_lines(client, user, ledger, store):
    for number in range(25):
        store.zadd(keys.bars("SPY", "1"), {codec.encode(bar(number, 100.0 + number)): bar(number).ts // 1_000_000})
    client.force_login(user)
    chart = client.get("/api/charts/SPY/1m").json()
    assert chart["symbol"] == "SPY"
    assert [row["close"] for row in chart["bars"]] == [100.0 + number for number in range(25)]
    assert [line["label"] for line in chart["lines"]] == ["EMA 9", "EMA 21"]
    assert chart["bars"][0]["values"] == [None, None]
    assert None not in chart["bars"][-1]["values"]


def test_a_chart_of_a_future_keeps_its_slash(client, user, ledger):
    client.force_login(user)
    assert client.get("/api/charts//MES/144t").json()["symbol"] == "/MES"


def test_a_timeframe_that_is_none_is_refused_by_name(client, user, ledger):
    client.force_login(user)
    response = client.get("/api/charts/SPY/soon")
    assert response.status_code == 400
    assert response.json()["field"] == "timeframe"


def test_the_overview_is_the_same_over_http(client, user, traded):
    client.force_login(user)
    document = client.get("/api/book/paper/overview").json()
    assert document["positions"][0]["symbol"] == "/MES"
    assert client.get("/api/book/papper/overview").status_code == 404


def test_a_trade_tells_why_it_was_opened_and_closed(client, user, traded):
    client.force_login(user)
    trade = traded.book.trades.get()
    detail = client.get(f"/api/book/paper/trades/{trade.pk}").json()
    assert detail["entry"]["reason"] == "EMA 9 crossed above EMA 21"
    assert detail["entry"]["evidence"] == {"ema(close,9)": 5012.137, "ema(close,21)": 5010.802}
    assert detail["exit"]["reason"] == "EMA 9 crossed below EMA 21"
    assert detail["exit"]["evidence"] == {}  # no signal said so: values of another one would explain nothing
    assert client.get(f"/api/book/paper/trades/{trade.pk + 1}").status_code == 404


def test_a_trade_comes_with_the_bars_around_it(client, user, traded, store):
    client.force_login(user)
    trade = Trade.objects.get()
    route = f"/api/book/paper/trades/{trade.pk}"
    assert client.get(route).json()["chart"] == {"timeframe": "144t", "bars": []}
    ScriptedMarket(store, symbol="/MES", ticks=144, tick_size=0.25, base=5000.0).history(50)
    chart = client.get(route).json()["chart"]
    assert 1 <= len(chart["bars"]) <= 43
    opened, closed, first, high, low, last = chart["bars"][0]
    assert opened < closed <= trade.exit_at.timestamp() * 1000
    assert low <= min(first, last) <= max(first, last) <= high


def test_fills_can_be_asked_for_by_symbol(client, user, traded):
    client.force_login(user)
    assert len(client.get("/api/book/paper/fills?symbol=/MES").json()["fills"]) == 3
    assert client.get("/api/book/paper/fills?symbol=SPY").json()["fills"] == []
