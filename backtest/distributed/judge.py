"""How convincing the best run of a study is, with everything that was ever tried counted."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backtest import trials
from backtest.distributed.data import Bars
from backtest.statistics.overfitting import overfitting
from backtest.statistics.sharpe import deflated_sharpe, expected_best, moments
from engine.analytics.returns import DAYS
from engine.model.numbers import finite

Floats = NDArray[np.float64]

CONVINCING = 0.95  # of the deflated Sharpe ratio
FEWEST_DAYS = 24
_BLOCKS = 12


class Tried(Protocol):
    """A run, as far as it is judged. `daily` are its results of each day, `sharpe` is of these."""

    @property
    def number(self) -> int: ...
    @property
    def strategy(self) -> str: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def sharpe(self) -> float: ...
    @property
    def daily(self) -> Floats: ...


def judged(ranked: Sequence[Tried], bars: Bars) -> dict[str, Any] | None:
    """Of the run with the best daily Sharpe ratio; None where no run traded."""
    traded = [run for run in ranked if math.isfinite(run.sharpe)]
    if not traded:
        return None
    best = max(traded, key=lambda run: (run.sharpe, -run.number))
    counted = trials.tally(
        strategy=best.strategy,
        symbol=bars.columns.symbol,
        timeframe=bars.columns.timeframe,
        first_ts=int(bars.columns.ts_open[0]),
        last_ts=int(bars.columns.ts[-1]),
    )
    days = len(best.daily)
    skew, kurtosis = moments(best.daily)
    dsr = deflated_sharpe(
        best.sharpe, variance=counted.variance, trials=counted.trials, periods=days, skew=skew, kurtosis=kurtosis
    )
    found: dict[str, Any] = {
        "number": best.number,
        "strategy": best.strategy,
        "symbol": bars.columns.symbol,
        "params": best.params,
        "days": days,
        "trials": counted.trials,
        "sharpe_daily": best.sharpe,
        "sharpe_annual": best.sharpe * math.sqrt(DAYS),
        "expected_best_of_worthless": expected_best(counted.variance, counted.trials),
        "deflated_sharpe": finite(dsr),
        "is_significant": days >= FEWEST_DAYS and math.isfinite(dsr) and dsr >= CONVINCING,
        **_overfitting(traded, best.strategy),
    }
    return found | {"sentence": _sentence(found)}


def _overfitting(runs: Sequence[Tried], strategy: str) -> dict[str, Any]:
    results = np.column_stack([run.daily for run in runs if run.strategy == strategy])
    days, count = results.shape
    if count < 2 or days < 2 * _BLOCKS:
        return {
            "overfitting": None,
            "overfitting_note": f"needs 2 runs and {2 * _BLOCKS} days, found {count} and {days}",
        }
    found = overfitting(results, blocks=_BLOCKS)
    return {
        "overfitting": found.probability,
        "loss_out_of_sample": found.loss_probability,
        "overfitting_note": f"of {found.splits} ways to halve the days",
    }


def _sentence(found: dict[str, Any]) -> str:
    trials_text = f"the best of {found['trials']:,} trials" if found["trials"] > 1 else "the only trial"
    if found["days"] < FEWEST_DAYS:
        return f"{trials_text.capitalize()}; {found['days']} days are too few to say whether it is more than chance."
    if found["deflated_sharpe"] is None:
        return f"{trials_text.capitalize()}; its results do not vary enough to say anything."
    chance = 1.0 - found["deflated_sharpe"]
    verdict = "unlikely to be chance alone" if found["is_significant"] else "not significant"
    text = f"{trials_text.capitalize()}; corrected p = {chance:.2f}: {verdict}."
    if found["overfitting"] is not None:
        text += f" Chosen on one half of the days, it was below the middle on the other in {found['overfitting']:.0%}."
    return text
