"""Adds the shards of a study up: one row per run, the best ones with their trades, and how convincing they are."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from backtest import trials
from backtest.distributed.data import Bars, bars_of
from backtest.distributed.judge import judged
from backtest.distributed.runs import Kept, params_digest, unpack
from backtest.distributed.spec import StudySpec, parse_spec
from backtest.distributed.walk import walked
from backtest.models import BacktestRun, Shard, Study
from backtest.statistics.sharpe import sharpe
from engine.model.numbers import finite

BEST = 20  # runs in the summary

Floats = NDArray[np.float64]


class Folded:
    """One run of the study: of a campaign, all its days together."""

    def __init__(self, strategy: str, parts: Sequence[tuple[str | None, Kept]], days: Sequence[str] = ()) -> None:
        """`days` are those of the campaign; one that failed for this run counts as one without a result."""
        first = parts[0][1]
        self.strategy = strategy
        self.number = first.number
        self.params = first.params
        self.how = "event" if any(part.how == "event" for _, part in parts) else first.how
        self.why = next((part.why for _, part in parts if part.why), "")
        self.error = next((part.error for _, part in parts if part.error), "")
        self.daily = _placed(parts, days) if days else first.results
        self.digest = first.digest if len(parts) == 1 else _joined([part.digest for _, part in parts])
        self.days = [{"day": day, **part.stats} for day, part in parts] if days else []
        self.stats = _summed([part.stats for _, part in parts], self.daily) if days else first.stats
        self.sharpe = math.nan if self.error else sharpe(self.daily)

    def score(self, name: str) -> float | None:
        """The statistic to rank by; None where the run was refused or has none."""
        if self.error:
            return None
        value = self.sharpe if name == "sharpe" else self.stats.get(name)
        if value is None:
            return None
        return finite(float(value))

    def row(self, study: Study, spec: StudySpec) -> BacktestRun:
        return BacktestRun(
            study=study,
            number=self.number,
            strategy=self.strategy,
            symbol=spec.symbol,
            timeframe=spec.timeframe,
            params=self.params,
            stats=self.stats,
            score=self.score(spec.rank_by),
            sharpe=finite(self.sharpe),
            days=self.days,
            how=self.how,
            why=self.why[:400],
            error=self.error[:400],
            digest=self.digest,
        )


def fold(study: Study) -> None:
    """Write the runs and the result of a study whose shards have all ended. Twice gives the same."""
    spec = parse_spec(study.spec)
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    runs = folded(study)
    ranked = sorted(
        (run for run in runs if run.score(spec.rank_by) is not None),
        key=lambda run: (-(run.score(spec.rank_by) or 0.0), run.number),
    )
    _count_trials(study, spec, bars, runs)
    result = {
        "best": [_brief(run, spec) for run in ranked[:BEST]],
        "runs": len(runs),
        "refused": sum(bool(run.error) for run in runs),
        "by_how": _counted([run.how for run in runs if not run.error]),
        "failed_shards": _failed(study),
        "days": _by_day(runs, spec),
        "strategies": _by_strategy(ranked, spec),
        "judgement": judged(ranked, bars),
        "walk_forward": None if spec.split is None else walked(ranked, spec.split, _day_names(study, bars)),
    }
    with transaction.atomic():
        study.runs.all().delete()
        BacktestRun.objects.bulk_create([run.row(study, spec) for run in runs], batch_size=500)
        study.result = result
        study.dataset, study.bars = bars.digest, len(bars.columns)
        study.state = _end(study)
        study.finished_at = timezone.now()
        study.save()


def folded(study: Study) -> list[Folded]:
    """The runs of the shards that are done, by their numbers."""
    parts: dict[int, list[tuple[str | None, Kept]]] = defaultdict(list)
    strategies: dict[int, str] = {}
    shards = study.shards.filter(state=Shard.State.DONE).order_by("number")
    for shard in shards.iterator():
        for kept in unpack(bytes(shard.result)):
            parts[kept.number].append((shard.day.isoformat() if shard.day else None, kept))
            strategies[kept.number] = shard.strategy
    days = sorted({day for found in parts.values() for day, _ in found if day is not None})
    return [Folded(strategies[number], parts[number], days) for number in sorted(parts)]


def _placed(parts: Sequence[tuple[str | None, Kept]], days: Sequence[str]) -> Floats:
    """The results of a campaign's run, each at the place of its day."""
    results = {day: float(part.results[0]) for day, part in parts}
    return np.array([results.get(day, 0.0) for day in days])


