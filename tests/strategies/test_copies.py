"""A copy is the same strategy under a name of its own: a symbol can be traded by several of them."""

import pytest

from engine.errors import NotFound
from strategies import certificates, services
from strategies.models import Ticker
from strategies.registry import STRATEGIES
from strategies.versions import code_version


def test_a_copy_is_the_same_strategy_under_its_own_name():
    assert STRATEGIES["rules.7"] is STRATEGIES["rules"]
    assert STRATEGIES.canonical("rules.7") == "rules.7"
    assert STRATEGIES.registered("rules.7") == "rules"
    assert "rules.7" in STRATEGIES
    assert "rules.7" not in list(STRATEGIES)
    assert code_version("rules.7") == code_version("rules")


def test_a_copy_of_an_alias_is_one_of_what_the_alias_stands_for():
    assert STRATEGIES.canonical("orb.early") == "opening_range.early"
    assert STRATEGIES.canonical("orb") == STRATEGIES.registered("orb.early") == "opening_range"


@pytest.mark.parametrize("name", ["rules.", "rules.A", "rules.a b", "rules.7.8", f"rules.{'x' * 25}"])
def test_what_is_no_name_of_a_copy_is_refused(name):
    assert name not in STRATEGIES
    with pytest.raises(NotFound, match="names no copy of 'rules'"):
        STRATEGIES.canonical(name)


def test_a_copy_of_nothing_is_refused_with_what_was_meant():
    assert "rulez.7" not in STRATEGIES
    with pytest.raises(NotFound, match=r"'rulez'\. Did you mean 'rules'"):
        STRATEGIES.canonical("rulez.7")


@pytest.mark.django_db
def test_two_copies_trade_the_same_symbol_with_their_own_settings(trader):
    for name, period in (("ema.fast", 3), ("ema.slow", 30)):
        services.create_ticker(user=trader, strategy=name, symbol="SPY", timeframe="5", params={"period_1": period})
    found = dict(Ticker.objects.values_list("strategy", "params__period_1"))
    assert found == {"ema.fast": 3, "ema.slow": 30}


@pytest.mark.django_db
def test_what_is_certified_of_a_strategy_holds_for_its_copies():
    assert "no certificate" in certificates.reason_against("ema.fast")
    found = {"strategy": "ema", "code": code_version("ema"), "params": {}, "is_valid": True, "verdict": "certified"}
    certificates.store(found)
    assert certificates.reason_against("ema.fast") == ""


@pytest.mark.django_db
def test_the_admin_shows_and_saves_the_ticker_of_a_copy(client, trader):
    ticker = services.create_ticker(user=trader, strategy="ema.fast", symbol="SPY", timeframe="5")
    client.force_login(trader)
    page = f"/admin/strategies/ticker/{ticker.pk}/change/"
    assert 'value="ema.fast" selected' in client.get(page).content.decode()
    fields = {"strategy": "ema.fast", "symbol": "SPY", "timeframe": "1", "trade_enabled": "on", "param_period_1": "4"}
    assert client.post(page, fields).status_code == 302
    ticker.refresh_from_db()
    assert (ticker.strategy, ticker.timeframe, ticker.params["period_1"]) == ("ema.fast", "1", 4)
