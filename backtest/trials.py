"""The ledger of trials: how often a strategy was tried on a market, by anyone, in any way."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from backtest.models import Trial


class Tried(NamedTuple):
    """One parameter set that was run. `sharpe` per day, nan where there is none."""

    params_digest: str
    sharpe: float


class Tally(NamedTuple):
    """`trials` that a result competes with, and the variance of their Sharpe ratios."""

    trials: int
    variance: float


def record(
    tried: Iterable[Tried], *, strategy: str, symbol: str, timeframe: str, dataset: str, first_ts: int, last_ts: int
) -> None:
    """Count what was run. The same parameters on the same bars count once."""
    Trial.objects.bulk_create(
        [
            Trial(
                strategy=strategy,
                symbol=symbol,
                timeframe=timeframe,
                dataset=dataset,
                first_ts=first_ts,
                last_ts=last_ts,
                params_digest=each.params_digest,
                sharpe=each.sharpe if each.sharpe == each.sharpe else None,
            )
            for each in tried
        ],
        update_conflicts=True,
        unique_fields=["strategy", "dataset", "params_digest"],
        update_fields=["sharpe", "tried_at"],
        batch_size=2_000,
    )


def tally(*, strategy: str, symbol: str, timeframe: str, first_ts: int, last_ts: int) -> Tally:
    """Everything that was ever tried of `strategy` on bars that overlap this span: another day more or less at an end
    does not make the trials before it undone."""
    found = Trial.objects.filter(
        strategy=strategy, symbol=symbol, timeframe=timeframe, first_ts__lt=last_ts, last_ts__gt=first_ts
    )
    ratios = np.array([ratio for ratio in found.values_list("sharpe", flat=True) if ratio is not None])
    return Tally(found.count(), float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0)
