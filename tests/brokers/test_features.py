"""The capability table says what a venue takes, and says why when it does not."""

from decimal import Decimal

import pytest

from brokers import services
from brokers.api import features_document
from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from engine.errors import InvalidInput, NotFound
from engine.instruments.instrument import AssetClass


@pytest.mark.parametrize("broker", list(FEATURES))
def test_every_venue_takes_whole_shares_or_contracts_of_what_it_lists(broker):
    features = FEATURES[broker]
    for asset_class in features.asset_classes:
        assert features.quantity_problem(asset_class, Decimal(3)) == ""
        assert "0 or more" in features.quantity_problem(asset_class, Decimal(-1))
    for asset_class in set(AssetClass) - features.asset_classes:
        assert features.quantity_problem(asset_class, Decimal(1)) != ""


@pytest.mark.parametrize("broker", list(FEATURES))
def test_zero_is_always_accepted_because_it_means_not_here(broker):
    for asset_class in AssetClass:
        assert FEATURES[broker].quantity_problem(asset_class, Decimal(0)) == ""


def test_fractions_pass_only_where_the_venue_has_them():
    assert FEATURES["alpaca"].quantity_problem(AssetClass.EQUITY, Decimal("0.5")) == ""
    assert "multiples of 1" in FEATURES["schwab"].quantity_problem(AssetClass.EQUITY, Decimal("0.5"))
    assert "multiples of 1" in FEATURES["ibkr"].quantity_problem(AssetClass.EQUITY, Decimal("0.5"))
    assert "multiples of 1" in FEATURES["alpaca"].quantity_problem(AssetClass.OPTION, Decimal("0.5"))


def test_futures_reverse_in_one_order_and_shares_in_two_where_the_venue_demands_it():
    assert AssetClass.FUTURE not in FEATURES["tastytrade"].linked_reversal
    assert AssetClass.EQUITY in FEATURES["schwab"].linked_reversal
    assert AssetClass.EQUITY in FEATURES["alpaca"].linked_reversal
    assert not FEATURES["ibkr"].linked_reversal


@pytest.mark.parametrize("broker", list(FEATURES))
def test_currency_pairs_are_traded_at_interactive_brokers_and_on_paper_and_refused_in_words_elsewhere(broker):
    problem = FEATURES[broker].quantity_problem(AssetClass.FOREX, Decimal(20_000))
    assert problem == "" if broker in ("ibkr", "paper") else "trades no currency pairs" in problem


def test_the_document_of_a_venue_is_json():
    document = features_document("schwab")
    assert document["asset_classes"] == ["equity", "option"]
    assert "no futures" in document["reasons"]["future"]


@pytest.mark.django_db
class TestAccounts:
    def test_a_schwab_futures_quantity_is_refused_with_the_reason(self):
        with pytest.raises(InvalidInput, match="no futures") as refused:
            services.check_quantity(account="schwab", asset_class=AssetClass.FUTURE, quantity=Decimal(10))
        assert refused.value.field == "quantities.schwab"

    def test_an_account_that_only_simulates_schwab_may_hold_futures(self):
        BrokerAccount.objects.create(broker="schwab", name="schwab", mode="paper")
        services.check_quantity(account="schwab", asset_class=AssetClass.FUTURE, quantity=Decimal(10))

    def test_a_live_account_has_the_limits_of_its_venue_whatever_its_name(self):
        BrokerAccount.objects.create(broker="schwab", name="family", mode="live")
        with pytest.raises(InvalidInput, match="no futures"):
            services.check_quantity(account="family", asset_class=AssetClass.FUTURE, quantity=Decimal(1))

    def test_an_unknown_account_is_refused_with_a_suggestion(self):
        with pytest.raises(NotFound, match="schwab"):
            services.check_quantity(account="schwap", asset_class=AssetClass.EQUITY, quantity=Decimal(1))
