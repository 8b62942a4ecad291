"""Sharpe ratios that know how many were tried.

D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and
Non-Normality", Journal of Portfolio Management 40 (5), 2014. All ratios are per period, never annualised.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NORMAL = NormalDist()
_EULER = 0.5772156649015329

Floats = NDArray[np.float64]


def sharpe(results: ArrayLike) -> float:
    """Mean over standard deviation (n - 1) of the results per period; nan below two periods or without variation."""
    values = np.asarray(results, np.float64)
    if len(values) < 2:
        return math.nan
    deviation = float(values.std(ddof=1))
    return float(values.mean()) / deviation if deviation > 0 else math.nan


def probabilistic_sharpe(ratio: float, *, benchmark: float, periods: int, skew: float, kurtosis: float) -> float:
    """The probability that the true ratio is above `benchmark` (equation 1); `kurtosis` is 3 for a normal law."""
    variance = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    if periods < 2 or not variance > 0:
        return math.nan
    return _NORMAL.cdf((ratio - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance))


def expected_best(variance: float, trials: float) -> float:
    """The ratio that the best of so many worthless trials is expected to show; `variance` is that of their ratios."""
    if trials <= 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    ratio: float, *, variance: float, trials: float, periods: int, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """The probability that the ratio is above what the best of so many worthless trials would show (equation 2)."""
    threshold = expected_best(variance, trials)
    return probabilistic_sharpe(ratio, benchmark=threshold, periods=periods, skew=skew, kurtosis=kurtosis)


def moments(results: ArrayLike) -> tuple[float, float]:
    """(skew, kurtosis), the population's; (0, 3) where nothing varies."""
    values = np.asarray(results, np.float64)
    centred = values - values.mean() if len(values) else values
    second = float((centred**2).mean()) if len(values) else 0.0
    if not second > 0:
        return 0.0, 3.0
    return float((centred**3).mean() / second**1.5), float((centred**4).mean() / second**2)
