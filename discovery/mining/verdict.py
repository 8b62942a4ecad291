"""How far a rule that was found can be believed, with all that was tried counted."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.statistics.sharpe import deflated_sharpe, moments, probabilistic_sharpe, sharpe
from engine.model.numbers import finite

Floats = NDArray[np.float64]
SIGNIFICANT = 0.05
FEWEST_DAYS = 10  # that judge


class Chance(msgspec.Struct, frozen=True):
    """`searched`: the probability that the best of as many worthless trials does as well where it was searched
    (1 − deflated Sharpe ratio). `tested`: that a worthless rule does as well on the days that judge, `corrected` for
    the number of rules that are judged (Holm). None where there is too little to say it."""

    trials: int
    searched: float | None
    tested: float | None
    corrected: float | None = None

    @property
    def is_small(self) -> bool:
        """Both are: it is neither the best of many nor lucky afterwards."""
        found = (self.searched, self.corrected)
        return all(chance is not None and chance <= SIGNIFICANT for chance in found)

    @property
    def text(self) -> str:
        return (
            f"best of {self.trials:,} trials; corrected p = {_shown(self.searched)} where it was searched, "
            f"{_shown(self.corrected)} on days that it was not"
        )


def chance(searched: Floats, tested: Floats, *, trials: int, variance: float) -> Chance:
    """From the results of each day, where the rule was searched and where it is judged; `variance` is that of the
    Sharpe ratios of all trials."""
    ratio, (skew, kurtosis) = sharpe(searched), moments(searched)
    deflated = deflated_sharpe(
        ratio, variance=variance, trials=trials, periods=len(searched), skew=skew, kurtosis=kurtosis
    )
    return Chance(trials, _rest(deflated), _luck(tested))


def corrected(found: Sequence[Chance]) -> list[Chance]:
    """All of them, with what was tested corrected for their number: Holm's step-down."""
    order = sorted((c.tested, at) for at, c in enumerate(found) if c.tested is not None)
    steps, largest = {}, 0.0
    for place, (p, at) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - place)))
        steps[at] = largest
    return [msgspec.structs.replace(each, corrected=steps.get(at)) for at, each in enumerate(found)]


def _luck(tested: Floats) -> float | None:
    ratio, (skew, kurtosis) = sharpe(tested), moments(tested)
    if len(tested) < FEWEST_DAYS:
        return None
    return _rest(probabilistic_sharpe(ratio, benchmark=0.0, periods=len(tested), skew=skew, kurtosis=kurtosis))


def _rest(probability: float) -> float | None:
    return finite(1.0 - probability)


def _shown(chance: float | None) -> str:
    return "unknown" if chance is None else f"{chance:.2g}"
