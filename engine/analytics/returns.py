"""Ratios of a series of returns, one per trading day, as fractions. What a series cannot tell is nan.

Conventions are those of empyrical: 252 days a year, a riskless rate of 0, sample deviations (n − 1); the one difference
is that a drawdown is told as a positive number. `CONVENTIONS` has them in words.
"""

import math

import numpy as np
from numpy.typing import NDArray

DAYS = 252
TAIL = 0.05
TINY = 1e-12  # below it a return is rounding
NAN = float("nan")
Floats = NDArray[np.float64]

CONVENTIONS = {
    "total_return": "What the run earned, open profit included, as a share of the capital.",
    "annual_return": "Compound growth a year: (1 + total return) ^ (252 / days) − 1.",
    "annual_volatility": "Standard deviation of daily returns (n − 1) times √252.",
    "sharpe": "Mean over standard deviation (n − 1) of daily returns, times √252; riskless rate 0.",
    "sortino": "Mean daily return times 252 over the downside deviation: root mean square of the returns below 0 "
    "(all days counted) times √252.",
    "calmar": "Annual return over the deepest drawdown.",
    "omega": "Sum of the daily gains over the sum of the daily losses; threshold 0.",
    "tail_ratio": "95th percentile of daily returns over the 5th, both as sizes.",
    "value_at_risk": "5th percentile of daily returns: one day in twenty is worse.",
    "expected_shortfall": "Mean of the worst 5 % of daily returns.",
    "max_drawdown_share": "Deepest fall of the daily equity from its peak so far, as a share of the peak.",
    "stability": "R² of a straight line through the logarithm of the equity.",
    "beta": "Covariance of daily returns with the benchmark's over the benchmark's variance.",
    "alpha": "What remains a year after beta times the benchmark: (1 + mean excess) ^ 252 − 1.",
    "win_days": "Days with a gain, of the days with a gain or a loss.",
}


def total_return(returns: Floats) -> float:
    """Compounded."""
    return float(np.prod(1.0 + returns) - 1.0) if len(returns) else NAN


def annual_return(returns: Floats) -> float:
    """Compound growth a year; nan below two days, and where everything was lost."""
    growth = 1.0 + total_return(returns)
    return float(growth ** (DAYS / len(returns)) - 1.0) if len(returns) > 1 and growth >= 0 else NAN


def annual_volatility(returns: Floats) -> float:
    return float(returns.std(ddof=1) * math.sqrt(DAYS)) if len(returns) > 1 else NAN


def sharpe(returns: Floats) -> float:
    """nan for a series that does not vary."""
    deviation = _deviation(returns)
    return float(returns.mean() / deviation * math.sqrt(DAYS)) if deviation > 0 else NAN


def sortino(returns: Floats) -> float:
    """nan where no day lost."""
    if len(returns) < 2:
        return NAN
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2))) * math.sqrt(DAYS)
    return float(returns.mean() * DAYS / downside) if downside > 0 else NAN


def drawdowns(returns: Floats) -> Floats:
    """(peak − now) / peak after every day, ≥ 0; the peak starts with the capital."""
    equity = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    peak = np.maximum.accumulate(equity)
    found: Floats = ((peak - equity) / peak)[1:]
    return found


def max_drawdown(returns: Floats) -> float:
    """≥ 0."""
    return float(drawdowns(returns).max()) if len(returns) else NAN


def calmar(returns: Floats) -> float:
    """nan without a drawdown."""
    deepest = max_drawdown(returns)
    return annual_return(returns) / deepest if deepest > TINY else NAN


def omega(returns: Floats) -> float:
    """nan where no day lost."""
    losses = -float(returns[returns < 0].sum())
    return float(returns[returns > 0].sum()) / losses if losses > TINY else NAN


def tail_ratio(returns: Floats) -> float:
    if not len(returns):
        return NAN
    low, high = np.percentile(returns, [5, 95])
    return float(abs(high) / abs(low)) if abs(low) > TINY else NAN


def value_at_risk(returns: Floats, share: float = TAIL) -> float:
    """The quantile itself: a loss is negative."""
    return float(np.percentile(returns, 100 * share)) if len(returns) else NAN


def expected_shortfall(returns: Floats, share: float = TAIL) -> float:
    """Mean of the worst `share` of the days."""
    if not len(returns):
        return NAN
    place = int((len(returns) - 1) * share)
    return float(np.partition(returns, place)[: place + 1].mean())


def stability(returns: Floats) -> float:
    """0…1; nan below two days, or where everything was lost."""
    if len(returns) < 2 or (returns <= -1).any():
        return NAN
    logs = np.cumsum(np.log1p(returns))
    if not logs.std() > 0:
        return NAN
    return float(np.corrcoef(np.arange(len(logs)), logs)[0, 1] ** 2)


def beta(returns: Floats, benchmark: Floats) -> float:
    """nan where the benchmark does not move."""
    if len(returns) < 2:
        return NAN
    variance = float(benchmark.var(ddof=1))
    return float(np.cov(returns, benchmark, ddof=1)[0, 1] / variance) if variance > TINY * TINY else NAN


def alpha(returns: Floats, benchmark: Floats) -> float:
    """A year, compounded."""
    slope = beta(returns, benchmark)
    if slope != slope:
        return NAN
    excess = float((returns - slope * benchmark).mean())
    return float((1.0 + excess) ** DAYS - 1.0) if excess > -1 else NAN


def win_days(returns: Floats) -> float:
    decided = int((returns != 0).sum())
    return float((returns > 0).sum() / decided) if decided else NAN


def ratios(returns: Floats, benchmark: Floats | None = None) -> dict[str, float]:
    """All of them, by the names in `CONVENTIONS`."""
    found = {
        "total_return": total_return(returns),
        "annual_return": annual_return(returns),
        "annual_volatility": annual_volatility(returns),
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "calmar": calmar(returns),
        "omega": omega(returns),
        "tail_ratio": tail_ratio(returns),
        "value_at_risk": value_at_risk(returns),
        "expected_shortfall": expected_shortfall(returns),
        "max_drawdown_share": max_drawdown(returns),
        "stability": stability(returns),
        "win_days": win_days(returns),
    }
    if benchmark is not None:
        found |= {"beta": beta(returns, benchmark), "alpha": alpha(returns, benchmark)}
    return found


def _deviation(returns: Floats) -> float:
    """0 for what varies by rounding only."""
    if len(returns) < 2:
        return 0.0
    deviation = float(returns.std(ddof=1))
    return deviation if deviation > 1e-12 * float(np.abs(returns).max()) else 0.0
