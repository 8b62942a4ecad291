"""How long rules last: the share that still does well after so many days in the market.

E. L. Kaplan, P. Meier, "Nonparametric Estimation from Incomplete Observations", Journal of the American Statistical
Association 53, 1958. The band is Greenwood's variance on the scale of log(−log): J. D. Kalbfleisch, R. L. Prentice,
"The Statistical Analysis of Failure Time Data", 2nd edition, section 1.4.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

COVERED = 0.95


class Spell(NamedTuple):
    """One time in the market. `has_ended`: degraded or demoted; else it lasts, and how long it will is unknown."""

    days: float
    has_ended: bool


class Point(NamedTuple):
    """After `days`, at which some of `at_risk` ended: the share that lasts longer, and where that lies with 95 %."""

    days: float
    at_risk: int
    ended: int
    share: float
    low: float
    high: float


def survival(spells: Sequence[Spell], *, covered: float = COVERED) -> list[Point]:
    """The curve: a point for each time at which any ended. One that is censored at that very time was at risk."""
    points, share, greenwood = [], 1.0, 0.0
    for days in sorted({spell.days for spell in spells if spell.has_ended}):
        at_risk = sum(spell.days >= days for spell in spells)
        ended = sum(spell.has_ended and spell.days == days for spell in spells)
        share *= 1.0 - ended / at_risk
        greenwood += ended / (at_risk * (at_risk - ended)) if at_risk > ended else math.inf
        points.append(Point(days, at_risk, ended, share, *_band(share, greenwood, covered)))
    return points


def median_days(points: Sequence[Point]) -> float | None:
    """When half have ended; None where more than half still last."""
    return next((point.days for point in points if point.share <= 0.5), None)


def _band(share: float, greenwood: float, covered: float) -> tuple[float, float]:
    """The whole of 0 to 1 where the last one ended: nothing is known of what would come after."""
    if not 0.0 < share < 1.0:
        return 0.0, 1.0
    wide = NormalDist().inv_cdf(0.5 + covered / 2.0) * math.sqrt(greenwood) / abs(math.log(share))
    return share ** math.exp(wide), share ** math.exp(-wide)
