"""Walk-forward: in each fold the past chooses a run of the study, and the days after it judge.

Every run was made once, over all days, by an engine that knows no future; a fold only looks at other days of it.
A trade counts on the day it was closed; `purge_days` keep positions that reach into a test out of the choice.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.distributed.judge import Tried
from backtest.statistics.sharpe import sharpe
from backtest.statistics.splits import Fold, SplitSpec, folds
from engine.model.numbers import finite

Floats = NDArray[np.float64]


def walked(runs: Sequence[Tried], split: SplitSpec, days: Sequence[str]) -> dict[str, Any]:
    """Every fold's choice among `runs` (ranked, the best first) with its results where it was chosen and where it was
    tried, and the latter together."""
    if not runs:
        return {"folds": [], "note": "no run traded"}
    results = np.column_stack([run.daily for run in runs])
    table = [_fold(fold, results, runs, days) for fold in folds(len(days), split)]
    tried = np.concatenate([each.pop("_tried") for each in table])
    inside = float(np.mean([each["train_per_day"] for each in table]))
    return {
        "split": {"kind": split.kind, "folds": len(table), "purge_days": split.purge_days},
        "folds": table,
        "tried_days": len(tried),
        "tried_pnl": float(tried.sum()),
        "tried_sharpe_daily": finite(sharpe(tried)),
        "earning_folds": sum(each["test_pnl"] > 0 for each in table),
        "efficiency": float(tried.mean()) / inside if inside > 0 else None,
        "distinct_choices": len({each["number"] for each in table}),
    }


def _fold(fold: Fold, results: Floats, runs: Sequence[Tried], days: Sequence[str]) -> dict[str, Any]:
    train, test = _rows(fold.train), _rows(fold.test)
    best = int(np.argmax(results[train].sum(axis=0)))  # runs are ranked: of equals, the better one overall
    chosen, tried = results[train, best], results[test, best]
    others = results[test].sum(axis=0)
    return {
        "train": [[days[first], days[after - 1]] for first, after in fold.train],
        "test": [[days[first], days[after - 1]] for first, after in fold.test],
        "number": runs[best].number,
        "strategy": runs[best].strategy,
        "params": runs[best].params,
        "train_pnl": float(chosen.sum()),
        "train_per_day": float(chosen.mean()),
        "train_sharpe_daily": finite(sharpe(chosen)),
        "test_pnl": float(tried.sum()),
        "test_per_day": float(tried.mean()),
        "test_sharpe_daily": finite(sharpe(tried)),
        "better_than": float((others < tried.sum()).mean()),
        "_tried": tried,
    }


def _rows(spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(first, after) for first, after in spans])