def _day_names(study: Study, bars: Bars) -> list[str]:
    """The days that the daily results of a run are of."""
    done = study.shards.filter(state=Shard.State.DONE, day__isnull=False).values_list("day", flat=True)
    return sorted({day.isoformat() for day in done if day is not None}) or [day.day.isoformat() for day in bars.days]


def _end(study: Study) -> str:
    if study.is_cancelling:
        return Study.State.CANCELLED
    has_failed = study.shards.filter(state=Shard.State.FAILED).exists()
    return Study.State.PARTIAL if has_failed else Study.State.DONE


def _count_trials(study: Study, spec: StudySpec, bars: Bars, runs: Sequence[Folded]) -> None:
    for strategy in spec.names:
        trials.record(
            [
                trials.Tried(params_digest(strategy, run.params, spec.fixed), run.sharpe)
                for run in runs
                if run.strategy == strategy and not run.error
            ],
            strategy=strategy,
            symbol=spec.symbol,
            timeframe=spec.timeframe,
            dataset=bars.digest,
            first_ts=int(bars.columns.ts_open[0]),
            last_ts=int(bars.columns.ts[-1]),
        )


def _brief(run: Folded, spec: StudySpec) -> dict[str, Any]:
    return {
        "number": run.number,
        "strategy": run.strategy,
        "params": run.params,
        "score": run.score(spec.rank_by),
        "sharpe": finite(run.sharpe),
        "stats": run.stats,
    }


def _failed(study: Study) -> list[dict[str, Any]]:
    failed = study.shards.filter(state=Shard.State.FAILED)
    return [
        {
            "shard": shard.number,
            "strategy": shard.strategy,
            "day": shard.day.isoformat() if shard.day else None,
            "runs": shard.count,
            "error": shard.error,
        }
        for shard in failed
    ]


def _by_day(runs: Sequence[Folded], spec: StudySpec) -> list[dict[str, Any]]:
    """Of a campaign: each day's best run and how many earned something."""
    found: dict[str, list[tuple[float, Folded]]] = defaultdict(list)
    for run in runs:
        for day in run.days:
            found[day["day"]].append((float(day.get("net_pnl") or 0), run))
    table = []
    for name, results in sorted(found.items()):
        best, of = max(results, key=lambda each: each[0])
        earned = sum(result > 0 for result, _ in results) / len(results)
        table.append(
            {
                "day": name,
                "best": best,
                "strategy": of.strategy,
                "number": of.number,
                "params": of.params,
                "earned": earned,
            }
        )
    return table


def _by_strategy(ranked: Sequence[Folded], spec: StudySpec) -> list[dict[str, Any]]:
    """Each strategy's best run: how steady it is over the days, and how much its neighbours in the grid differ."""
    table = []
    for strategy in spec.names:
        own = [run for run in ranked if run.strategy == strategy]
        if not own:
            continue
        best = own[0]
        traded = best.daily[best.daily != 0]
        scores = np.array([run.score(spec.rank_by) for run in own], np.float64)
        table.append(
            {
                "strategy": strategy,
                "best": _brief(best, spec),
                "runs": len(own),
                "earning_runs": float((scores > 0).mean()),
                "median_score": float(np.median(scores)),
                "earning_days": float((traded > 0).mean()) if len(traded) else None,
                "worst_day": float(best.daily.min()),
                "best_day": float(best.daily.max()),
                "stability": _stability(best, own, spec),
            }
        )
    return table


def _stability(best: Folded, runs: Sequence[Folded], spec: StudySpec) -> float | None:
    """The median score of the runs that differ from the best in one parameter only, as a share of the best's: near 1
    is a plateau, near or below 0 a peak by chance. None where there are no such runs or the best does not earn."""
    score = best.score(spec.rank_by)
    near = [
        run.score(spec.rank_by) or 0.0
        for run in runs
        if run is not best and sum(best.params.get(name) != run.params.get(name) for name in best.params) == 1
    ]
    return float(np.median(near)) / score if near and score and score > 0 else None


def _summed(stats: Sequence[dict[str, Any]], daily: Floats) -> dict[str, Any]:
    """Of several days: counts and money add up; the drawdown is that of the daily results."""
    ran = [each for each in stats if each]
    curve = np.concatenate([[0.0], np.cumsum(daily)])
    money = {name: format(sum((Decimal(each[name]) for each in ran), Decimal(0)), "f") for name in ("net_pnl", "fees")}
    counts = {name: sum(each[name] for each in ran) for name in ("trades", "wins", "losses")}
    return {**counts, **money, "max_drawdown": float((np.maximum.accumulate(curve) - curve).max()), "days": len(ran)}


def _counted(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}


def _joined(digests: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(digests)).encode()).hexdigest()[:16]
