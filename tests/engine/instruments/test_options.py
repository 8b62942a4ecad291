"""One option, every venue's spelling."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.instruments.options import OptionContract, is_option, parse_option
from engine.model.time import iso

SPXW = OptionContract("SPXW", date(2026, 11, 20), "C", Decimal(6000))


def test_an_option_in_the_spelling_of_each_venue():
    assert SPXW.symbol == "SPXW  261120C06000000"
    assert len(SPXW.symbol) == 21
    assert SPXW.streamer == ".SPXW261120C6000"
    assert SPXW.polygon == "O:SPXW261120C06000000"
    assert OptionContract("SPY", date(2026, 11, 20), "C", Decimal(600)).alpaca == "SPY261120C00600000"
    assert OptionContract("SPY", date(2026, 11, 20), "P", Decimal("612.50")).streamer == ".SPY261120P612.5"
    assert (SPXW.ibkr["symbol"], SPXW.ibkr["tradingClass"], SPXW.ibkr["strike"]) == ("SPX", "SPXW", "6000")


@given(
    st.from_regex(r"[A-Z]{1,6}", fullmatch=True),
    st.integers(0, 20_000).map(lambda n: date(2005, 1, 1) + timedelta(days=n)),
    st.sampled_from("CP"),
    st.integers(1, 99_999_999).map(lambda n: Decimal(n) / 1000),
)
def test_every_spelling_leads_back_to_its_option(root, expiry, right, strike):
    option = OptionContract(root, expiry, right, strike)
    for text in (option.symbol, option.alpaca, option.polygon, option.streamer):
        assert is_option(text)
        assert parse_option(text) == option


@pytest.mark.parametrize("text", ["SPY", "SPXW  261320C06000000", "SPXW261120X6000", "", ".SPXW26C1", "/ESZ26"])
def test_what_is_no_option_is_refused(text):
    with pytest.raises(InvalidInput, match="symbol"):
        parse_option(text)


def test_spxw_is_settled_in_the_afternoon_and_spx_on_the_opening():
    spx = OptionContract("SPX", date(2026, 11, 20), "C", Decimal(6000))
    assert (SPXW.underlying, spx.underlying) == ("SPX", "SPX")
    assert (SPXW.is_am_settled, spx.is_am_settled) == (False, True)
    assert iso(SPXW.last_trade).startswith("2026-11-20T21:00:00")
    assert iso(spx.last_trade).startswith("2026-11-19T21:15:00")


def test_on_a_half_day_an_expiring_option_stops_at_one():
    option = OptionContract("SPXW", date(2026, 11, 27), "P", Decimal(6000))
    assert iso(option.last_trade).startswith("2026-11-27T18:00:00")


def test_the_grid_of_index_options_widens_at_three():
    assert SPXW.tick_size(Decimal("2.95")) == Decimal("0.05")
    assert SPXW.tick_size(Decimal(3)) == Decimal("0.10")
