"""Is a rule still what it was validated as? A score from 0 to 100 of its trades, with a reason for every part.

Each part is the probability that a rule which is as good as ever does so badly (or so differently) by chance:

- win rate: beta-binomial, the posterior predictive of Jeffreys' prior; A. Gelman et al., "Bayesian Data Analysis", 3rd
  edition, section 2.4. The interval that is told is E. B. Wilson's, JASA 22, 1927.
- mean P&L and deepest fall: a bootstrap in two stages (first the trades it was validated with, as they might have been,
  then as many of them as there are now); B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993. With
  p = (1 + as bad) / (1 + draws); A. C. Davison, D. V. Hinkley, "Bootstrap Methods and Their Application", 1997, 4.2.
- how often it trades: two Poisson rates, given their sum; J. Przyborowski, H. Wilenski, Biometrika 31, 1940.
- slippage: whether fills cost more than can be borne, by the normal law.

They are corrected for their number (Bonferroni), as they depend on each other.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

DRAWS = 2_000
SEED = 20_261  # the same trades have the same score
MOST = 1_000  # newest trades that are looked at: what was long ago says little of now, and draws cost memory
LEAST_FILLS = 5
Floats = NDArray[np.float64]


class Verdict(StrEnum):
    """What the trades say. With few of them nothing: neither that it is well nor that it is not. `DOUBTFUL` lies
    between the two, so that a rule does not go to and fro with every trade."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    DOUBTFUL = "doubtful"
    ILL = "ill"


class Trading(msgspec.Struct, frozen=True):
    """Closed trades in their order (`pnl` net, in cash for one unit), over so many trading `days`, and what each fill
    cost against the price that was decided on (`slippage`, price per unit, positive is worse)."""

    pnl: tuple[float, ...]
    days: int
    slippage: tuple[float, ...] = ()


class Limits(msgspec.Struct, frozen=True):
    """`least_trades` below which nothing is said. Up to a corrected probability of `ill` chance does not explain it;
    from `well` on nothing speaks against the rule."""

    least_trades: int
    ill: float
    well: float


class Part(msgspec.Struct, frozen=True):
    """One thing that was compared: `p` that chance explains it, `score` from 0 to 100 and the reason in words."""

    name: str
    p: float
    score: float
    text: str


