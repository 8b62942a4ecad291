"""Cuts a study into shards: by strategy, by day, by so many parameter sets."""

from collections.abc import Iterator

import msgspec

from backtest.distributed.data import Bars, Day
from backtest.distributed.spec import StudySpec
from backtest.models import Shard, Study
from backtest.simulation.sweep.job import parted
from backtest.simulation.sweep.scanned import slot_of
from backtest.statistics.splits import folds
from engine.errors import InvalidInput
from strategies.registry import STRATEGIES, parse_params

MOST_TRIED = 20  # sets that are looked at for one that is not refused


def chosen_days(spec: StudySpec, bars: Bars) -> list[Day]:
    """The days of a campaign: those with warm-up before them that behaved as was asked."""
    days = bars.days[spec.warmup_days :] if len(bars.days) > spec.warmup_days else ()
    found = [day for day in days if spec.behaviour == "any" or spec.behaviour in day.behaviour]
    if not found:
        raise InvalidInput(
            f"behaviour: no day of the {len(bars.days)} was {spec.behaviour} with {spec.warmup_days} days before it",
            field="behaviour",
        )
    return found


def check_warm(spec: StudySpec, bars: Bars) -> None:
    """Of a campaign: a day and those that warm it up must be long enough for each strategy to decide at all."""
    if spec.kind != "campaign":
        return
    places = {day.day: place for place, day in enumerate(bars.days)}
    held = max(
        day.after - bars.days[max(0, places[day.day] - spec.warmup_days)].first for day in chosen_days(spec, bars)
    )
    for strategy in spec.names:
        need = _bars_needed(spec, strategy)
        if need >= held:
            raise InvalidInput(
                f"warmup_days: {strategy} decides after {need} bars, and a day with the {spec.warmup_days} before it "
                f"holds {held}; give more days",
                field="warmup_days",
            )


def check_split(spec: StudySpec, bars: Bars) -> None:
    """`InvalidInput` where the days are too few for the folds: before a run is made, not when all of them are."""
    if spec.split is not None:
        folds(len(chosen_days(spec, bars) if spec.kind == "campaign" else bars.days), spec.split)


def _bars_needed(spec: StudySpec, strategy: str) -> int:
    """For the first set that is not refused; 0 where there is none."""
    for params in spec.sets(strategy)[:MOST_TRIED]:
        try:
            wanted, fixed = parted(spec.fixed, params)
            slot = slot_of(
                strategy, STRATEGIES[strategy], msgspec.to_builtins(parse_params(strategy, wanted)),
                symbol=spec.symbol, timeframe=spec.timeframe, fixed=fixed,
            )  # fmt: skip
            return slot.need[spec.timeframe]
        except InvalidInput:
            continue
    return 0


def shards(study: Study, spec: StudySpec, bars: Bars, *, since: int = 0, number: int = 0) -> Iterator[Shard]:
    """Every shard of the study for the sets of each strategy from `since` on, numbered from `number`; none is saved."""
    days = [day.day for day in chosen_days(spec, bars)] if spec.kind == "campaign" else [None]
    for day in days:
        offset = 0
        for strategy in spec.names:
            total = len(spec.sets(strategy))
            for first in range(since, total, spec.chunk):
                yield Shard(
                    study=study,
                    number=number,
                    strategy=strategy,
                    first=first,
                    count=min(spec.chunk, total - first),
                    offset=offset,
                    day=day,
                )
                number += 1
            offset += total
