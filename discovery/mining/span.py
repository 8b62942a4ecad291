"""Which days rules are looked for in, and which they are tried on: masks over bars and days."""

import math
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.statistics.splits import Fold, folds
from discovery.mining.asked import MiningSpec
from discovery.mining.truths import Bools
from engine.errors import InvalidInput

DAY_S = 86_400.0
FEWEST_DAYS = 4


class Halves(NamedTuple):
    """One fold: the days (and bars) that are searched, and those that judge."""

    train_days: Bools
    test_days: Bools
    train: Bools  # bars on which entries may be decided
    test: Bools


def halves(asked: MiningSpec, day_of: NDArray[np.int64], days: int, *, bar_s: float) -> list[Halves]:
    """The folds of the search. Where positions are carried, as many days as the longest may be held lie between what is
    searched and what judges, and after it where days are drawn at random."""
    if days < FEWEST_DAYS:
        raise InvalidInput(f"data: at least {FEWEST_DAYS} trading days were expected, found {days}", field="data")
    purge = math.ceil(max(asked.grid.hold) * bar_s / DAY_S) if asked.carry else 0
    split = msgspec.structs.replace(
        asked.split,
        purge_days=max(asked.split.purge_days, purge),
        embargo_days=max(asked.split.embargo_days, purge),
    )
    return [_halves(fold, day_of, days) for fold in folds(days, split)]


def _halves(fold: Fold, day_of: NDArray[np.int64], days: int) -> Halves:
    train, test = _marked(fold.train, days), _marked(fold.test, days)
    return Halves(train, test, train[day_of], test[day_of])


def _marked(spans: tuple[tuple[int, int], ...], days: int) -> Bools:
    found = np.zeros(days, np.bool_)
    for begin, end in spans:
        found[begin:end] = True
    return found
