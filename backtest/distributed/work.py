"""A lane: claims one shard after another and works it off, until none is left, its time is over, or it is killed."""

import logging
import os
import random
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from backtest.distributed.data import bars_of
from backtest.distributed.runs import Kept, pack, run_part
from backtest.distributed.spec import StudySpec, parse_spec
from backtest.models import Shard, Study
from engine.errors import FortifiedError
from infra.broadcast import broadcast
from infra.heart import Heart
from infra.redis import keys

logger = logging.getLogger(__name__)

CLAIM_S = 15.0  # a killed worker's shard is free again after that
BEAT_S = 3.0
MOST_ATTEMPTS = 3  # a shard that ended its worker so often is poisoned
_AT_ONCE = 8

State = Shard.State


def work(study_id: int, *, budget_s: float) -> bool:
    """Work on shards of the study; whether some are left that nobody works on."""
    deadline = time.monotonic() + budget_s
    spec: StudySpec | None = None
    while time.monotonic() < deadline:
        shard = claim(study_id)
        if shard is None:
            return False
        spec = spec or parse_spec(shard.study.spec)
        _work_on(shard, spec)
    return claimable(study_id).exists()


def claimable(study_id: int) -> QuerySet[Shard]:
    """Shards that nobody works on and that did not end their workers too often."""
    free = Q(state=State.PENDING) | Q(state=State.RUNNING, claimed_until__lt=timezone.now())
    return Shard.objects.filter(
        free,
        study_id=study_id,
        attempts__lt=MOST_ATTEMPTS,
        study__state=Study.State.RUNNING,
        study__is_cancelling=False,
    )


def claim(study_id: int) -> Shard | None:
    """A shard for this process alone, or None where there is none to be had."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns()}"
    while places := list(claimable(study_id).values_list("pk", flat=True)[:_AT_ONCE]):
        random.shuffle(places)  # lanes that look at the same moment do not all want the first one
        for pk in places:
            taken = claimable(study_id).filter(pk=pk)
            until = timezone.now() + timedelta(seconds=CLAIM_S)
            if taken.update(state=State.RUNNING, attempts=F("attempts") + 1, claimed_by=owner, claimed_until=until):
                return Shard.objects.select_related("study").get(pk=pk)
    return None


def give_up_poisoned(study_id: int) -> int:
    """Shards whose claim ran out for the last time are failed, by name; how many."""
    return Shard.objects.filter(
        study_id=study_id, state=State.RUNNING, attempts__gte=MOST_ATTEMPTS, claimed_until__lt=timezone.now()
    ).update(
        state=State.FAILED,
        claimed_by="",
        error=f"the worker ended {MOST_ATTEMPTS} times while it worked on this; try again, or leave it out",
    )


def _work_on(shard: Shard, spec: StudySpec) -> None:
    began = time.monotonic()
    mine = Shard.objects.filter(pk=shard.pk, claimed_by=shard.claimed_by)
    held = _Claim(shard)
    try:
        with Heart(held.keep, every_s=BEAT_S, name=f"study {shard.study_id} heart"):
            kept = list(_runs(shard, spec, held))
    except Exception as error:  # whatever it is, it must not end the other shards: it is kept with its own
        logger.exception("study %d: shard %d failed", shard.study_id, shard.number)
        detail = error.detail if isinstance(error, FortifiedError) else f"{type(error).__name__}: {error}"
        mine.update(state=State.FAILED, error=detail, claimed_by="", seconds=time.monotonic() - began)
        return
    if held.is_cancelled:
        mine.update(state=State.CANCELLED, claimed_by="")
        return
    mine.update(state=State.DONE, done=len(kept), result=pack(kept), error="", seconds=time.monotonic() - began)
    tell_progress(shard.study_id)


def _runs(shard: Shard, spec: StudySpec, held: "_Claim") -> Iterator[Kept]:
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    for kept in run_part(
        spec,
        bars,
        strategy=shard.strategy,
        first=shard.first,
        count=shard.count,
        offset=shard.offset,
        day=shard.day,
        cancel=lambda: held.is_cancelled,
    ):
        held.done += 1
        yield kept


class _Claim:
    """Of this process on one shard; a single run may be longer than a claim. Sees a cancel, too."""

    def __init__(self, shard: Shard) -> None:
        self.done = 0
        self.is_cancelled = False
        self._shard = shard

    def keep(self) -> None:
        until = timezone.now() + timedelta(seconds=CLAIM_S)
        mine = Shard.objects.filter(pk=self._shard.pk, claimed_by=self._shard.claimed_by)
        is_mine = mine.update(claimed_until=until, done=self.done)
        study = Study.objects.filter(pk=self._shard.study_id).first()
        self.is_cancelled = not is_mine or study is None or study.is_cancelling
        tell_progress(self._shard.study_id)


def progress_of(study_id: int) -> dict[str, object]:
    """How far a study is: runs and shards."""
    study = Study.objects.get(pk=study_id)
    shards = study.shards.all()
    states = {state: shards.filter(state=state).count() for state in State.values}
    return {
        "study": study.pk,
        "state": str(study.state),
        "total": study.total,
        "done": shards.aggregate(done=Sum("done"))["done"] or 0,
        "shards": states,
        "is_cancelling": study.is_cancelling,
    }


def tell_progress(study_id: int) -> None:
    """To whoever watches the study."""
    broadcast(keys.study_group(study_id), "study", progress_of(study_id))
