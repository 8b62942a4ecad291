"""Starts, tends, cancels and applies studies: the one place that changes them."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from backtest.distributed import rounds, work
from backtest.distributed.data import bars_of
from backtest.distributed.fold import fold
from backtest.distributed.plan import check_split, check_warm, shards
from backtest.distributed.spec import parse_spec
from backtest.models import Shard, Study
from engine.errors import Conflict, FortifiedError, NotFound
from infra.web.actor import Actor
from strategies.versions import code_version

logger = logging.getLogger(__name__)

LANES = 16  # tasks that a study sends at most at a time; each works until nothing is left
FOLD_WITHIN = timedelta(seconds=120)

State = Study.State
ENDED = (State.DONE, State.PARTIAL, State.CANCELLED, State.FAILED)


def create_study(*, user: Actor | None, document: Mapping[str, Any]) -> Study:
    """Check everything, cut it into shards, and send it to the workers; `InvalidInput` names what is wrong."""
    spec = rounds.begun(parse_spec(document))
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    check_warm(spec, bars)
    check_split(spec, bars)
    with transaction.atomic():
        study = Study(
            name=spec.name,
            kind=spec.kind,
            spec=msgspec.to_builtins(spec),
            by_id=getattr(user, "pk", None),
            bars=len(bars.columns),
            dataset=bars.digest,
            versions={name: code_version(name) for name in spec.names},
            total=0,
        )
        made = list(shards(study, spec, bars))
        study.total = rounds.planned(spec, sum(shard.count for shard in made))
        study.save()
        Shard.objects.bulk_create(made, batch_size=500)
        transaction.on_commit(lambda: send_lanes(study.pk))
    return study


def get_study(number: int) -> Study:
    found = Study.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no study {number}.", field="study")
    return found


def send_lanes(study_id: int) -> int:
    """As many tasks as shards are free, up to `LANES`."""
    count = min(work.claimable(study_id).count(), LANES)
    for _ in range(count):
        current_app.send_task("backtest.tasks.work_on_study", args=[study_id], expires=60)
    return count


def finish_if_over(study_id: int) -> bool:
    """Send the study to be added up when its last shard has ended; only one caller does."""
    unfinished = (Shard.State.PENDING, Shard.State.RUNNING)
    if Shard.objects.filter(study_id=study_id, state__in=unfinished).exists():
        return False
    until = timezone.now() + FOLD_WITHIN
    taken = Study.objects.filter(pk=study_id, state=State.RUNNING).update(state=State.FOLDING, folding_until=until)
    if taken:
        current_app.send_task("backtest.tasks.finalize_study", args=[study_id])
    return bool(taken)


def finalize(study_id: int) -> Study:
    """Add the study up, or begin its next round. What cannot be added up is failed, with the reason."""
    study = get_study(study_id)
    if rounds.go_on(study_id):
        send_lanes(study_id)
        return get_study(study_id)
    try:
        fold(study)
    except DatabaseError:
        raise  # busy or away for a moment: `tend` sends it again
    except Exception as error:  # whatever it is, it would come again each time: it ends the study, with its reason
        logger.exception("study %d cannot be added up", study_id)
        detail = error.detail if isinstance(error, FortifiedError) else f"{type(error).__name__}: {error}"
        study.state, study.error, study.finished_at = State.FAILED, detail, timezone.now()
        study.save(update_fields=["state", "error", "finished_at"])
    work.tell_progress(study_id)
    return study


def tend() -> list[int]:
    """Look after every study that is not over: free shards get lanes, poisoned ones are given up, a fold that was
    killed begins again. The numbers of those that were sent something."""
    sent = []
    for study in Study.objects.filter(state=State.RUNNING):
        work.give_up_poisoned(study.pk)
        if study.is_cancelling:
            _cancel_free(study)
        if finish_if_over(study.pk) or send_lanes(study.pk):
            sent.append(study.pk)
    for study in Study.objects.filter(state=State.FOLDING, folding_until__lt=timezone.now()):
        Study.objects.filter(pk=study.pk).update(folding_until=timezone.now() + FOLD_WITHIN)
        current_app.send_task("backtest.tasks.finalize_study", args=[study.pk])
        sent.append(study.pk)
    return sent


def cancel_study(*, number: int) -> Study:
    """End it: what is done stays and is added up. `Conflict` where it is over."""
    study = get_study(number)
    if study.state in ENDED:
        raise Conflict(f"study {number} is {study.state} already", field="study")
    study.is_cancelling = True
    study.save(update_fields=["is_cancelling"])
    _cancel_free(study)
    finish_if_over(number)
    work.tell_progress(number)
    return get_study(number)


def retry_study(*, number: int) -> Study:
    """Run again what failed or was cancelled; what is done stays. `Conflict` where nothing is left to do."""
    study = get_study(number)
    if study.state not in ENDED:
        raise Conflict(f"study {number} is {study.state}; only what is over can be tried again", field="study")
    again = study.shards.filter(state__in=(Shard.State.FAILED, Shard.State.CANCELLED))
    with transaction.atomic():
        if not again.update(state=Shard.State.PENDING, attempts=0, done=0, error="", claimed_by=""):
            raise Conflict(f"study {number}: every shard is done, nothing is left to try again", field="study")
        Study.objects.filter(pk=number).update(state=State.RUNNING, is_cancelling=False, finished_at=None, error="")
        transaction.on_commit(lambda: send_lanes(number))
    return get_study(number)


def _cancel_free(study: Study) -> None:
    free = study.shards.filter(state=Shard.State.PENDING)
    free.update(state=Shard.State.CANCELLED)
    study.shards.filter(state=Shard.State.RUNNING, claimed_until__lt=timezone.now()).update(
        state=Shard.State.CANCELLED, claimed_by=""
    )
