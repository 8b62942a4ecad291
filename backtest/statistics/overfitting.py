"""How likely it is that the best in sample is no better than the middle out of sample.

D. H. Bailey, J. M. Borwein, M. López de Prado, Q. J. Zhu, "The Probability of Backtest Overfitting", Journal of
Computational Finance 20 (4), 2017: combinatorially symmetric cross-validation.
"""

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidInput

Floats = NDArray[np.float64]
_AT_ONCE = 1 << 22  # cells of one comparison


class Overfitting(NamedTuple):
    """`probability` (PBO) that the best in sample is below the median out of sample; `median_logit` of its rank there
    (above 0 is good); `loss_probability` that it loses out of sample."""

    probability: float
    median_logit: float
    loss_probability: float
    splits: int


def overfitting(results: Floats, *, blocks: int = 12) -> Overfitting:
    """From the results of each period (rows) of each run (columns), cut into an even number of `blocks` of time.

    `InvalidInput` where there are fewer than two runs or two periods a block.
    """
    periods, runs = results.shape
    if blocks < 2 or blocks % 2:
        raise InvalidInput(f"blocks: an even number from 2 was expected, found {blocks}", field="blocks")
    if runs < 2 or periods < 2 * blocks:
        raise InvalidInput(
            f"results: at least 2 runs and {2 * blocks} periods were expected, found {runs} and {periods}",
            field="results",
        )
    size = periods // blocks
    cut = results[periods - size * blocks :].reshape(blocks, size, runs)  # the oldest remainder is left out
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    logits: list[Floats] = []
    losses = 0
    for part in np.array_split(chosen, max(1, math.ceil(len(chosen) * runs / _AT_ONCE))):
        inside = np.zeros((len(part), blocks))
        np.put_along_axis(inside, part, 1.0, axis=1)
        count = size * (blocks // 2)
        best = np.argmax(_ratios(inside, sums, squares, count), axis=1)
        outside = _ratios(1.0 - inside, sums, squares, count)
        picked = outside[np.arange(len(part)), best]
        # The rank among all runs, ties in the middle; between 0 and 1, never either.
        below = (outside < picked[:, None]).sum(axis=1) + ((outside == picked[:, None]).sum(axis=1) + 1) / 2.0
        rank = below / (runs + 1.0)
        logits.append(np.log(rank / (1.0 - rank)))
        losses += int((picked <= 0).sum())
    found = np.concatenate(logits)
    return Overfitting(float((found <= 0).mean()), float(np.median(found)), losses / len(found), len(found))


def _ratios(chosen: Floats, sums: Floats, squares: Floats, count: int) -> Floats:
    """Sharpe ratios over the chosen blocks, one row per choice; a run that never varies has 0."""
    mean = chosen @ sums / count
    variance = np.maximum(chosen @ squares / count - mean**2, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 1e-24, mean / np.sqrt(variance), 0.0)
