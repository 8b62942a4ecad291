"""Cuts a study into shards: by strategy, by day, by so many parameter sets."""

from collections.abc import Iterator

from backtest.distributed.data import Bars, Day
from backtest.distributed.spec import StudySpec
from backtest.models import Shard, Study
from engine.errors import InvalidInput


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
