"""Weights that add up to 1 between a floor and a ceiling: the nearest, those of the highest mean, of the least risk."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInput

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
TINY = 1e-12
STILL = 1e-10  # of the slopes' own parts: a difference below it is rounding
ROUNDS = 60  # per weight; it takes fewer than two


class Bounds(msgspec.Struct, frozen=True):
    """Every weight lies between `least` and `most`; `turnover` is what may move from one to others at a time."""

    least: float = 0.0
    most: float = 1.0
    turnover: float = 1.0

    def check(self, count: int) -> "Bounds":
        """Itself; `InvalidInput` where no `count` weights can keep to it."""
        if not 0.0 <= self.least * count <= 1.0 + TINY:
            raise InvalidInput(f"least: 0 to 1/{count} was expected, found {self.least}", field="least")
        if not self.most * count >= 1.0 - TINY or self.most > 1.0:
            raise InvalidInput(f"most: 1/{count} to 1 was expected, found {self.most}", field="most")
        if not 0.0 < self.turnover <= 1.0:
            raise InvalidInput(f"turnover: above 0 and up to 1 was expected, found {self.turnover}", field="turnover")
        return self


def nearest(wanted: Floats, bounds: Bounds) -> Floats:
    """The weights within the bounds that are nearest to `wanted`: all moved alike, and cut at the bounds."""
    knots = np.sort(np.concatenate((wanted - bounds.least, wanted - bounds.most)))
    sums = np.clip(wanted - knots[:, None], bounds.least, bounds.most).sum(axis=1)  # falls from knot to knot
    shift = float(np.interp(-1.0, -sums, knots))
    found: Floats = np.clip(wanted - shift, bounds.least, bounds.most)
    return found


def highest(means: Floats, bounds: Bounds) -> Floats:
    """As much as is allowed for the best mean, then for the next."""
    found = np.full(len(means), bounds.least)
    left = 1.0 - float(found.sum())
    for place in np.argsort(-means, kind="stable"):
        more = min(left, bounds.most - bounds.least)
        found[place] += more
        left -= more
    return found


def least_risk(covariance: Floats, tilt: Floats, bounds: Bounds, start: Floats) -> Floats:
    """The least ½ w'Cw − tilt'w within the bounds, from weights within them; C is positive definite.

    A primal active set (Nocedal and Wright, "Numerical Optimization", algorithm 16.3): exact, and a few small
    equations at the number of parts that a book has.
    """
    weights = start.copy()
    free = (weights > bounds.least + TINY) & (weights < bounds.most - TINY)
    for _ in range(ROUNDS * len(weights)):
        risk = covariance @ weights
        slope, still = risk - tilt, STILL * float(np.abs(risk).max() + np.abs(tilt).max())
        way = _way(covariance, slope, free)
        if -float(slope @ way) > STILL * still:
            weights, free = _step(weights, way, free, bounds)
            continue
        pair = _pair(slope, weights, free, bounds)
        if pair is None or slope[pair[1]] - slope[pair[0]] <= still or free[pair].all():
            return weights
        free[pair] = True
    raise ArithmeticError("the weights of least risk were not found: the covariance is not positive definite")


def _way(covariance: Floats, slope: Floats, free: Flags) -> Floats:
    """From here to the least risk, with the weights that are not free where they are."""
    found = np.zeros(len(slope))
    places = np.flatnonzero(free)
    if len(places) > 1:
        inverse = np.linalg.solve(covariance[np.ix_(places, places)], np.array([slope[places], np.ones(len(places))]).T)
        price = inverse[:, 0].sum() / inverse[:, 1].sum()
        found[places] = price * inverse[:, 1] - inverse[:, 0]
        found[places] -= found[places].mean()
    return found


def _pair(slope: Floats, weights: Floats, free: Flags, bounds: Bounds) -> list[int] | None:
    """Between which two moving weight lowers the risk most: one that can grow, one that can shrink."""
    grows = np.where(free | (weights < bounds.most - TINY), slope, np.inf)
    shrinks = np.where(free | (weights > bounds.least + TINY), slope, -np.inf)
    pair = [int(grows.argmin()), int(shrinks.argmax())]
    return pair if np.isfinite(grows[pair[0]]) and np.isfinite(shrinks[pair[1]]) else None


def _step(weights: Floats, way: Floats, free: Flags, bounds: Bounds) -> tuple[Floats, Flags]:
    """As far along `way` as the bounds allow; the weight that met one is no longer free."""
    room = np.where(way > 0, bounds.most - weights, weights - bounds.least)
    speed = np.abs(way)
    shares = np.divide(room, speed, out=np.full(len(way), np.inf), where=free & (speed > TINY))
    first = int(shares.argmin())
    if shares[first] >= 1.0:
        return weights + way, free
    moved = weights + shares[first] * way
    moved[first] = bounds.most if way[first] > 0 else bounds.least
    kept = free.copy()
    kept[first] = False
    return moved, kept
