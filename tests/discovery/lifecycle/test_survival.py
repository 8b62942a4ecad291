"""The curve of how long rules last equals an independent library's, and says no more than is known."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from discovery.lifecycle.survival import Spell, median_days, survival

SPELLS = st.lists(st.builds(Spell, st.integers(1, 60).map(float), st.booleans()), min_size=1, max_size=40)
# Remission in weeks under 6-MP: A. J. Gehan, Biometrika 52, 1965; the curve is in every textbook on survival.
ENDED = (6, 6, 6, 7, 10, 13, 16, 22, 23)
LASTING = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)


@settings(max_examples=30)
@given(SPELLS)
def test_curve_and_band_are_those_of_scipy(spells):
    sample = stats.CensoredData(
        uncensored=[s.days for s in spells if s.has_ended], right=[s.days for s in spells if not s.has_ended]
    )
    theirs = stats.ecdf(sample).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # theirs has no band where nothing ended, or all did
        band = theirs.confidence_interval(0.95, method="log-log")
    for point in survival(spells):
        at = int(np.flatnonzero(theirs.quantiles == point.days)[0])
        assert point.share == pytest.approx(theirs.probabilities[at], abs=1e-12)
        if 1e-9 < point.share < 1.0:
            ends = (band.low.probabilities[at], band.high.probabilities[at])
            assert (point.low, point.high) == pytest.approx(ends, abs=1e-9)


def test_the_curve_of_a_textbook():
    found = survival([Spell(days, True) for days in ENDED] + [Spell(days, False) for days in LASTING])
    assert [(p.days, p.at_risk, p.ended) for p in found[:3]] == [(6, 21, 3), (7, 17, 1), (10, 15, 1)]
    assert [round(p.share, 3) for p in found] == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert median_days(found) == 23


@settings(max_examples=30)
@given(SPELLS)
def test_the_share_only_falls_and_lies_in_its_band(spells):
    found = survival(spells)
    shares = [1.0, *(point.share for point in found)]
    assert shares == sorted(shares, reverse=True)
    assert all(0.0 <= point.low <= point.share <= point.high <= 1.0 for point in found)


def test_rules_that_all_still_trade_have_no_curve_and_no_median():
    assert survival([Spell(10.0, False), Spell(3.0, False)]) == []
    assert median_days([]) is None


def test_one_that_still_lasts_counts_for_as_long_as_it_was_seen():
    short = survival([Spell(1.0, False), Spell(5.0, True), Spell(9.0, True)])
    long = survival([Spell(7.0, False), Spell(5.0, True), Spell(9.0, True)])
    assert short[0].share == pytest.approx(1 / 2)
    assert long[0].share == pytest.approx(2 / 3)
