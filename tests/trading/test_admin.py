"""The ledger is read in the admin and never edited; tickers and books are steered from it."""

from decimal import Decimal

import pytest
from django.utils import timezone

from strategies.services import create_ticker
from tests.trading.people import NOON, book, order, person, trade
from trading.models import CommandRecord, Decision, Fill, Order, Position, Run
from users.roles import Role

pytestmark = pytest.mark.django_db
TICKERS = "/admin/strategies/ticker/"


@pytest.fixture
def trader(client, redis_url):
    user = person(Role.TRADER)
    client.force_login(user)
    return user


@pytest.fixture
def rows(trader):
    placed = order()
    Fill.objects.create(
        order=placed, fill_id="f1", broker="paper", symbol="SPY", side="buy", quantity=2, price=400, ts=1, at=NOON
    )
    Position.objects.create(
        book=book(), strategy="ema", symbol="SPY", broker="paper", quantity=Decimal(2), updated_at=timezone.now()
    )
    trade()
    Decision.objects.create(book=book(), kind="signal", strategy="ema", symbol="SPY", reason="cross_above", at=NOON)
    Run.objects.create(book=book(), strategy="old", slots=[], state="stopped")


@pytest.fixture
def tickers(trader):
    return [
        create_ticker(user=None, strategy="ema", symbol=s, timeframe="1", quantities={"paper": 1})
        for s in ("SPY", "QQQ")
    ]


def act(client, page, action, rows):
    data = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = client.post(page, data, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_numbers_are_shown_without_the_zeros_of_their_storage_and_a_refusal_with_its_reason(client, rows):
    Order.objects.update(state="rejected", state_reason="tastytrade takes no trailing stop orders.", quantity="2.50")
    page = client.get("/admin/trading/order/?o=4").content.decode()
    assert "tastytrade takes no trailing stop orders." in page
    assert ">2.5<" in page
    assert "2.50000000" not in page
    assert ">400<" in client.get("/admin/trading/fill/").content.decode()


@pytest.mark.parametrize(
    "name", ["order", "fill", "position", "trade", "decision", "run", "commandrecord", "journalevent"]
)
def test_the_ledger_is_read_and_never_edited(client, rows, name):
    page = f"/admin/trading/{name}/"
    assert client.get(page).status_code == 200
    assert client.get(f"{page}add/").status_code == 403
    assert client.post(f"{page}1/change/", {"quantity": "9"}).status_code in (302, 403)  # 302: no such row
    assert client.post(f"{page}1/delete/", {"post": "yes"}).status_code in (302, 403)
    assert Position.objects.get().quantity == 2


def test_starting_many_tickers_starts_their_strategy_once(client, tickers):
    messages = act(client, TICKERS, "start", tickers)
    assert len(messages) == 1
    assert "started" in messages[0]
    assert [slot["symbol"] for slot in Run.objects.get().slots] == ["QQQ", "SPY"]


def test_the_status_column_follows_the_run(client, tickers):
    assert "stopped" in client.get(TICKERS).content.decode()
    act(client, TICKERS, "start", tickers[:1])
    page = client.get(TICKERS).content.decode()
    assert "running" in page or "starting" in page
    assert "stopped" in act(client, TICKERS, "stop", tickers)[0]
    assert Run.objects.get().state == "stopped"


def test_the_list_opens_while_redis_is_down(client, tickers, settings):
    act(client, TICKERS, "start", tickers)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get(TICKERS)
    assert answer.status_code == 200
    assert "Redis does not answer" in answer.content.decode()


def test_stopping_what_does_not_run_says_so(client, tickers):
    assert "not running" in act(client, TICKERS, "stop", tickers)[0]


def test_flatten_asks_the_book_and_says_when_there_is_nothing(client, tickers, rows):
    assert "asked to close" in act(client, TICKERS, "flatten", [t for t in tickers if t.symbol == "SPY"])[0]
    assert "nothing to flatten" in act(client, TICKERS, "flatten", [t for t in tickers if t.symbol == "QQQ"])[0]
    assert CommandRecord.objects.filter(kind="Flatten").count() == 1
    assert "asked to close" in act(client, "/admin/trading/position/", "flatten", Position.objects.all())[0]


def test_a_book_is_halted_and_resumed_by_action_only(client, rows):
    act(client, "/admin/trading/book/", "halt", [book()])
    assert book().is_halted
    client.post(f"/admin/trading/book/{book().pk}/change/", {"feed": "dxlink", "is_halted": ""})
    assert book().is_halted
    act(client, "/admin/trading/book/", "resume", [book()])
    assert not book().is_halted


def test_the_mode_of_a_book_is_chosen_once(client, rows):
    client.post(f"/admin/trading/book/{book().pk}/change/", {"feed": "replay1", "mode": "live"})
    assert book().mode == "paper"
    assert book().feed == "replay1"


def test_a_cancel_is_asked_for(client, rows):
    working = order(2, state="working")
    assert "cancel asked for" in act(client, "/admin/trading/order/", "cancel", [working])[0]
    assert CommandRecord.objects.get(kind="CancelOrder").payload["client_id"] == working.client_id


def test_a_viewer_with_the_admin_opened_to_him_still_steers_nothing(client, tickers):
    viewer = person(Role.VIEWER)
    viewer.is_staff = True
    viewer.save()
    client.force_login(viewer)
    page = client.get(TICKERS).content.decode()
    assert "SPY" in page
    assert 'value="start"' not in page
    client.post(TICKERS, {"action": "start", "_selected_action": [tickers[0].pk]})
    assert not Run.objects.exists()
