"""The ledger of trials: what counts, how often, and against what."""

from typing import Any

import numpy as np
import pytest

from backtest import trials

pytestmark = pytest.mark.django_db

SPAN: dict[str, Any] = {"symbol": "SPY", "timeframe": "5", "first_ts": 100, "last_ts": 200}
RATIOS = (0.1, -0.2, 0.3, 0.05)


@pytest.fixture
def tried():
    """Four single trials and two searches of rules, one of them on other bars that overlap."""
    singles = [trials.Tried(f"set {number}", ratio) for number, ratio in enumerate(RATIOS)]
    trials.record(singles, strategy="rules", dataset="a", **SPAN)
    trials.record_search(trials.Search("wide", 1_001, 0.04), strategy="rules", dataset="a", **SPAN)
    trials.record_search(
        trials.Search("wide", 501, 0.01), strategy="rules", dataset="b", **{**SPAN, "first_ts": 150, "last_ts": 400}
    )


def test_a_search_counts_as_all_that_it_looked_at_and_the_spread_is_that_of_all(tried):
    single = float(np.var(RATIOS, ddof=1))
    found = trials.tally(strategy="rules", **SPAN)
    assert found.trials == 4 + 1_001 + 501
    assert found.variance == pytest.approx((3 * single + 1_000 * 0.04 + 500 * 0.01) / 1_503)


def test_the_same_search_counts_once_and_not_against_itself(tried):
    trials.record_search(trials.Search("wide", 1_001, 0.04), strategy="rules", dataset="a", **SPAN)
    assert trials.tally(strategy="rules", **SPAN).trials == 1_506
    assert trials.tally(strategy="rules", **SPAN, but=("a", "wide")).trials == 505


def test_bars_that_do_not_overlap_and_other_strategies_are_other_trials(tried):
    assert trials.tally(strategy="rules", **{**SPAN, "first_ts": 200, "last_ts": 300}).trials == 501
    assert trials.tally(strategy="ema", **SPAN) == (0, 0.0)
