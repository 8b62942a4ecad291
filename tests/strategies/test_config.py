"""What a ticker may hold, and what the refusal of anything else says."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FortifiedError, InvalidInput
from strategies.config import boolean, exits_document, quantity, ticker_config

pytestmark = pytest.mark.django_db
GOOD = {"strategy": "ema", "symbol": "SPY", "timeframe": "5"}


def config(**changes):
    return ticker_config({**GOOD, **changes})


def test_a_strategy_that_buys_options_may_be_given_the_index_that_they_are_on():
    found = config(strategy="zero_dte", symbol="$SPX", timeframe="1", quantities={"paper": 2})
    assert (found.symbol, found.quantities) == ("SPX", {"paper": "2"})
    with pytest.raises(InvalidInput, match="An index cannot be bought or sold"):
        config(symbol="SPX", quantities={"paper": 2})


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"symbol": "/ES"}, "symbol", "options that expire today, on one of SPX"),
        ({"quantities": {"paper": "0.5"}}, "quantities.paper", "multiples of 1"),
        ({"exits": {"stop": {"value": 2, "kind": "atr"}}}, "exits", "no average true range"),
    ],
)
def test_what_a_strategy_that_buys_options_cannot_hold_is_refused(changes, field, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        config(**{"strategy": "zero_dte", "symbol": "SPX", "timeframe": "1", **changes})
    assert caught.value.field == field


def test_a_config_is_complete_with_the_strategys_defaults():
    found = config()
    assert found.params["period_1"] == 9
    assert found.params["period_2"] == 21
    assert found.quantities == {}
    assert found.exits == {}
    assert found.trade_enabled is True


@pytest.mark.parametrize(("spelled", "stored"), [("MES", "/MES"), ("/mes", "/MES"), ("/NQ", "/NQ"), ("spy", "SPY")])
def test_a_futures_root_gets_its_slash(spelled, stored):
    assert config(symbol=spelled).symbol == stored


@pytest.mark.parametrize(
    ("spelled", "stored"), [("5Min", "5"), ("5m", "5"), (5, "5"), ("1Hour", "1h"), ("144t", "144t")]
)
def test_a_timeframe_is_stored_in_its_one_spelling(spelled, stored):
    assert config(timeframe=spelled).timeframe == stored


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"strategy": "emma"}, "strategy"),
        ({"strategy": None}, "strategy"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": "SP Y;DROP"}, "symbol"),
        ({"timeframe": "0"}, "timeframe"),
        ({"timeframe": "5x"}, "timeframe"),
        ({"params": {"period_1": 0}}, "period_1"),
        ({"params": {"period_1": "nine"}}, "period_1"),
        ({"params": {"perod_1": 9}}, "perod_1"),
        ({"params": [1]}, "params"),
        ({"quantities": {"paper": -1}}, "quantities.paper"),
        ({"quantities": {"paper": "ten"}}, "quantities.paper"),
        ({"quantities": {"paper": True}}, "quantities.paper"),
        ({"quantities": {"paper": float("nan")}}, "quantities.paper"),
        ({"quantities": {"ibkr": "0.5"}}, "quantities.ibkr"),
        ({"quantities": {"papper": 1}}, "quantities.papper"),
        ({"quantities": [1]}, "quantities"),
        ({"exits": {"stop": {"value": -1}}}, "exits.stop.value"),
        ({"exits": {"stopp": {"value": 1}}}, "exits"),
        ({"trade_enabled": "perhaps"}, "trade_enabled"),
        ({"feed": "a b"}, "feed"),
        ({"feed": "x" * 33}, "feed"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(changes, field):
    with pytest.raises(InvalidInput) as refused:
        config(**changes)
    assert refused.value.field == field
    assert field.split(".")[0] in refused.value.detail


def test_a_schwab_futures_quantity_is_refused_with_the_reason_and_zero_is_not():
    with pytest.raises(InvalidInput, match="no futures"):
        config(symbol="/NQ", quantities={"schwab": 10})
    assert config(symbol="/NQ", quantities={"schwab": 0, "tastytrade": 2}).quantities == {
        "schwab": "0",
        "tastytrade": "2",
    }
    assert config(symbol="SPY", quantities={"schwab": 10}).quantities == {"schwab": "10"}


def test_a_currency_pair_is_traded_where_the_venue_has_them_and_its_gains_are_dollars():
    found = config(symbol="eurusd", quantities={"ibkr": 20_000, "alpaca": 0})
    assert (found.symbol, found.quantities) == ("EUR/USD", {"ibkr": "20000", "alpaca": "0"})
    with pytest.raises(InvalidInput, match="trades no currency pairs"):
        config(symbol="EUR/USD", quantities={"tastytrade": 20_000})
    with pytest.raises(InvalidInput, match="gains and loses JPY"):
        config(symbol="USD/JPY", quantities={"ibkr": 20_000})


def test_quantities_are_exact_text():
    assert config(quantities={"alpaca": 0.1, "paper": "2.50"}).quantities == {"alpaca": "0.1", "paper": "2.5"}


@pytest.mark.parametrize(("word", "value"), [("TRUE", True), ("no", False), (1, True), ("off", False)])
def test_older_words_for_true_and_false_are_understood(word, value):
    assert boolean(word, "x") is value


def test_exits_keep_what_was_said_and_nothing_else():
    assert exits_document({"stop": {"value": 0.01}, "targets": []}) == {"stop": {"value": 0.01, "kind": "fraction"}}
    assert exits_document({}) == {}
    with pytest.raises(InvalidInput) as refused:
        exits_document({"atr_period": 20})
    assert refused.value.field == "exits"


@given(
    st.dictionaries(st.sampled_from([*GOOD, "params", "quantities", "exits", "trade_enabled", "feed"]), st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=12),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abq_1", max_size=4), inner, max_size=2),
        max_leaves=4,
    ))
)  # fmt: skip
def test_whatever_comes_is_accepted_or_refused_in_words(raw):
    try:
        found = ticker_config({**GOOD, **raw})
    except FortifiedError as error:
        assert error.field is not None
        assert error.detail
    else:
        assert ticker_config(found.document()) == found  # what is stored is valid, and stays as it is


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_a_quantity_is_kept_exactly(value):
    assert quantity(str(value), "q") == value
