"""How capital may be shared between the parts of a portfolio: six answers to the same daily returns.

A part is a strategy on a symbol; its return of a day is what it earned over the capital it is given.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.analytics.bounded import Bounds, highest, least_risk, nearest
from engine.analytics.covariance import shrunk_covariance, shrunk_means
from engine.analytics.hierarchy import quasi_diagonal

Floats = NDArray[np.float64]
Method = Callable[[Floats, Bounds], Floats]
EVEN = 1e-10
ROUNDS = 500
STEADY = 1e-9  # a ratio that rises by less has risen to its top


def equal(returns: Floats, bounds: Bounds) -> Floats:
    """The same for each."""
    return _same(returns.shape[1])


def inverse_volatility(returns: Floats, bounds: Bounds) -> Floats:
    """In proportion to 1 / standard deviation; how the parts go together is not looked at."""
    return nearest(_shared(1.0 / returns.std(axis=0, ddof=1)), bounds)


def minimum_variance(returns: Floats, bounds: Bounds) -> Floats:
    """The least variance by the shrunk covariance."""
    covariance, _ = shrunk_covariance(returns)
    return _least(covariance, bounds)


def risk_parity(returns: Floats, bounds: Bounds) -> Floats:
    """Every part adds the same to the variance (by the shrunk covariance), where the bounds allow it."""
    covariance, _ = shrunk_covariance(returns)
    return nearest(even_contributions(covariance), bounds)


def maximum_sharpe(returns: Floats, bounds: Bounds) -> Floats:
    """The highest Sharpe ratio by shrunk means and the shrunk covariance; where no weights earn, the least variance."""
    covariance, _ = shrunk_covariance(returns)
    means = shrunk_means(returns, covariance)
    weights = highest(means, bounds)
    if not means @ weights > 0:
        return _least(covariance, bounds)
    last = 0.0
    for _ in range(ROUNDS):
        # mean² / variance ≥ 2·y·mean − y²·variance, equal at y = mean / variance here: each round can only rise.
        ratio = float(means @ weights) ** 2 / float(weights @ covariance @ weights)
        if ratio <= last * (1.0 + STEADY):
            break
        last = ratio
        y = ratio / float(means @ weights)
        weights = least_risk(covariance * y, means, bounds, weights)
    return weights


def hierarchical(returns: Floats, bounds: Bounds) -> Floats:
    """Hierarchical risk parity: like parts next to each other, then each group halved by the variance of its halves.

    M. López de Prado, "Building diversified portfolios that outperform out of sample", Journal of Portfolio
    Management 42 (4), 2016; by the shrunk covariance, single linkage of √((1 − correlation) / 2).
    """
    covariance, _ = shrunk_covariance(returns)
    order = quasi_diagonal(covariance)
    weights = np.ones(len(order))
    groups = [order]
    while groups:
        group = groups.pop()
        if len(group) < 2:
            continue
        one, other = group[: len(group) // 2], group[len(group) // 2 :]
        first, second = _variance(covariance, one), _variance(covariance, other)
        weights[one] *= second / (first + second)
        weights[other] *= first / (first + second)
        groups += [one, other]
    return nearest(weights, bounds)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "equal": equal,
        "inverse_volatility": inverse_volatility,
        "minimum_variance": minimum_variance,
        "risk_parity": risk_parity,
        "maximum_sharpe": maximum_sharpe,
        "hierarchical": hierarchical,
    }
)


def weights_of(method: str, returns: Floats, bounds: Bounds, held: Floats | None = None) -> Floats:
    """Weights by the method from daily returns (a row a day, a column a part), within `bounds`.

    A part that did not vary cannot be judged: all but `equal` give it the least. From what is `held`, no more than
    the allowed turnover is moved, straight towards the answer, although a bound is then met by several steps only.
    """
    count = returns.shape[1]
    bounds.check(count)
    varies = np.ptp(returns, axis=0) > 0 if len(returns) > 1 else np.zeros(count, dtype=bool)
    wanted = _same(count)
    if method != "equal" and varies.any():
        inner = Bounds(0.0, max(bounds.most, 1.0 / int(varies.sum())))
        wanted = np.zeros(count)
        wanted[varies] = METHODS[method](returns[:, varies], bounds if varies.all() else inner)
    wanted = nearest(wanted, bounds)
    moved = 0.0 if held is None else turnover(held, wanted)
    if held is None or moved <= bounds.turnover:
        return wanted
    found: Floats = held + bounds.turnover / moved * (wanted - held)
    return found


def turnover(held: Floats, wanted: Floats) -> float:
    """The share of the capital that goes from one part to another."""
    return float(np.abs(wanted - held).sum()) / 2.0


def even_contributions(covariance: Floats) -> Floats:
    """Weights of which each adds the same to the variance; the one answer above 0.

    T. Griveau-Billion, J.-C. Richard, T. Roncalli, "A fast algorithm for computing high-dimensional risk parity
    portfolios", 2013: one weight after the other to the root of its own quadratic equation.
    """
    deviations = np.sqrt(np.diag(covariance))
    alike = covariance / np.outer(deviations, deviations)  # of scaled weights, so that all are of one size
    count = len(alike)
    found = np.full(count, 1.0 / np.sqrt(count))
    for _ in range(ROUNDS):
        for place in range(count):
            others = float(alike[place] @ found) - found[place]
            found[place] = (-others + np.sqrt(others * others + 4.0 / count)) / 2.0
        if np.abs(found * (alike @ found) - 1.0 / count).max() < EVEN:
            break
    return _shared(found / deviations)


def _least(covariance: Floats, bounds: Bounds) -> Floats:
    count = len(covariance)
    return least_risk(covariance / float(np.trace(covariance)), np.zeros(count), bounds, _same(count))


def _variance(covariance: Floats, group: list[int]) -> float:
    """Of the group, its parts in inverse proportion to their own variances."""
    part = covariance[np.ix_(group, group)]
    shares = _shared(1.0 / np.diag(part))
    return float(shares @ part @ shares)


def _shared(sizes: Floats) -> Floats:
    found: Floats = sizes / sizes.sum()
    return found


def _same(count: int) -> Floats:
    return np.full(count, 1.0 / count)
