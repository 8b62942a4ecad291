"""Studies whose next sets depend on what came of those before: Optuna asks for a few, workers try them, it learns."""

import msgspec
from django.conf import settings
from django.db import transaction

from backtest.distributed.data import bars_of
from backtest.distributed.fold import folded
from backtest.distributed.plan import shards
from backtest.distributed.spec import StudySpec, parse_spec
from backtest.models import Shard, Study
from backtest.search import ASKED_AT_ONCE, OptunaSearch, Params
from engine.errors import InvalidInput


def begun(spec: StudySpec) -> StudySpec:
    """With the sets of the first round; any other study as it is."""
    if not spec.is_adaptive:
        return spec
    if spec.params:
        raise InvalidInput("params: none were expected, Optuna asks for the sets; found some", field="params")
    return _with_more(spec, _next_sets(spec, {}))


def planned(spec: StudySpec, runs: int) -> int:
    """How many runs there will be, where `runs` are those of the first round."""
    if not spec.is_adaptive:
        return runs
    [strategy] = spec.names
    return runs // len(spec.sets(strategy)) * spec.count(strategy)


def go_on(study_id: int) -> bool:
    """Begin the next round of a study whose shards have all ended; False where there is none to begin."""
    with transaction.atomic():
        study = Study.objects.select_for_update().filter(pk=study_id, state=Study.State.FOLDING).first()
        if study is None or study.is_cancelling:
            return False
        spec = parse_spec(study.spec)
        more = _next_sets(spec, _scores(study, spec)) if spec.is_adaptive else []
        if not more:
            return False
        [strategy] = spec.names
        longer, since = _with_more(spec, more), len(spec.sets(strategy))
        bars = bars_of(longer, archive=settings.ARCHIVE_DIR)
        Shard.objects.bulk_create([*shards(study, longer, bars, since=since, number=study.shards.count())])
        study.spec, study.state = msgspec.to_builtins(longer), Study.State.RUNNING
        study.save(update_fields=["spec", "state"])
    return True


def _scores(study: Study, spec: StudySpec) -> dict[int, float | None]:
    return {run.number: run.score(spec.rank_by) for run in folded(study)}


def _next_sets(spec: StudySpec, scores: dict[int, float | None]) -> list[Params]:
    """What is asked for next. The search is made again from its seed and told everything in the order in which it was
    asked, so it is that of a single process; sets that failed have no score."""
    if spec.search is None:
        return []
    [strategy] = spec.names
    known, count = len(spec.params.get(strategy, [])), spec.search.count
    search = OptunaSearch(spec.axes(strategy), seed=spec.search.seed)
    for first in range(0, known, ASKED_AT_ONCE):
        after = min(first + ASKED_AT_ONCE, known)
        search.ask(after - first)
        search.tell([scores.get(number) for number in range(first, after)])
    return search.ask(min(ASKED_AT_ONCE, count - known)) if known < count else []


def _with_more(spec: StudySpec, more: list[Params]) -> StudySpec:
    [strategy] = spec.names
    return msgspec.structs.replace(spec, params={strategy: [*spec.params.get(strategy, []), *more]})
