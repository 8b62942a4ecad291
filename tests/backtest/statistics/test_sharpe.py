"""The corrections for many trials, against the figures of their papers and against simulation."""

import math

import numpy as np
import pytest

from backtest.statistics.sharpe import deflated_sharpe, expected_best, moments, probabilistic_sharpe, sharpe

YEAR = 250


def test_the_example_of_the_paper():
    # Bailey & López de Prado (2014), "A numerical example": an annual ratio of 2.5 over five years of days.
    ratio, variance, periods = 2.5 / math.sqrt(YEAR), 0.5 / YEAR, 1250
    assert expected_best(variance, 100) == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(ratio, variance=variance, trials=100, periods=periods, skew=-3.0, kurtosis=10.0)
    assert found == pytest.approx(0.9004, abs=5e-4)
    fewer = deflated_sharpe(ratio, variance=variance, trials=46, periods=periods, skew=-3.0, kurtosis=10.0)
    assert fewer == pytest.approx(0.9505, abs=5e-4)


def test_the_best_of_many_worthless_trials_is_as_good_as_was_expected():
    rng = np.random.default_rng(5)
    ratios = rng.standard_normal((2_000, 300)) * 0.07
    assert expected_best(0.07**2, 300) == pytest.approx(ratios.max(axis=1).mean(), rel=0.02)


def test_one_trial_is_not_corrected():
    assert expected_best(1.0, 1) == 0.0
    found = deflated_sharpe(0.1, variance=1.0, trials=1, periods=101)
    assert found == probabilistic_sharpe(0.1, benchmark=0.0, periods=101, skew=0.0, kurtosis=3.0)
    assert found == pytest.approx(0.8409, abs=1e-3)  # z = 1 but for the correction of the variance


def test_more_trials_make_the_same_result_less_convincing():
    found = [deflated_sharpe(0.15, variance=0.004, trials=n, periods=500) for n in (1, 10, 100, 1_000, 10_000)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.99
    assert found[-1] < 0.05


def test_moments_are_those_of_the_population():
    rng = np.random.default_rng(1)
    values = rng.exponential(size=200_000)
    skew, kurtosis = moments(values)
    assert skew == pytest.approx(2.0, rel=0.05)
    assert kurtosis == pytest.approx(9.0, rel=0.1)
    assert moments([1.0, 1.0, 1.0]) == (0.0, 3.0)


def test_a_ratio_without_variation_is_unknown():
    assert math.isnan(sharpe([1.0, 1.0, 1.0]))
    assert math.isnan(sharpe([1.0]))
    assert sharpe([1.0, 2.0, 3.0]) == pytest.approx(2.0)
