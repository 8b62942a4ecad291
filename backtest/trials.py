"""The ledger of trials: how often a strategy was tried on a market, by anyone, in any way."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from backtest.models import Trial


class Tried(NamedTuple):
    """One parameter set that was run. `sharpe` per day, nan where there is none."""

    params_digest: str
    sharpe: float


class Search(NamedTuple):
    """Many trials that are kept as one row: how many, and the variance of their daily Sharpe ratios."""

    params_digest: str
    trials: int
    variance: float


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


def record_search(
    found: Search, *, strategy: str, symbol: str, timeframe: str, dataset: str, first_ts: int, last_ts: int
) -> None:
    """Count a search that looked at many. The same search of the same bars counts once."""
    Trial.objects.update_or_create(
        strategy=strategy,
        dataset=dataset,
        params_digest=found.params_digest,
        defaults={
            "symbol": symbol, "timeframe": timeframe, "first_ts": first_ts, "last_ts": last_ts, "count": found.trials,
            "variance": found.variance,
        },
    )  # fmt: skip


def tally(
    *, strategy: str, symbol: str, timeframe: str, first_ts: int, last_ts: int, but: tuple[str, str] | None = None
) -> Tally:
    """Everything that was ever tried of `strategy` on bars that overlap this span: another day more or less at an end
    does not make the trials before it undone. `but` is what does not count against itself: its (dataset, digest)."""
    rows = Trial.objects.filter(
        strategy=strategy, symbol=symbol, timeframe=timeframe, first_ts__lt=last_ts, last_ts__gt=first_ts
    )
    if but is not None:
        rows = rows.exclude(dataset=but[0], params_digest=but[1])
    found = rows.values_list("count", "sharpe", "variance")
    return Tally(sum(count for count, _, _ in found), _variance(found))


def _variance(found: Iterable[tuple[int, float | None, float | None]]) -> float:
    """Of all ratios: those of single trials, pooled with those of searches by how many each has."""
    ratios = np.array([ratio for _, ratio, _ in found if ratio is not None])
    parts = [(len(ratios) - 1, float(ratios.var(ddof=1)))] if len(ratios) > 1 else []
    parts += [(count - 1, variance) for count, _, variance in found if variance is not None and count > 1]
    weight = sum(size for size, _ in parts)
    return sum(size * variance for size, variance in parts) / weight if weight else 0.0
