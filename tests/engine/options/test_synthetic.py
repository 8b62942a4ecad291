"""Prices and greeks of the model agree with each other, and strikes suit what the options are on."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from engine.errors import InvalidInput
from engine.instruments.options import OptionContract
from engine.options.synthetic import SyntheticChains
from tests.engine.options.world import HALF_DAY, MINUTE, WHOLE_DAY, session

MORNING = session()[0] + 30 * MINUTE
DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize("right", ["C", "P"])
@pytest.mark.parametrize("strike", [5950, 6000, 6040])
def test_greeks_are_what_the_price_moves_by(right, strike):
    model = SyntheticChains(volatility=0.2)
    contract = OptionContract("SPXW", date(2026, 12, 4), right, Decimal(strike))
    value, spot = model._value, 6003.0
    told = model._greeks(contract, spot, MORNING)
    up, down = value(contract, spot + 0.5, MORNING), value(contract, spot - 0.5, MORNING)
    assert told.delta == pytest.approx(up - down, abs=1e-3)
    assert told.gamma == pytest.approx((up - 2 * value(contract, spot, MORNING) + down) / 0.25, rel=0.02)
    minute = value(contract, spot, MORNING + MINUTE) - value(contract, spot, MORNING)
    assert told.theta == pytest.approx(minute * DAY_NS / MINUTE, rel=0.02)
    dearer = SyntheticChains(volatility=0.2001)._value(contract, spot, MORNING)
    assert told.vega == pytest.approx((dearer - value(contract, spot, MORNING)) * 100, rel=0.02)


@pytest.mark.parametrize(("underlying", "spot", "root", "step"), [("SPX", 6003.0, "SPXW", 5), ("SPY", 601.3, "SPY", 1)])
def test_strikes_suit_the_underlying(underlying, spot, root, step):
    chain = SyntheticChains().chain(underlying, spot=spot, ts=MORNING)
    assert {entry.contract.root for entry in chain.entries} == {root}
    strikes = sorted({entry.contract.strike for entry in chain.entries})
    assert {second - first for first, second in pairwise(strikes)} == {step}
    assert min(abs(float(strike) - spot) for strike in strikes) <= step / 2
    assert (chain.spot, chain.ts) == (spot, MORNING)


def test_a_day_may_be_named_and_a_future_has_none():
    chain = SyntheticChains().chain("SPX", spot=6000.0, ts=MORNING, expiry=WHOLE_DAY)
    assert {entry.contract.expiry for entry in chain.entries} == {WHOLE_DAY} != {HALF_DAY}
    with pytest.raises(InvalidInput, match="an index or a stock was expected"):
        SyntheticChains().chain("/ES", spot=6000.0, ts=MORNING)
