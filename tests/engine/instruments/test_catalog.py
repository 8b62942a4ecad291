"""Symbols as people write them, and what is known of each instrument."""

from datetime import date, time
from decimal import Decimal

import pytest

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import asset_class_of, bar_session, instrument_for, normalize_symbol
from engine.instruments.instrument import AssetClass
from engine.instruments.sessions import from_new_york


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/NQ", "/NQ"), ("NQ", "/NQ"), ("MES", "/MES"), ("/mes", "/MES"), ("ES", "/ES"), ("CL", "/CL"),
        ("/NQZ26", "/NQZ26"), ("NQZ26", "/NQZ26"), ("/NQZ26:XCME", "/NQZ26"), ("/NQZ6", "/NQZ6"), ("NQ.c.0", "/NQ"),
        ("SPY", "SPY"), (" spy ", "SPY"), ("BRK.B", "BRK.B"), ("BRK/B", "BRK.B"), ("BRK B", "BRK.B"), ("F", "F"),
        ("SPX", "SPX"), ("$SPX", "SPX"), ("I:SPX", "SPX"),
        ("EUR/USD", "EUR/USD"), ("eurusd", "EUR/USD"), ("GBP.USD", "GBP/USD"), ("EUR/EUR", "EUR.EUR"),
        (".SPXW261120C6000", "SPXW  261120C06000000"), ("O:SPXW261120C06000000", "SPXW  261120C06000000"),
    ],
)  # fmt: skip
def test_every_spelling_is_stored_as_one(text, expected):
    assert normalize_symbol(text) == expected
    assert normalize_symbol(expected) == expected


def test_a_stock_whose_ticker_is_a_futures_root_must_be_asked_for():
    assert normalize_symbol("ES", AssetClass.EQUITY) == "ES"
    assert instrument_for("ES", AssetClass.EQUITY).multiplier == 1
    assert instrument_for("ES").multiplier == 50


@pytest.mark.parametrize("text", ["", "/ZZ", "SP Y Z", "12", "/", "SPY!", "$"])
def test_nonsense_is_refused(text):
    with pytest.raises(FortifiedError, match="symbol"):
        normalize_symbol(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [("USD/JPY", "gains and loses JPY"), ("EURGBP", "gains and loses GBP"), ("USDEUR", "name of this pair is EUR/USD")],
)
def test_a_pair_whose_gains_are_no_dollars_is_refused_with_the_reason(text, why):
    for asset_class in (None, AssetClass.FOREX):
        with pytest.raises(InvalidInput, match=why):
            instrument_for(text, asset_class)


def test_a_currency_pair_is_counted_in_its_base_on_a_grid_of_half_a_pip():
    found = instrument_for("EURUSD")
    assert (found.symbol, found.asset_class, found.calendar) == ("EUR/USD", AssetClass.FOREX, "FOREX")
    assert found.price(1.150_038) == Decimal("1.15005")
    assert (found.multiplier, found.quantity_step) == (Decimal(1), Decimal(1))
    assert found.notional(price=Decimal("1.15"), quantity=Decimal(-20_000)) == 23_000
    assert asset_class_of("BRK/B") is AssetClass.EQUITY, "as dxFeed spells it"


def test_an_equity_is_no_future():
    with pytest.raises(FortifiedError, match="future"):
        normalize_symbol("SPY", AssetClass.FUTURE)


@pytest.mark.parametrize(
    ("symbol", "tick_size", "multiplier"),
    [
        ("/ES", "0.25", "50"), ("/MES", "0.25", "5"), ("/NQ", "0.25", "20"), ("/MNQ", "0.25", "2"),
        ("/RTY", "0.10", "50"), ("/M2K", "0.10", "5"), ("/YM", "1", "5"), ("/MYM", "1", "0.5"),
        ("/GC", "0.10", "100"), ("/CL", "0.01", "1000"), ("/CLF27", "0.01", "1000"),
    ],
)  # fmt: skip
def test_grid_and_multiplier_of_futures(symbol, tick_size, multiplier):
    found = instrument_for(symbol)
    assert (found.tick_size, found.multiplier) == (Decimal(tick_size), Decimal(multiplier))
    assert found.asset_class is AssetClass.FUTURE


def test_options_and_indexes():
    option = instrument_for(".SPXW261120C6000")
    assert (option.asset_class, option.multiplier, option.calendar) == (AssetClass.OPTION, Decimal(100), "SPX_OPTIONS")
    assert instrument_for("$SPX").asset_class is AssetClass.INDEX
    assert asset_class_of("SPXW  261120C06000000") is AssetClass.OPTION


def test_bars_of_stocks_are_anchored_to_the_early_hours_and_of_futures_to_the_evening():
    noon = from_new_york(date(2026, 11, 18), time(12))
    assert bar_session("SPY")(noon).open == from_new_york(date(2026, 11, 18), time(4))
    assert bar_session("/NQ")(noon).open == from_new_york(date(2026, 11, 17), time(18))
