"""Starting, stopping and steering over HTTP, and the locks on it."""

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from strategies.services import create_ticker
from tests.trading.people import PASSWORD, book, client_of, order, person
from trading import services
from trading.models import CommandRecord, Run
from users.roles import Role

pytestmark = pytest.mark.django_db

CONTROL = [
    ("post", "/api/start-trading"),
    ("get", "/api/start-trading?strategy=ema"),
    ("post", "/api/stop-trading"),
    ("get", "/api/stop-trading?strategy=ema"),
    ("post", "/api/flatten"),
    ("post", "/api/halt"),
    ("post", "/api/resume"),
    ("post", "/api/orders/x/cancel"),
    ("post", "/api/manual-trigger"),
    ("post", "/api/ema-manual-trigger"),
]


@pytest.fixture(autouse=True)
def _fresh(redis_url):
    cache.clear()


@pytest.fixture
def trader():
    return person(Role.TRADER)


@pytest.fixture
def api(trader):
    return client_of(trader)


@pytest.fixture
def ticker():
    return create_ticker(user=None, strategy="ema", symbol="/MES", timeframe="144t", quantities={"paper": 1})


def post(api, route, **body):
    return api.post(route, body, format="json")


@pytest.mark.parametrize(("method", "route"), CONTROL)
def test_every_route_is_401_without_a_token(method, route):
    assert getattr(APIClient(), method)(route).status_code == 401


@pytest.mark.parametrize(("method", "route"), CONTROL)
def test_a_viewer_steers_nothing(ticker, method, route):
    assert getattr(client_of(person(Role.VIEWER)), method)(route).status_code == 403
    assert not Run.objects.exists()


def test_a_start_runs_on_paper_unless_asked_otherwise(api, ticker, trader):
    answer = post(api, "/api/start-trading", strategy="ema")
    assert answer.status_code == 202
    assert answer.data["success"] is True
    assert (answer.data["book"], answer.data["live_mode"], answer.data["state"]) == ("paper", False, "running")
    assert answer.data["slots"][0]["symbol"] == "/MES"
    assert Run.objects.get().started_by == trader


@pytest.mark.parametrize(
    ("body", "field"), [({}, "strategy"), ({"strategy": "ema", "live_mode": "perhaps"}, "live_mode")]
)
def test_a_bad_start_is_400_and_names_the_field(api, ticker, body, field):
    answer = post(api, "/api/start-trading", **body)
    assert (answer.status_code, answer.data["field"]) == (400, field)


def test_a_start_of_nothing_is_refused_in_words(api, ticker):
    assert post(api, "/api/start-trading", strategy="emma").status_code == 404
    answer = post(api, "/api/start-trading", strategy="ema", symbol="SPY")
    assert answer.status_code == 400
    assert "SPY" in answer.data["detail"]


def test_the_older_get_starts_and_stops_on_paper_with_a_token(api, ticker):
    assert api.get("/api/start-trading?strategy=ema&live_mode=false").status_code == 202
    assert api.get("/api/stop-trading?strategy=ema").status_code == 202
    assert Run.objects.get().state == "stopped"


def test_a_link_followed_by_a_browser_that_is_logged_in_starts_nothing(trader, ticker):
    browser = APIClient()
    assert browser.login(username=trader.email, password=PASSWORD)
    assert browser.get("/api/start-trading?strategy=ema").status_code == 403
    assert browser.get("/api/stop-trading?strategy=ema").status_code == 403
    assert not Run.objects.exists()