class Health(msgspec.Struct, frozen=True):
    """`score` is None where the verdict is unknown; `p` is the smallest of the parts, corrected for their number."""

    verdict: Verdict
    score: float | None
    p: float | None
    text: str
    parts: tuple[Part, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """In words, the worst first."""
        return [part.text for part in sorted(self.parts, key=lambda part: part.p)] or [self.text]


def health(
    expected: Trading, observed: Trading, *, limits: Limits, bearable: float = 0.0, is_as_free: bool = True
) -> Health:
    """Of `observed` against `expected`; the same for the same trades. `bearable` is what a fill may cost, as a price.
    Where it is not `is_as_free` to enter as when it was validated, how often it trades says nothing."""
    now = msgspec.structs.replace(observed, pnl=observed.pnl[-MOST:])
    seen, known = len(now.pnl), len(expected.pnl)
    if min(seen, known) < limits.least_trades or not (expected.days and observed.days):
        text = (
            f"{seen} trades in {observed.days} days, {known} to compare with: {limits.least_trades} of each are needed"
        )
        return Health(Verdict.UNKNOWN, None, None, text)
    drawn = _drawn(expected.pnl, seen)
    parts = [
        _win_rate(expected.pnl, now.pnl),
        _mean(drawn, expected.pnl, now.pnl),
        _fall(drawn, now.pnl),
    ]
    if is_as_free:
        parts.append(_frequency(expected, observed))
    if len(now.slippage) >= LEAST_FILLS:
        parts.append(_slippage(bearable, now.slippage))
    worst = min(parts, key=lambda part: part.p)
    p = min(1.0, worst.p * len(parts))
    verdict = Verdict.ILL if p <= limits.ill else Verdict.DOUBTFUL if p < limits.well else Verdict.HEALTHY
    # The geometric mean: what is bad is not made up for by what is good.
    score = math.exp(sum(math.log(max(part.score, 0.1)) for part in parts) / len(parts))
    return Health(verdict, round(score, 1), p, f"weakest: {worst.text}", tuple(parts))


def _part(name: str, p: float, text: str) -> Part:
    """As good as or better than the middle of chance is 100."""
    return Part(name, p, round(100.0 * min(1.0, 2.0 * p), 1), f"{text} (p = {p:.2g})")


def _win_rate(expected: Sequence[float], observed: Sequence[float]) -> Part:
    won, lost = _decided(expected)
    wins, losses = _decided(observed)
    count = wins + losses
    if not count or not won + lost:
        return _part("win rate", 1.0, "win rate: no trade was won or lost")
    low, high = wilson(wins, count)
    text = f"win rate {wins / count:.0%} ({low:.0%} to {high:.0%}) of {count}, {won / (won + lost):.0%} expected"
    return _part("win rate", beta_binomial(wins, count, won + 0.5, lost + 0.5), text)


def _decided(pnl: Sequence[float]) -> tuple[int, int]:
    return sum(each > 0 for each in pnl), sum(each < 0 for each in pnl)


def _mean(drawn: Floats, expected: Sequence[float], observed: Sequence[float]) -> Part:
    mean, usual = float(np.mean(observed)), float(np.mean(expected))
    text = f"mean P&L of a trade {mean:,.2f}, {usual:,.2f} expected"
    return _part("mean P&L", _share(drawn.mean(axis=1) <= mean), text)


def _fall(drawn: Floats, observed: Sequence[float]) -> Part:
    fall, falls = float(deepest(np.array([observed]))[0]), deepest(drawn)
    text = f"deepest fall {fall:,.2f}, {float(np.median(falls)):,.2f} expected of as many trades"
    return _part("drawdown", _share(falls >= fall), text)


def _frequency(expected: Trading, observed: Trading) -> Part:
    seen, usual = len(observed.pnl) / observed.days, len(expected.pnl) / expected.days
    p = poisson_rates(len(observed.pnl), observed.days, len(expected.pnl), expected.days)
    return _part("frequency", p, f"{seen:.2f} trades a day, {usual:.2f} expected")


def _slippage(bearable: float, observed: Sequence[float]) -> Part:
    paid, spread = float(np.mean(observed)), float(np.std(observed, ddof=1))
    above = paid - bearable
    p = 1.0 - NormalDist().cdf(above / (spread / math.sqrt(len(observed)))) if spread > 0 else float(above <= 0)
    return _part("slippage", p, f"slippage {paid:.4g} a unit over {len(observed)} fills, up to {bearable:.4g} is borne")


def _drawn(expected: Sequence[float], count: int) -> Floats:
    """`DRAWS` rows of as many trades as were seen."""
    rng = np.random.default_rng(SEED)
    known = np.array(expected[-MOST:], np.float64)
    as_it_might_have_been = known[rng.integers(len(known), size=(DRAWS, len(known)))]
    picked = rng.integers(len(known), size=(DRAWS, count))
    return np.take_along_axis(as_it_might_have_been, picked, axis=1)


def _share(flags: NDArray[np.bool_]) -> float:
    return (1.0 + float(flags.sum())) / (1.0 + len(flags))


def deepest(rows: Floats) -> Floats:
    """Of each row's cumulated P&L the deepest fall from its peak so far, which starts at 0."""
    total = np.cumsum(rows, axis=1)
    peak = np.maximum(np.maximum.accumulate(total, axis=1), 0.0)
    falls: Floats = (peak - total).max(axis=1, initial=0.0)
    return falls


def wilson(wins: int, count: int, *, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share, 95 %."""
    share, square = wins / count, z * z / count
    middle = (share + square / 2.0) / (1.0 + square)
    half = z / (1.0 + square) * math.sqrt(share * (1.0 - share) / count + square / (4.0 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def beta_binomial(wins: int, count: int, a: float, b: float) -> float:
    """The probability of at most `wins` in `count`, where the rate itself is Beta(a, b)."""

    def log_mass(k: int) -> float:
        return _log_choose(count, k) + _log_beta(k + a, count - k + b) - _log_beta(a, b)

    return _sum(log_mass, range(wins + 1))


def poisson_rates(count: int, span: float, other: int, other_span: float) -> float:
    """How likely so different counts are where the rates are equal: the first is binomial, given the sum."""
    total, share = count + other, span / (span + other_span)

    def log_mass(k: int) -> float:
        return _log_choose(total, k) + k * math.log(share) + (total - k) * math.log1p(-share)

    below, above = _sum(log_mass, range(count + 1)), _sum(log_mass, range(count, total + 1))
    return min(1.0, 2.0 * min(below, above))


def _sum(log_mass: Callable[[int], float], over: range) -> float:
    return min(1.0, math.fsum(math.exp(log_mass(k)) for k in over))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
