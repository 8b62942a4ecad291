"""The admin's form has a field for every parameter, and refuses beside the field that is wrong."""

import pytest

from strategies import services
from strategies.forms import parameter_fields
from strategies.models import Ticker, TickerChange

pytestmark = pytest.mark.django_db
ADD = "/admin/strategies/ticker/add/"


@pytest.fixture
def admin(client, trader):
    client.force_login(trader)
    return client


@pytest.fixture
def ticker(trader):
    values = {"strategy": "ema", "symbol": "SPY", "timeframe": "5", "quantities": {"paper": "7"}}
    return services.create_ticker(user=trader, **values, params={"period_1": 4})


def fields(**changes):
    good = {"strategy": "ema", "symbol": "MES", "timeframe": "5Min", "trade_enabled": "on", "quantity_tastytrade": "2"}
    return {**good, **changes}


def test_every_parameter_has_a_field_with_its_default_and_bounds():
    found = parameter_fields("ema")
    assert found["param_period_1"].initial == 9
    assert "≥" in str(found["param_period_1"].help_text)
    assert set(found) >= {"param_period_1", "param_period_2", "param_trend_line_1", "param_trend_line_2"}


def test_a_ticker_added_here_is_the_same_as_one_added_by_the_api(admin, trader):
    answer = admin.post(ADD, fields(param_period_1="8", param_period_2="34"))
    assert answer.status_code == 302, answer.content.decode()
    ticker = Ticker.objects.get()
    assert (ticker.symbol, ticker.timeframe, ticker.params["period_1"]) == ("/MES", "5", 8)
    assert ticker.quantities["tastytrade"] == "2"
    assert TickerChange.objects.get().by == trader


def test_empty_parameters_take_the_defaults(admin):
    admin.post(ADD, fields(param_period_1="", param_period_2=""))
    assert Ticker.objects.get().params["period_2"] == 21


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"param_period_1": "0"}, "period_1"),
        ({"timeframe": "5x"}, "timeframe"),
        ({"symbol": "a b c d"}, "symbol"),
        ({"quantity_schwab": "3"}, "no futures"),
        ({"quantity_paper": "-1"}, "quantities.paper"),
        ({"exits": '{"stop": {"value": 0}}'}, "exits.stop.value"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field(admin, changes, words):
    answer = admin.post(ADD, fields(**changes))
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    problems = {name: str(found) for name, found in form.errors.items()}
    assert len(problems) == 1
    ((name, problem),) = problems.items()
    assert name == next(iter(changes))
    assert words in problem or words in name
    assert not Ticker.objects.exists()


def test_the_form_shows_what_is_stored_and_changes_it(admin, ticker):
    page = f"/admin/strategies/ticker/{ticker.pk}/change/"
    form = admin.get(page).context["adminform"].form
    assert form.initial["param_period_1"] == 4
    assert form.initial["quantity_paper"] == "7"
    answer = admin.post(page, fields(symbol="SPY", param_period_1="6", quantity_paper="9", quantity_tastytrade="0"))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    changed = Ticker.objects.get()
    assert (changed.params["period_1"], changed.quantities["paper"], changed.version) == (6, "9", 2)


def test_a_second_ticker_on_the_symbol_is_refused(admin, ticker):
    answer = admin.post(ADD, fields(symbol="spy"))
    assert answer.status_code == 200
    assert Ticker.objects.count() == 1


def test_deleting_here_is_recorded_too(admin, ticker):
    answer = admin.post(f"/admin/strategies/ticker/{ticker.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert TickerChange.objects.filter(kind="deleted").exists()


@pytest.mark.parametrize("page", ["ticker/", "ticker/?strategy__exact=ema", "tickerchange/"])
def test_the_lists_open(admin, ticker, page):
    answer = admin.get(f"/admin/strategies/{page}")
    assert answer.status_code == 200
    assert "SPY" in answer.content.decode()


def test_the_record_shows_what_changed_and_nothing_else(admin, trader, ticker):
    services.update_ticker(user=trader, ticker=ticker, params={"period_1": 6})
    page = admin.get("/admin/strategies/tickerchange/").content.decode()
    assert "params.period_1: 4 → 6" in page
    assert "quantities.paper: 7" in page
    assert "None" not in page.split("result_list")[-1]


def test_the_record_cannot_be_edited(admin, ticker):
    change = TickerChange.objects.get()
    assert admin.get("/admin/strategies/tickerchange/add/").status_code == 403
    assert admin.post(f"/admin/strategies/tickerchange/{change.pk}/change/", {"kind": "deleted"}).status_code == 403
    assert admin.post(f"/admin/strategies/tickerchange/{change.pk}/delete/", {"post": "yes"}).status_code == 403
