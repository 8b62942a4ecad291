"""Walking weights through time: nothing of a day is known before it, and luck is not called skill."""

import numpy as np
import pytest

from engine.analytics.allocation import compare, daily_sharpe, walk
from engine.analytics.bounded import Bounds
from engine.analytics.weights import METHODS, weights_of
from engine.errors import InvalidInput

BOUNDS = Bounds()


def noise(days: int, deviations: tuple[float, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0005, deviations, (days, len(deviations)))


def test_every_method_is_judged_on_the_same_days_by_weights_of_the_days_before():
    returns = noise(100, (0.01, 0.02, 0.03))
    walked = {each.method: each for each in walk(returns, BOUNDS, window=40, step=25)}
    assert list(walked) == list(METHODS)
    for method, each in walked.items():
        assert len(each.returns) == 60
        assert len(each.weights) == 3
        chosen = weights_of(method, returns[25:65], BOUNDS)
        assert each.weights[1] == pytest.approx(chosen), method
        assert each.returns[25:50] == pytest.approx(returns[65:90] @ chosen), method
    assert walked["equal"].turnover == 0.0


def test_what_is_held_is_left_alone_on_the_same_days():
    returns, held = noise(100, (0.01, 0.02, 0.03)), np.array([0.2, 0.3, 0.5])
    last = walk(returns, BOUNDS, window=40, step=25, held=held)[-1]
    assert (last.method, last.turnover) == ("held", 0.0)
    assert last.returns == pytest.approx(returns[40:] @ held)


def test_a_changed_future_changes_no_weight_before_it():
    returns = noise(120, (0.01, 0.02, 0.03))
    changed = returns.copy()
    changed[90:] = noise(30, (0.05, 0.001, 0.01), seed=9)
    for one, other in zip(*(walk(each, BOUNDS, window=30, step=20) for each in (returns, changed)), strict=True):
        assert one.weights[:4].tolist() == other.weights[:4].tolist()
        assert one.returns[:60].tolist() == other.returns[:60].tolist()


def test_a_part_that_is_ten_times_as_wild_is_told_from_the_others():
    """Equal weights follow the wild one; whoever measures risk does better, and that is no luck."""
    returns = noise(1_000, (0.005, 0.005, 0.005, 0.08))
    found = {each.method: each for each in compare(walk(returns, BOUNDS))}
    assert set(found) == set(METHODS) - {"equal"}
    for method in ("inverse_volatility", "minimum_variance", "risk_parity", "hierarchical"):
        assert found[method].verdict == "better", method
        assert 0 < found[method].low < found[method].difference < found[method].high


def test_of_parts_of_one_kind_a_method_is_called_better_or_worse_no_more_often_than_it_says():
    """One sample in twenty may be judged wrongly; of thirty, more than five are as likely as one in three hundred."""
    wrong = 0
    for seed in range(30):
        found = compare(walk(noise(300, (0.01,) * 4, seed), BOUNDS))
        wrong += any(each.verdict != "no proven difference" for each in found)
    assert wrong <= 5


def test_who_chooses_what_earned_where_it_turns_is_called_worse():
    """Two parts take turns: whatever has earned stops earning when it is chosen."""
    turns = np.where(np.arange(1_200) // 30 % 2, 0.01, -0.01)
    returns = np.array([turns, -turns + 0.002]).T + np.random.default_rng(1).normal(0, 0.003, (1_200, 2))
    found = {each.method: each for each in compare(walk(returns, BOUNDS, window=30, step=30), step=30)}
    assert found["maximum_sharpe"].verdict == "worse"
    assert found["maximum_sharpe"].folds_won < found["maximum_sharpe"].folds / 2


def test_it_is_the_same_twice_and_says_nothing_of_too_few_days():
    returns = noise(60, (0.01, 0.02))
    walked = walk(returns, BOUNDS, window=40)
    assert compare(walked) == compare(walk(returns, BOUNDS, window=40))
    [first, *_] = compare(walk(returns[:45], BOUNDS, window=40))
    assert first.low != first.low
    assert first.verdict == "no proven difference"


@pytest.mark.parametrize(("window", "step"), [(60, 5), (1, 5), (20, 0)])
def test_a_walk_without_a_day_to_judge_is_refused(window, step):
    with pytest.raises(InvalidInput):
        walk(noise(60, (0.01, 0.02)), BOUNDS, window=window, step=step)


def test_a_ratio_of_what_does_not_vary_is_not_known():
    assert np.isnan(daily_sharpe(np.zeros(10)))
    assert daily_sharpe(np.array([0.01, 0.03])) == pytest.approx(0.02 / np.std([0.01, 0.03], ddof=1))
