"""The life of a search: sent, claimed by one worker, kept, ended, cancelled, begun anew where a worker was killed."""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from celery import current_app
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from discovery.models.job import Job
from engine.errors import Conflict, FortifiedError, NotFound
from infra import draining
from infra.broadcast import broadcast
from infra.heart import Heart
from infra.redis import keys

logger = logging.getLogger(__name__)

CLAIM_S = 15.0  # a killed worker's job is free again after that
BEAT_S = 3.0
MOST_ATTEMPTS = 3  # a job that ended its worker so often is poisoned

State = Job.State
Some = TypeVar("Some", bound=Job)
Keep = Callable[[], None]  # writes what was found, in the transaction that ends the job


class Stopped(Exception):
    """The work is to end here: cancelled, claimed by somebody else, or the worker is asked to stop."""


class Held:
    """What the one who works on a job has in hand: he says how far it is, and learns that it is to end."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.done = self.total = 0
        self.is_cancelled = self.is_lost = False
        self.changes: dict[str, Any] = {}  # fields that people see while it works
        self.found: dict[str, Any] = {}  # fields that are written when it ends well, and not before

    def step(self, done: int, total: int) -> None:
        """So much of `total` is done. `Stopped` where it is to end."""
        self.done, self.total = done, total
        if self.is_cancelled or self.is_lost or draining.is_requested():
            raise Stopped

    def keep(self) -> None:
        """Keep the claim, and tell those who watch."""
        until = timezone.now() + timedelta(seconds=CLAIM_S)
        self.is_lost = not self._mine.update(claimed_until=until, done=self.done, total=self.total, **self.changes)
        found = type(self.job)._default_manager.filter(pk=self.job.pk).values_list("is_cancelling", flat=True).first()
        self.is_cancelled = bool(found)
        tell(type(self.job), self.job.pk)

    def finish(self) -> bool:
        """End the job well; False where it is not ours any more, or was cancelled after the last step: that ends it."""
        if self._end(self._mine.filter(is_cancelling=False), State.DONE, **self.found):
            return True
        self._end(self._mine, State.CANCELLED)
        return False

    def end(self, state: str, *, error: str = "") -> None:
        """End the job in that state, if it is still ours, without what was found."""
        self._end(self._mine, state, error=error)

    def release(self) -> None:
        """Give it back: another worker begins it anew."""
        fields = {"state": State.QUEUED, "claimed_by": "", "claimed_until": None, "attempts": F("attempts") - 1}
        self._mine.update(**fields)

    def _end(self, job: QuerySet[Any], state: str, **fields: Any) -> bool:
        fields = {"done": self.done, "total": self.total, **self.changes, **fields, "state": state}
        return bool(job.update(**fields, claimed_by="", claimed_until=None, finished_at=timezone.now()))

    @property
    def _mine(self) -> QuerySet[Any]:
        job = self.job
        return type(job)._default_manager.filter(pk=job.pk, claimed_by=job.claimed_by, state=State.RUNNING)


def find(kind: type[Some], number: int) -> Some:
    found = kind._default_manager.filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no {kind._meta.verbose_name} {number}.", field="run")
    return found


def send(job: Job) -> None:
    """To the workers, when the transaction that made it is done."""
    transaction.on_commit(lambda: _send(type(job), job.pk))


def work_on(kind: type[Some], number: int, work: Callable[[Some, Held], Keep]) -> str:
    """Claim that job and work on it; its state afterwards, "" where somebody else has it, or it is over or removed.

    What `work` raises fails the job, with the reason, and so does a row that the database refuses; a database that is
    away leaves it to be begun anew.
    """
    job = _claim(kind, number)
    if job is None:
        return ""
    held = Held(job)
    tell(kind, number)
    try:
        with Heart(held.keep, every_s=BEAT_S, name=f"{kind._meta.verbose_name} {number}"):
            keep = work(job, held)
        with transaction.atomic():
            if held.finish():
                keep()
    except Stopped:
        _stopped(held)
    except (OperationalError, InterfaceError):  # away, or busy for too long: nothing can be written now
        raise
    except Exception as error:  # whatever it is, it would come again each time: it ends the job, with its reason
        logger.exception("%s %d failed", kind._meta.verbose_name, number)
        detail = error.detail if isinstance(error, FortifiedError) else f"{type(error).__name__}: {error}"
        held.end(State.FAILED, error=detail)
    return tell(kind, number)


def cancel(kind: type[Some], number: int) -> Some:
    """End it; one that runs ends at its next step. `Conflict` where it is over."""
    job = find(kind, number)
    if not kind._default_manager.filter(pk=number).exclude(state__in=Job.ENDED).update(is_cancelling=True):
        job.refresh_from_db()
        raise Conflict(f"{kind._meta.verbose_name} {number} is {job.state} already", field="run")
    _cancel_free(kind)
    tell(kind, number)
    return find(kind, number)


def tend(kind: type[Job]) -> list[int]:
    """Look after every job of that kind that is not over: free ones are sent again, poisoned ones given up. The numbers
    of those that were sent."""
    _cancel_free(kind)
    kind._default_manager.filter(_free(), attempts__gte=MOST_ATTEMPTS).update(
        state=State.FAILED,
        claimed_by="",
        finished_at=timezone.now(),
        error=f"the worker ended {MOST_ATTEMPTS} times while it worked on this, or lost the database; if it is for "
        "memory, ask for less of it or for fewer bars",
    )
    waiting = list(kind._default_manager.filter(_free()).order_by("pk").values_list("pk", flat=True))
    for number in waiting:
        _send(kind, number)
    return waiting


def tell(kind: type[Job], number: int) -> str:
    """To whoever watches: how far it is. Its state; "" where it was removed."""
    job = kind._default_manager.defer("spec", "result").filter(pk=number).first()
    if job is None:
        return ""
    broadcast(group_of(kind, number), kind._meta.model_name or "", job.progress())
    return str(job.state)


def group_of(kind: type[Job], number: int) -> str:
    """The Channels group of those who watch."""
    return keys.job_group(kind._meta.model_name or "", number)


def _send(kind: type[Job], number: int) -> None:
    current_app.send_task(kind.TASK, args=[number], expires=60)


def _free() -> Q:
    return Q(state=State.QUEUED) | Q(state=State.RUNNING, claimed_until__lt=timezone.now())


def _claim(kind: type[Some], number: int) -> Some | None:
    """For this process alone; None where it is not to be had."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns()}"
    now = timezone.now()
    free = kind._default_manager.filter(_free(), pk=number, attempts__lt=MOST_ATTEMPTS, is_cancelling=False)
    taken = free.update(
        state=State.RUNNING,
        attempts=F("attempts") + 1,
        claimed_by=owner,
        claimed_until=now + timedelta(seconds=CLAIM_S),
        started_at=now,
        done=0,
    )
    return kind._default_manager.get(pk=number) if taken else None


def _cancel_free(kind: type[Job]) -> None:
    kind._default_manager.filter(_free(), is_cancelling=True).update(
        state=State.CANCELLED, claimed_by="", claimed_until=None, finished_at=timezone.now()
    )


def _stopped(held: Held) -> None:
    if held.is_cancelled:
        held.end(State.CANCELLED)
    elif not held.is_lost:
        held.release()
