"""Do chosen weights beat equal ones on days that they were not chosen from? Methods walked through time."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.analytics.bounded import Bounds
from engine.analytics.weights import METHODS, turnover, weights_of
from engine.errors import InvalidInput

WINDOW, STEP = 126, 21  # half a year to learn from, a month until the next choice
RESAMPLES = 1_000
BLOCK = 5  # days that are drawn together: a week
DOUBT = 0.05  # shared by all comparisons
BASE, HELD = "equal", "held"

Floats = NDArray[np.float64]


class Walked(msgspec.Struct, frozen=True):
    """One method's way: its return on each of the days that it had not seen, and the weights of each choice."""

    method: str
    returns: Floats
    weights: Floats  # a row a choice
    turnover: float  # mean share of the capital that moved at a choice


class Compared(msgspec.Struct, frozen=True):
    """A method against equal weights, on the same days. Ratios are per day."""

    method: str
    folds_won: int
    folds: int
    difference: float  # of the Sharpe ratios; nan where one is not known
    low: float  # its interval; with `DOUBT` shared by all comparisons
    high: float

    @property
    def verdict(self) -> str:
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no proven difference"


def walk(
    returns: Floats, bounds: Bounds, *, window: int = WINDOW, step: int = STEP, held: Floats | None = None
) -> list[Walked]:
    """Every method on the same days: weights from the `window` days before, held for `step` days, then chosen anew;
    beside them the weights that are `held`, left alone.

    The first choice is measured from equal weights; turnover is limited as `bounds` say. `InvalidInput` names what
    leaves no day to judge.
    """
    if window < 2 or step < 1:
        raise InvalidInput(f"window, step: at least 2 and 1 were expected, found {window}, {step}", field="window")
    if len(returns) <= window:
        raise InvalidInput(f"window: fewer than {len(returns)} days were expected, found {window}", field="window")
    starts = range(window, len(returns), step)
    walked = [_walked(method, returns, bounds, starts, window, step) for method in METHODS]
    if held is not None:
        walked.append(Walked(HELD, returns[window:] @ held, np.tile(held, (len(starts), 1)), 0.0))
    return walked


def compare(walked: Sequence[Walked], *, step: int = STEP, seed: int = 1) -> list[Compared]:
    """Each method but equal weights, against them. The intervals are by drawing weeks of days with replacement, the
    same for both, each as wide as shared doubt demands."""
    base = next(each.returns for each in walked if each.method == BASE)
    others = [each for each in walked if each.method != BASE]
    rows = _draws(len(base), np.random.default_rng(seed))
    doubt = 100.0 * DOUBT / len(others) / 2.0
    return [_compared(each, base, rows, step, doubt) for each in others]


def daily_sharpe(returns: Floats) -> Floats:
    """Mean over deviation (n − 1) along the last axis; nan without variation."""
    deviation = returns.std(axis=-1, ddof=1)
    found: Floats = np.divide(
        returns.mean(axis=-1), deviation, out=np.full(deviation.shape, np.nan), where=deviation > 0
    )
    return found


def _walked(method: str, returns: Floats, bounds: Bounds, starts: range, window: int, step: int) -> Walked:
    held = weights_of(BASE, returns, bounds)
    chosen, moved, parts = [], [], []
    for start in starts:
        wanted = weights_of(method, returns[start - window : start], bounds, held)
        moved.append(turnover(held, wanted))
        held = wanted
        chosen.append(held)
        parts.append(returns[start : start + step] @ held)
    return Walked(method, np.concatenate(parts), np.array(chosen), float(np.mean(moved)))


def _compared(walked: Walked, base: Floats, rows: NDArray[np.int64], step: int, doubt: float) -> Compared:
    folds = range(0, len(base), step)
    won = sum(float(walked.returns[at : at + step].sum() - base[at : at + step].sum()) > 0 for at in folds)
    difference = float(daily_sharpe(walked.returns) - daily_sharpe(base))
    low = high = float("nan")
    if len(rows) and difference == difference:
        drawn = daily_sharpe(walked.returns[rows]) - daily_sharpe(base[rows])
        known = drawn[np.isfinite(drawn)]
        if len(known):
            low, high = (float(each) for each in np.percentile(known, [doubt, 100.0 - doubt]))
    return Compared(walked.method, won, len(folds), difference, low, high)


def _draws(days: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Places of days, a row a resample: blocks from anywhere, round the end; none where there are too few to draw."""
    if days < 2 * BLOCK:
        return np.empty((0, days), dtype=np.int64)
    begins = random.integers(0, days, (RESAMPLES, -(-days // BLOCK)))
    places = (begins[:, :, None] + np.arange(BLOCK)).reshape(RESAMPLES, -1)[:, :days] % days
    found: NDArray[np.int64] = places
    return found