class TestRealMoney:
    def test_never_starts_by_get(self, api, ticker):
        answer = api.get("/api/start-trading?strategy=ema&live_mode=true")
        assert (answer.status_code, answer.data["field"]) == (409, "live_mode")
        assert not Run.objects.exists()

    def test_needs_the_permission(self, ticker):
        trader = person(Role.TRADER)
        trader.groups.get().permissions.remove(
            *trader.groups.get().permissions.filter(codename="start_live")
        )  # a trader who may do everything else
        answer = post(client_of(trader), "/api/start-trading", strategy="ema", live_mode=True)
        assert answer.status_code == 403
        assert "start_live" in answer.data["detail"]

    def test_asks_for_a_confirmation_first(self, api, ticker):
        answer = post(api, "/api/start-trading", strategy="ema", live_mode=True)
        assert (answer.status_code, answer.data["code"]) == (409, "confirmation_needed")
        assert answer.data["confirmation"]
        assert not Run.objects.exists()

    def test_a_confirmed_start_still_needs_an_armed_account(self, api, ticker):
        token = post(api, "/api/start-trading", strategy="ema", live_mode=True).data["confirmation"]
        answer = post(api, "/api/start-trading", strategy="ema", live_mode=True, confirmation=token)
        assert (answer.status_code, answer.data["code"]) == (409, "live_mode_locked")
        assert not Run.objects.exists()

    def test_a_confirmation_is_for_one_person_one_start_and_once(self, api, ticker, monkeypatch):
        started = []

        def start(**values):
            started.append(values)
            return Run.objects.create(book=book("live"), strategy="ema", slots=[])

        monkeypatch.setattr(services, "start_strategy", start)
        token = post(api, "/api/start-trading", strategy="ema", live_mode=True).data["confirmation"]
        body = {"strategy": "ema", "live_mode": True, "confirmation": token}
        other = client_of(person(Role.ADMIN))
        assert post(other, "/api/start-trading", **body).data["field"] == "confirmation"
        assert post(api, "/api/start-trading", **body, symbol="/MES").status_code == 409
        assert post(api, "/api/start-trading", **{**body, "confirmation": token + "x"}).status_code == 409
        assert started == []
        assert post(api, "/api/start-trading", **body).status_code == 202
        assert [values["live_mode"] for values in started] == [True]
        assert post(api, "/api/start-trading", **body).status_code == 409
        assert len(started) == 1

    def test_is_not_stopped_by_get(self, api, ticker):
        Run.objects.create(book=book("live"), strategy="ema", slots=[])
        assert api.get("/api/stop-trading?strategy=ema").status_code == 409
        assert post(api, "/api/stop-trading", strategy="ema").status_code == 202


def test_stopping_what_does_not_run_is_a_conflict(api, ticker):
    answer = post(api, "/api/stop-trading", strategy="ema")
    assert (answer.status_code, answer.data["code"]) == (409, "conflict")


def test_flatten_without_a_position_is_a_conflict(api):
    assert post(api, "/api/flatten", symbol="MES").status_code == 409


def test_a_halt_is_recorded_and_ended_by_resume(api):
    paper = book()
    assert post(api, "/api/halt", book="paper", reason="news").status_code == 202
    paper.refresh_from_db()
    assert (paper.is_halted, paper.halt_reason) == (True, "news")
    assert post(api, "/api/resume", book="paper").status_code == 202
    paper.refresh_from_db()
    assert not paper.is_halted
    assert post(api, "/api/halt", book="nowhere").status_code == 404


def test_a_cancel_is_sent_for_an_order_that_there_is(api):
    placed = order(state="working")
    assert post(api, f"/api/orders/{placed.client_id}/cancel").status_code == 202
    assert CommandRecord.objects.get().payload["client_id"] == placed.client_id
    assert post(api, "/api/orders/none/cancel").status_code == 404


@pytest.mark.parametrize("action", ["long", "SHORT", "Call", "put", "close", "FLAT"])
def test_a_manual_trigger_takes_every_spelling_and_says_so(api, ticker, action):
    post(api, "/api/start-trading", strategy="ema")
    answer = post(api, "/api/ema-manual-trigger", ticker="MES", action=action)
    assert (answer.status_code, answer.data["success"], answer.data["state"]) == (202, None, "sent"), "not known yet"
    assert post(api, "/api/manual-trigger", ticker="/MES", action=action).status_code == 202
    assert CommandRecord.objects.filter(kind="ManualSignal").count() == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": "refused", "detail": "the book is halted"}, (200, False, "", "the book is halted")),
        ({"state": "accepted", "outcome": "filled", "detail": "bought 2"}, (200, True, "filled", "bought 2")),
        ({"state": "accepted", "outcome": "refused", "detail": "no chain"}, (200, False, "refused", "no chain")),
        ({"state": "accepted", "detail": "the order is on its way"}, (202, None, "", "the order is on its way")),
    ],
)
def test_a_manual_trigger_that_waits_tells_what_became_of_it(api, ticker, monkeypatch, changes, expected):
    post(api, "/api/start-trading", strategy="ema")
    monkeypatch.setattr("trading.services.time.sleep", lambda seconds: CommandRecord.objects.update(**changes))
    answer = post(api, "/api/manual-trigger", ticker="MES", action="long", wait_s=0.05)
    told = (answer.status_code, answer.data["success"], answer.data["outcome"], answer.data["detail"])
    assert told == expected
    later = api.get(f"/api/commands/{answer.data['command']}").data
    assert (later["success"], later["outcome"], later["detail"]) == expected[1:]


def test_an_unknown_action_is_400_and_an_idle_symbol_a_conflict(api, ticker):
    assert post(api, "/api/manual-trigger", ticker="MES", action="long").status_code == 409
    post(api, "/api/start-trading", strategy="ema")
    answer = post(api, "/api/ema-manual-trigger", ticker="MES", action="buy")
    assert (answer.status_code, answer.data["field"]) == (400, "action")
    assert post(api, "/api/ema-manual-trigger", ticker="SPY", action="long").status_code == 409
