"""What a sample of returns says about their moments, drawn towards what needs no sample: fewer days, more drawn."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shrunk_covariance(returns: Floats) -> tuple[Floats, float]:
    """(covariance of the columns, how far it was drawn: 0 not at all, 1 to uncorrelated columns).

    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88, 2004; of the standardised columns, so that the scale of none decides. Every column varies.
    """
    deviations = returns.std(axis=0, ddof=1)
    scaled = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    days, count = scaled.shape
    sample = scaled.T @ scaled / days
    distance = float(((sample - np.eye(count)) ** 2).sum())
    noise = float(((scaled**2).sum(axis=1) ** 2).sum() - days * (sample**2).sum()) / days**2
    drawn = min(noise / distance, 1.0) if distance > 0 else 1.0
    shrunk = (1.0 - drawn) * sample + drawn * np.eye(count)
    found: Floats = shrunk * np.outer(deviations, deviations)
    return found, drawn


def shrunk_means(returns: Floats, covariance: Floats) -> Floats:
    """Means of the columns, drawn to that of the portfolio of least variance, all the way where they hardly differ.

    P. Jorion, "Bayes-Stein estimation for portfolio analysis", Journal of Financial and Quantitative Analysis 21, 1986.
    """
    days, count = returns.shape
    means: Floats = returns.mean(axis=0)
    least = np.linalg.solve(covariance, np.ones(count))
    centre = float(least @ means / least.sum())
    away = means - centre
    spread = float(away @ np.linalg.solve(covariance, away))
    drawn = (count + 2) / (count + 2 + days * spread)
    found: Floats = centre + (1.0 - drawn) * away
    return found
