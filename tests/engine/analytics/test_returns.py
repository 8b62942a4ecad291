"""Every ratio against empyrical, where it has one, on random series and on edges."""

import math

import empyrical  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
from empyrical.stats import drawdown_series  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analytics import returns as ours
from engine.analytics.returns import CONVENTIONS, Floats, ratios

ORACLES = {
    "total_return": empyrical.cum_returns_final,
    "annual_return": empyrical.annual_return,
    "annual_volatility": empyrical.annual_volatility,
    "sharpe": empyrical.sharpe_ratio,
    "sortino": empyrical.sortino_ratio,
    "calmar": empyrical.calmar_ratio,
    "omega": empyrical.omega_ratio,
    "tail_ratio": empyrical.tail_ratio,
    "value_at_risk": empyrical.value_at_risk,
    "expected_shortfall": empyrical.conditional_value_at_risk,
    "stability": empyrical.stability_of_timeseries,
}
SERIES = [np.random.default_rng(seed).normal(0.0004, 0.011, 20 + 37 * seed) for seed in range(8)]


@pytest.mark.parametrize("returns", SERIES, ids=len)
@pytest.mark.parametrize("name", ORACLES)
def test_it_agrees_with_empyrical(name, returns):
    assert ratios(returns)[name] == pytest.approx(ORACLES[name](returns), rel=1e-9)


@pytest.mark.parametrize("returns", SERIES, ids=len)
def test_a_drawdown_is_empyricals_without_its_sign(returns):
    assert ours.max_drawdown(returns) == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-12)
    theirs = -drawdown_series(pd.Series(returns)).to_numpy()
    assert np.allclose(ours.drawdowns(returns), theirs, atol=1e-12)


@pytest.mark.parametrize("returns", SERIES, ids=len)
def test_alpha_and_beta_agree_with_empyrical(returns):
    benchmark = np.random.default_rng(99).normal(0.0005, 0.01, len(returns)) + 0.4 * returns
    found = ratios(returns, benchmark)
    assert found["beta"] == pytest.approx(empyrical.beta(returns, benchmark), rel=1e-9)
    assert found["alpha"] == pytest.approx(empyrical.alpha(returns, benchmark), rel=1e-9)


def test_every_ratio_has_its_convention():
    assert ratios(SERIES[0], SERIES[0]).keys() == CONVENTIONS.keys()


@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 5, [0.001] * 30, [-1.0, 0.5], [-1.5, 0.2, 0.1]], ids=str)
def test_what_a_series_cannot_tell_is_nan_and_never_an_error(returns):
    series: Floats = np.array(returns, dtype=np.float64)
    for value in ratios(series, series).values():
        assert isinstance(value, float)
        assert not math.isinf(value)


def test_one_day_tells_nothing_of_a_year():
    found = ratios(np.array([-0.0003]))
    of_a_year = ("annual_return", "annual_volatility", "sharpe", "sortino", "calmar")
    assert [name for name in of_a_year if not math.isnan(found[name])] == []
    assert found["total_return"] == pytest.approx(-0.0003)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60))
def test_bounds_that_hold_for_any_series(values):
    found = ratios(np.array(values))
    assert 0 <= found["max_drawdown_share"] <= 1
    assert found["expected_shortfall"] <= found["value_at_risk"] + 1e-12
    assert math.isnan(found["win_days"]) or 0 <= found["win_days"] <= 1
