"""The choice of the option at the money that expires today."""

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.instruments.options import OptionContract
from engine.instruments.sessions import from_new_york
from engine.options.atm import NoContract, choose_atm, expiring_today, right_of
from engine.options.chain import ChainEntry, OptionChain

FRIDAY = date(2026, 11, 20)  # a third Friday: SPX's AM-settled monthly series expires beside SPXW's
TEN = from_new_york(FRIDAY, time(10))
STRIKES = [Decimal(5900 + 5 * i) for i in range(41)]


def entries(root="SPXW", expiry=FRIDAY, rights="CP", strikes=STRIKES):
    return tuple(ChainEntry(OptionContract(root, expiry, r, s), 1.0, 1.2) for s in strikes for r in rights)


def chain(*parts, ts=TEN, underlying="SPX"):
    return OptionChain(underlying, ts, tuple(each for part in parts for each in part))


def test_the_nearest_strike_of_todays_pm_settled_series_is_chosen():
    listed = chain(entries("SPX"), entries(expiry=date(2026, 11, 23)), entries())
    choice = choose_atm(listed, spot=6002.6, target=1)
    assert choice.contract == OptionContract("SPXW", FRIDAY, "C", Decimal(6005))
    assert choice.distance == pytest.approx(2.4)
    assert choice.considered[:3] == (Decimal(6005), Decimal(6000), Decimal(6010))
    assert "strike nearest to 6002.6 of 41 PM-settled calls that expire today" in choice.reason


@settings(max_examples=100, deadline=None)
@given(st.floats(5800.0, 6200.0), st.sampled_from([-1, 1]))
def test_no_other_strike_is_nearer(spot, target):
    choice = choose_atm(chain(entries()), spot=spot, target=target)
    assert choice.contract.right == right_of(target)
    at = Decimal(repr(spot))
    assert abs(choice.contract.strike - at) == min(abs(strike - at) for strike in STRIKES)


@pytest.mark.parametrize(("target", "strike"), [(1, 6005), (-1, 6000)])
def test_of_two_strikes_equally_near_the_one_out_of_the_money_is_chosen(target, strike):
    assert choose_atm(chain(entries()), spot=6002.5, target=target).contract.strike == strike


def test_the_am_settled_series_is_refused_in_words():
    with pytest.raises(NoContract, match=r"41 × is settled on opening prices \(AM\)"):
        choose_atm(chain(entries("SPX", rights="C")), spot=6000.0, target=1)


def test_an_empty_chain_and_another_days_expiry_are_told_apart():
    with pytest.raises(NoContract, match="found an empty chain"):
        choose_atm(chain(), spot=6000.0, target=1)
    with pytest.raises(NoContract, match="does not expire today"):
        choose_atm(chain(entries(expiry=date(2026, 11, 23), rights="P")), spot=6000.0, target=-1)


def test_an_expiring_contract_is_not_bought_after_its_last_moment_also_on_half_days():
    half_day = date(2026, 11, 27)
    five_past_one = from_new_york(half_day, time(13, 5))
    with pytest.raises(NoContract, match="has stopped trading"):
        choose_atm(chain(entries(expiry=half_day, rights="C"), ts=five_past_one), spot=6000.0, target=1)


def test_outside_the_session_nothing_expires_today():
    with pytest.raises(NoContract, match="an open session was expected"):
        expiring_today("SPX", from_new_york(date(2026, 11, 21), time(10)))


@pytest.mark.parametrize("spot", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(spot):
    with pytest.raises(InvalidInput) as caught:
        choose_atm(chain(entries()), spot=spot, target=1)
    assert caught.value.field == "spot"


def test_a_flat_wish_means_no_option():
    with pytest.raises(InvalidInput):
        right_of(0)
