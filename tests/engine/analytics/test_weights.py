"""Weights against what defines them, and against an optimiser that knows nothing of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.spatial.distance import squareform  # type: ignore[import-untyped]

from engine.analytics.bounded import Bounds, nearest
from engine.analytics.covariance import shrunk_covariance, shrunk_means
from engine.analytics.hierarchy import quasi_diagonal
from engine.analytics.weights import METHODS, even_contributions, turnover, weights_of
from engine.errors import InvalidInput


def sample(seed: int, count: int, days: int) -> np.ndarray:
    """Returns of very different sizes that go together more or less."""
    random = np.random.default_rng(seed)
    common = random.normal(0, 1, (days, 1)) * random.uniform(0, 2, count)
    sizes = 10 ** random.uniform(-4, -1, count)
    return (random.normal(random.normal(0, 0.1, count), 1, (days, count)) + common) * sizes


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, Bounds]:
    count = draw(st.integers(2, 9))
    least = draw(st.sampled_from([0.0, 0.5 / count, 1.0 / count]))
    most = draw(st.sampled_from([1.0, 1.5 / count, 1.0 / count]))
    return sample(draw(st.integers(0, 10_000)), count, draw(st.integers(3, 120))), Bounds(least, min(most, 1.0))


@settings(max_examples=40, deadline=None)
@given(case=cases())
def test_weights_add_up_to_one_and_keep_to_their_bounds(case):
    returns, bounds = case
    for method in METHODS:
        weights = weights_of(method, returns, bounds)
        assert weights.sum() == pytest.approx(1.0, abs=1e-9), method
        assert weights.min() >= bounds.least - 1e-9, method
        assert weights.max() <= bounds.most + 1e-9, method


@pytest.mark.parametrize("seed", range(6))
def test_no_other_weights_within_the_bounds_have_less_variance_or_a_higher_ratio(seed):
    returns, bounds = sample(seed, 5, 90), Bounds(0.05, 0.4)
    returns += np.linspace(0.2, 0.4, 5) * returns.std(axis=0) - returns.mean(axis=0)  # they earn on the whole
    covariance, _ = shrunk_covariance(returns)
    means = shrunk_means(returns, covariance)
    scale = float(np.trace(covariance))
    goals = {
        "minimum_variance": lambda w: float(w @ covariance @ w) / scale,
        "maximum_sharpe": lambda w: -float(w @ means) / float(np.sqrt(w @ covariance @ w)),
    }
    for method, goal in goals.items():
        ours = weights_of(method, returns, bounds)
        found = minimize(
            goal, np.full(5, 0.2), method="SLSQP", bounds=[(0.05, 0.4)] * 5, options={"ftol": 1e-13, "maxiter": 500},
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        )  # fmt: skip
        assert goal(ours) <= found.fun + 1e-7 * abs(found.fun), method
        assert ours @ means > 0


def test_where_nothing_earns_the_highest_ratio_is_the_least_variance():
    losing = -np.abs(sample(3, 4, 60))
    bounds = Bounds()
    expected = weights_of("minimum_variance", losing, bounds)
    assert weights_of("maximum_sharpe", losing, bounds).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(4))
def test_risk_parity_adds_the_same_variance_for_each_part(seed):
    covariance, _ = shrunk_covariance(sample(seed, 6, 100))
    weights = even_contributions(covariance)
    added = weights * (covariance @ weights)
    assert added == pytest.approx(np.full(6, added.mean()), rel=1e-7)


def test_every_group_of_an_independent_tree_stands_together():
    for seed in range(8):
        covariance, _ = shrunk_covariance(sample(seed, 7, 80))
        deviations = np.sqrt(np.diag(covariance))
        distances = np.sqrt(np.maximum((1 - covariance / np.outer(deviations, deviations)) / 2, 0))
        places = np.argsort(quasi_diagonal(covariance))
        groups = [{part} for part in range(7)]
        for one, other, *_ in linkage(squareform(distances, checks=False), "single"):
            groups.append(groups[int(one)] | groups[int(other)])
            where = [places[part] for part in groups[-1]]
            assert max(where) - min(where) == len(where) - 1


def test_hierarchical_weights_are_halved_by_the_variance_of_each_half():
    """Three parts by hand: two that go together on one side, one alone on the other."""
    random = np.random.default_rng(2)
    common, alone = random.normal(0, 0.01, 4000), random.normal(0, 0.02, 4000)
    returns = np.array([common, alone, common + random.normal(0, 0.002, 4000)]).T
    covariance, _ = shrunk_covariance(returns)
    variance = np.diag(covariance)
    order = quasi_diagonal(covariance)
    assert order == [0, 2, 1]
    pair = np.array([1 / variance[2], 1 / variance[1]]) / (1 / variance[2] + 1 / variance[1])
    of_pair = float(pair @ covariance[np.ix_([2, 1], [2, 1])] @ pair)
    first = of_pair / (of_pair + variance[0])
    expected = np.array([first, (1 - first) * pair[1], (1 - first) * pair[0]])
    assert weights_of("hierarchical", returns, Bounds()) == pytest.approx(expected, rel=1e-9)


def test_the_covariance_of_few_days_is_drawn_further_to_independence_than_that_of_many():
    few, many = (shrunk_covariance(sample(1, 5, days)) for days in (10, 5_000))
    assert 1 >= few[1] > many[1] > 0
    returns = sample(1, 5, 5_000)
    assert np.diag(many[0]) == pytest.approx(returns.var(axis=0, ddof=1))
    assert many[0] == pytest.approx(np.cov(returns.T), rel=0.02, abs=1e-9)


def test_the_shrinkage_is_that_of_its_authors_computed_day_by_day():
    returns = sample(4, 3, 12)
    scaled = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    whole = sum(np.outer(day, day) for day in scaled) / 12
    noise = sum(((np.outer(day, day) - whole) ** 2).sum() for day in scaled) / 12**2
    assert shrunk_covariance(returns)[1] == pytest.approx(min(noise / ((whole - np.eye(3)) ** 2).sum(), 1.0))


def test_means_that_hardly_differ_are_drawn_to_one():
    returns = sample(5, 4, 40)
    returns += 1e-9 - returns.mean(axis=0)
    returns[:, 0] += 1e-7
    means = shrunk_means(returns, shrunk_covariance(returns)[0])
    assert np.ptp(means) < 0.2 * np.ptp(returns.mean(axis=0))


def test_means_are_drawn_to_that_of_least_variance_as_far_as_their_author_says():
    returns = sample(9, 3, 250)
    covariance, _ = shrunk_covariance(returns)
    inverse, ones = np.linalg.inv(covariance), np.ones(3)
    least = inverse @ ones / (ones @ inverse @ ones)
    centre = least @ returns.mean(axis=0)
    away = returns.mean(axis=0) - centre
    drawn = (3 + 2) / (3 + 2 + 250 * away @ inverse @ away)
    assert 0.05 < drawn < 0.95
    assert shrunk_means(returns, covariance) == pytest.approx(drawn * centre + (1 - drawn) * returns.mean(axis=0))


def test_inverse_volatility_looks_at_deviations_alone():
    returns = sample(2, 4, 60)
    found = weights_of("inverse_volatility", returns, Bounds())
    shares = found * returns.std(axis=0, ddof=1)
    assert shares == pytest.approx(np.full(4, shares[0]))


def test_a_part_that_did_not_vary_gets_the_least_of_every_method_but_equal():
    returns = sample(6, 4, 50)
    returns[:, 2] = 0.0
    for method in set(METHODS) - {"equal"}:
        assert weights_of(method, returns, Bounds())[2] == pytest.approx(0.0, abs=1e-12), method
        assert weights_of(method, returns, Bounds(least=0.1))[2] == pytest.approx(0.1), method
    assert weights_of("equal", returns, Bounds()).tolist() == [0.25] * 4


def test_no_more_moves_at_a_time_than_the_turnover_allows():
    returns, held = sample(7, 4, 60), np.array([0.7, 0.1, 0.1, 0.1])
    free = weights_of("risk_parity", returns, Bounds(), held)
    limited = weights_of("risk_parity", returns, Bounds(turnover=0.1), held)
    assert turnover(held, free) > 0.1
    assert turnover(held, limited) == pytest.approx(0.1)
    assert (limited - held) / 0.1 == pytest.approx((free - held) / turnover(held, free))
    first = weights_of("risk_parity", returns, Bounds(most=0.5, turnover=0.1), held)
    assert 0.5 < first[0] < held[0], "a bound that is far away is met by several steps"


def test_the_nearest_weights_are_nearer_than_any_of_a_grid():
    wanted, bounds = np.array([0.9, 0.4, -0.3]), Bounds(0.1, 0.6)
    ours = nearest(wanted, bounds)
    steps = np.arange(0.1, 0.6001, 0.02)
    grid = [np.array([a, b, 1 - a - b]) for a, b in itertools.product(steps, steps) if 0.1 <= 1 - a - b <= 0.6]
    assert ((ours - wanted) ** 2).sum() <= min(((each - wanted) ** 2).sum() for each in grid) + 1e-12


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        (Bounds(least=0.3), "least"), (Bounds(least=-0.1), "least"), (Bounds(most=0.2), "most"),
        (Bounds(most=1.5), "most"), (Bounds(turnover=0.0), "turnover"), (Bounds(turnover=2.0), "turnover"),
    ],
)  # fmt: skip
def test_bounds_that_no_weights_can_keep_are_refused_by_name(bounds, field):
    with pytest.raises(InvalidInput) as refused:
        weights_of("equal", sample(1, 4, 20), bounds)
    assert refused.value.field == field
