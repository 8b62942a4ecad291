"""A book's rules are typed into named fields, or sent as documents; both are checked alike."""

import json
from decimal import Decimal

import pytest
import redis
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry

from engine.core.usage import usage
from engine.decision.sizing import AtrRisk
from infra.redis import keys
from infra.redis.client import async_client
from strategies.services import create_ticker
from tests.trading.people import book, client_of, person
from tests.trading.runtime.test_compose import RISING, play
from tests.trading.test_book_rules import started
from trading.book_form import book_form
from trading.book_usage import usage_lines
from trading.limits import execution_policy, risk_limits, simulated_fills, sizes
from trading.models import Book
from trading.runtime.state import show_usage
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client, redis_url):
    client.force_login(person(Role.ADMIN))
    create_ticker(user=None, strategy="ema", symbol="/MES", timeframe="1", quantities={"paper": 1})
    return client


def page():
    return f"/admin/trading/book/{book().pk}/change/"


def shown(client):
    """What the form's fields hold, as a browser would send them back."""
    form = client.get(page()).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def saved(client, **typed):
    answer = client.post(page(), {**shown(client), **typed})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return book()


def test_every_rule_has_a_field_with_its_help(admin):
    content = admin.get(page()).content.decode()
    for words in (
        "Limits of the book", "cash value of one order", "Limits of ema", "Size of ema", "Day trading at paper",
        "Max orders window, seconds", "Cash at each account", "The same bet twice",
        "Simulated fills", "What is used of each limit", "Margin of one contract", "Orders and exits",
        "Watch over real accounts", "What others trade, by symbol", "shares may be sold short",
    ):  # fmt: skip
        assert words in content


def test_what_is_typed_in_is_what_is_stored_and_shown_again(admin):
    found = saved(
        admin,
        risk__max_daily_loss="500", risk__allowed_symbols="mes, SPY", risk__session_only="on",
        risk__strategies__ema__max_position="3", risk__day_trading__paper__venue="schwab",
        risk__day_trading__paper__equity="20000", risk__day_trading__paper__day_trades="2026-11-19, 2026-11-20",
        sizing__capital__paper="10000", sizing__strategies__ema__method="atr_risk",
        sizing__strategies__ema__risk="0.02", correlation__is_on="on", correlation__limit="0.8",
        fills__slippage="fixed:1",
    )  # fmt: skip
    limits = risk_limits(found.risk)
    assert limits.max_daily_loss == 500
    assert limits.allowed_symbols == ("/MES", "SPY")
    assert limits.session_only
    assert limits.strategies["ema"].max_position == 3
    assert len(limits.day_trading["paper"].day_trades) == 2
    assert sizes(found.sizing).strategies["ema"] == AtrRisk(risk=0.02)
    assert found.correlation == {"limit": 0.8}
    assert found.fills == {"slippage": "fixed:1"}
    assert saved(admin).risk == found.risk
    assert book().sizing == found.sizing


def test_execution_is_typed_into_fields_and_stored_as_the_document_that_programs_send(admin):
    written = {"external_trades_by_symbol": {"SPY": "ignore"}, "poll_s": 5, "exits": "stop"}
    type(book()).objects.update(execution=written)
    found = saved(admin, risk__max_orders="5")
    assert execution_policy(found.execution) == execution_policy(written), "shown and sent back, it is the same"
    found = saved(
        admin, execution__exits="engine", execution__stop_rejected="flatten", execution__poll_s="",
        execution__external_trades_by_symbol__SPY="", **{"execution__external_trades_by_symbol__/MES": "adopt"},
        execution__chains="synthetic:0.2", fills__share_leverage="2", **{"fills__margins__/MES": "1500"},
    )  # fmt: skip
    assert found.execution == {
        "exits": "engine", "stop_rejected": "flatten", "chains": "synthetic:0.2",
        "external_trades_by_symbol": {"/MES": "adopt"},
    }  # fmt: skip
    rates = simulated_fills(found.fills).rates
    assert rates is not None
    assert (rates.share, rates.per_contract) == (Decimal("0.5"), {"/MES": Decimal(1500)})


def test_a_switch_that_is_on_by_itself_is_switched_off_and_on(admin):
    switches = ("execution__allow_short", "fills__buying_power")
    assert all(shown(admin)[name] for name in switches)
    admin.post(page(), {name: value for name, value in shown(admin).items() if name not in switches})
    assert (book().execution, book().fills) == ({"allow_short": False}, {"buying_power": False})
    found = saved(admin, execution__allow_short="on", fills__buying_power="on")
    assert (found.execution, found.fills) == ({}, {})


def test_an_emptied_field_takes_its_limit_away(admin):
    saved(admin, risk__max_daily_loss="500", risk__strategies__ema__max_position="3")
    found = saved(admin, risk__max_daily_loss="", risk__strategies__ema__max_position="")
    assert found.risk == {}


def test_correlation_is_switched_on_and_off(admin):
    assert saved(admin, correlation__is_on="on").correlation == {"limit": 0.9}
    answer = {name: value for name, value in shown(admin).items() if name != "correlation__is_on"}
    admin.post(page(), answer)
    assert book().correlation == {}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"risk__max_daily_loss": "-5"}, "risk__max_daily_loss"),
        ({"risk__calendar": "MARS"}, "risk__calendar"),
        ({"sizing__strategies__ema__method": "atr_risk"}, "sizing__capital"),
        (
            {"sizing__strategies__ema__method": "atr_risk", "sizing__capital__alpaca": "5000"},
            "sizing__capital__paper",
        ),
        ({"risk__day_trading__paper__venue": "schwab"}, "risk__day_trading__paper"),
        ({"correlation__is_on": "on", "correlation__limit": "3"}, "correlation__limit"),
        ({"fills__fees": "cheap"}, "fills__fees"),
        ({"fills__share_leverage": "0"}, "fills__share_leverage"),
        ({"execution__exits": "somewhere"}, "execution__exits"),
        ({"execution__poll_s": "0"}, "execution__poll_s"),
        ({"execution__chains": "synthetic:9"}, "execution__chains"),
        ({"execution__external_trades_by_symbol__/MES": "sell"}, "execution__external_trades_by_symbol__/MES"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(admin, typed, field):
    answer = admin.post(page(), {**shown(admin), **typed})
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    known = field if field in book_form(book()).base_fields else "__all__"
    assert list(errors) == [known]
    assert book().risk == {}


@pytest.mark.parametrize(("name", "mode"), [("second", "paper"), ("live", "paper"), ("paper", "live")])
def test_a_book_in_which_nothing_could_be_started_is_not_made(admin, name, mode):
    answer = admin.post("/admin/trading/book/add/", {"name": name, "mode": mode, "feed": "dxlink"})
    (said,) = answer.context["adminform"].form.errors["name"]
    assert said == (
        "name: paper (for paper) or live (for live) was expected, as strategies are started in these only; "
        f"found {name} (for {mode})"
    )
    assert not Book.objects.filter(name=name, mode=mode).exists()


def test_the_book_for_real_money_is_given_its_limits_before_it_first_trades(admin):
    answer = admin.post("/admin/trading/book/add/", {"name": "live", "mode": "live", "feed": "dxlink"})
    assert answer.status_code == 302
    assert Book.objects.get(name="live").mode == "live"


def test_what_a_form_cannot_show_survives_it(admin):
    schedule = [{"since": "2020-01-01", "rule": "none"}]
    written = {"day_trading": {"paper": {"venue": "schwab", "equity": "1", "schedule": schedule}}}
    type(book()).objects.update(risk=written)
    assert saved(admin, risk__max_orders="5").risk["day_trading"] == written["day_trading"]


@pytest.mark.django_db(transaction=True)
def test_rules_are_read_and_changed_by_program_and_the_change_is_on_record(redis_url):
    api, name = client_of(person(Role.ADMIN)), book().name
    answer = api.patch(f"/api/books/{name}/rules", {"risk": {"max_daily_loss": "500"}}, format="json")
    assert answer.status_code == 200
    assert api.get(f"/api/books/{name}/rules").data["risk"] == {"max_daily_loss": "500"}
    assert "500" in LogEntry.objects.get().change_message
    with redis.Redis.from_url(redis_url) as client:
        assert client.get(keys.config_changed())


def test_a_wrong_rule_changes_nothing_and_a_viewer_changes_none(redis_url):
    api, name = client_of(person(Role.ADMIN)), book().name
    both = {"risk": {"max_daily_loss": 5}, "fills": {"fees": "cheap"}}
    answer = api.patch(f"/api/books/{name}/rules", both, format="json")
    assert answer.status_code == 400
    assert "fills.fees" in str(answer.data)
    assert book().risk == {}
    viewer = client_of(person(Role.VIEWER))
    assert viewer.patch(f"/api/books/{name}/rules", {"risk": {}}, format="json").status_code == 403
    assert api.get("/api/books/nothing/rules").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_what_is_used_of_a_limit_is_told_by_the_process_to_page_and_program(redis_url):
    desk = started("/MES", risk={"max_gross_exposure": 5000})
    play(desk, RISING, "/MES")
    name = book().name
    api = client_of(person(Role.VIEWER))
    assert usage_lines(name) == ([], "No process trades this book: what is used is not known.")
    assert api.get(f"/api/books/{name}/usage").data["at"] is None

    async def tell() -> None:
        client = async_client(redis_url)
        await show_usage(client, book=name, figures=usage(desk.engine))
        await client.aclose()

    async_to_sync(tell)()
    figures = {(each["of"], each["name"]): each for each in api.get(f"/api/books/{name}/usage").json()["figures"]}
    gross = figures["book", "max_gross_exposure"]
    assert (gross["used"], Decimal(gross["limit"])) == (106 * 5 * 2, Decimal(5000))
    rows, _ = usage_lines(name)
    assert ("book", "max gross exposure", "1,060 of 5,000, 3,940 left") in rows
    assert json.dumps(rows)
