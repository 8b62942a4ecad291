"""Backfill jobs: made, claimed by one worker at a time, worked off in slices, taken over where one was killed."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from engine.errors import Conflict, FortifiedError, InvalidInput, NotFound
from engine.instruments.catalog import normalize_symbol
from engine.model.market import Bar
from engine.model.time import from_datetime
from infra import metrics
from infra.broadcast import broadcast
from infra.orm import in_database
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, aclose_clients, async_client
from marketdata.archive.store import Archive
from marketdata.backfill.contracts import same_contract_since
from marketdata.backfill.fetch import Fetcher, Pace, Request
from marketdata.backfill.plan import plan
from marketdata.backfill.sources import ArchiveHistory, FeedHistory, HistorySource
from marketdata.history import join_history
from marketdata.host import make_feed
from marketdata.models import BackfillItem, BackfillJob

State = BackfillJob.State
CLAIM = timedelta(seconds=90)
Progress = dict[str, Any]


def create_job(
    *,
    symbols: Iterable[str],
    timeframe: str,
    source: str = "",
    days: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    user_id: int | None = None,
    purpose: str = BackfillJob.Purpose.REQUEST,
) -> BackfillJob:
    """A job for `symbols`; what it covers is decided by `plan`."""
    names = list(dict.fromkeys(normalize_symbol(each) for each in symbols))
    if not names:
        raise InvalidInput("symbols: at least one was expected, found none", field="symbols")
    span = plan(timeframe=timeframe, source=source, days=days, start=start, end=end)
    with transaction.atomic():
        job = BackfillJob.objects.create(
            source=span.source, timeframe=span.timeframe, start=span.start, end=span.end, note=span.note,
            user_id=user_id, purpose=purpose,
        )  # fmt: skip
        BackfillItem.objects.bulk_create(
            [BackfillItem(job=job, symbol=name, reached=from_datetime(span.start)) for name in names]
        )
    return job


def retry_failed(*, job_id: int) -> BackfillJob:
    """The failed symbols of a job once more, from where each of them stood."""
    job = get_job(job_id)
    with transaction.atomic():
        job.items.filter(state=BackfillItem.State.FAILED).update(state=BackfillItem.State.PENDING, error="", attempts=0)
        if job.items.filter(state=BackfillItem.State.PENDING).exists():
            BackfillJob.objects.filter(pk=job_id, state__in=(State.DONE, State.FAILED)).update(
                state=State.QUEUED, finished_at=None, error=""
            )
    job.refresh_from_db()
    return job


def get_job(job_id: int) -> BackfillJob:
    job = BackfillJob.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no backfill {job_id}.", field="job")
    return job


def waiting_jobs() -> list[int]:
    """Jobs that nobody works on at this moment: first those that poll, short and wanted now, then the oldest."""
    found = list(BackfillJob.objects.filter(_is_free()).order_by("created_at", "id"))
    return [job.pk for job in sorted(found, key=lambda job: job.purpose != BackfillJob.Purpose.POLL)]


def run_job(
    *,
    job_id: int,
    budget_s: float = float("inf"),
    source: HistorySource | None = None,
    archive: Archive | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> BackfillJob:
    """Claim the job and work until it is done or `budget_s` is over; `Conflict` where another process holds it.

    What is stored is never fetched again: each symbol goes on from where it stood.
    """
    job = get_job(job_id)
    owner = f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns()}"
    if not _claim(job_id, owner):
        job.refresh_from_db()
        raise Conflict(f"backfill {job_id} is {job.state} and held by {job.claimed_by or 'nobody'}", field="job")
    worker = _Worker(job, owner, archive or Archive(settings.ARCHIVE_DIR), on_progress)
    try:
        async_to_sync(worker.work)(source, time.monotonic() + budget_s)
    except FortifiedError as error:  # of the source as a whole: what concerns one symbol is noted there
        BackfillJob.objects.filter(pk=job_id, claimed_by=owner).update(state=State.FAILED, error=error.detail)
        raise
    finally:
        _finish(job_id, owner)
    job.refresh_from_db()
    return job


def progress_of(job: BackfillJob) -> Progress:
    """How far a job has come, as pages and terminals show it."""
    counted = job.items.aggregate(
        symbols=Count("pk"),
        done=Count("pk", filter=Q(state=BackfillItem.State.DONE)),
        failed=Count("pk", filter=Q(state=BackfillItem.State.FAILED)),
        bars=Sum("bars"),
        added=Sum("added"),
    )
    return {
        "job": job.pk,
        "state": str(job.state),
        "source": job.source,
        "timeframe": job.timeframe,
        **{name: value or 0 for name, value in counted.items()},
    }


class _Worker:
    """One claim's work. Database calls run in the caller's thread, by asgiref; files are written beside the loop."""

    def __init__(self, job: BackfillJob, owner: str, archive: Archive, on_progress: Callable[[Progress], None]) -> None:
        self._job = job
        self._owner = owner
        self._archive = archive
        self._tell = on_progress
        self._is_lost = False
        self._is_adjusted = False

    async def work(self, source: HistorySource | None, deadline: float) -> None:
        items = await in_database(self._pending)()
        opened = source or await in_database(_open_source)(self._job.source, self._archive)
        self._is_adjusted = opened.is_adjusted
        fetcher = Fetcher(
            opened,
            timeframe=self._job.timeframe,
            end=from_datetime(self._job.end),
            pace=Pace(concurrent=settings.BACKFILL_CONCURRENT_REQUESTS, delay_s=settings.RATE_LIMIT_DELAY),
            on_bars=self._store,
            on_end=self._end,
        )
        try:
            await fetcher.run(
                cast("list[Request]", items),
                batch=settings.BACKFILL_BATCH_SIZE,
                may_go_on=lambda: time.monotonic() < deadline and not self._is_lost,
            )
        finally:
            await opened.close()
            await aclose_clients()

    def _pending(self) -> list[BackfillItem]:
        return list(self._job.items.filter(state=BackfillItem.State.PENDING))

    async def _store(self, request: Request, bars: list[Bar], reached: int) -> None:
        written = await asyncio.to_thread(
            self._archive.append, request.symbol, self._job.timeframe, bars, is_adjusted=self._is_adjusted
        )
        since = same_contract_since(request.symbol, time.time_ns())
        recent = [bar for bar in bars if bar.ts_open >= since]  # who warms up must not see another contract's prices
        with suppress(*REDIS_AWAY):  # it holds recent bars only, and a feed fetches those itself; the archive has all
            await join_history(async_client(settings.REDIS_URL), request.symbol, self._job.timeframe, recent)
        item = cast("BackfillItem", request)
        item.reached = reached
        item.bars += len(bars)
        item.added += written.added
        metrics.BACKFILL_BARS.labels(self._job.source).inc(len(bars))
        metrics.BACKFILL_ADDED.labels(self._job.source).inc(written.added)
        await in_database(self._save)(item)

    async def _end(self, request: Request, error: str) -> None:
        item = cast("BackfillItem", request)
        item.state = BackfillItem.State.FAILED if error else BackfillItem.State.DONE
        item.error = error
        metrics.BACKFILL_ENDED.labels(self._job.source, str(item.state)).inc()
        await in_database(self._save)(item)

    def _save(self, item: BackfillItem) -> None:
        item.save(update_fields=["state", "reached", "attempts", "bars", "added", "error"])
        if not _keep_claim(self._job.pk, self._owner):
            self._is_lost = True
        progress = {**progress_of(self._job), "state": "running", "symbol": item.symbol, "error": item.error}
        self._tell(progress)
        if self._job.user_id is not None:
            broadcast(keys.user_group(self._job.user_id), "backfill", progress)


def _open_source(name: str, archive: Archive) -> HistorySource:
    return ArchiveHistory(archive) if name == ArchiveHistory.name else FeedHistory(make_feed(name))


def _is_free() -> Q:
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
    return Q(state__in=(State.QUEUED, State.RUNNING)) & unclaimed


def _claim(job_id: int, owner: str) -> bool:
    until = timezone.now() + CLAIM
    claimed = BackfillJob.objects.filter(_is_free(), pk=job_id).update(
        state=State.RUNNING, claimed_by=owner, claimed_until=until
    )
    return claimed == 1


def _keep_claim(job_id: int, owner: str) -> bool:
    until = timezone.now() + CLAIM
    return BackfillJob.objects.filter(pk=job_id, claimed_by=owner).update(claimed_until=until) == 1


def _finish(job_id: int, owner: str) -> None:
    """Give the claim back; a job without pending symbols is over."""
    mine = BackfillJob.objects.filter(pk=job_id, claimed_by=owner)
    items = BackfillItem.objects.filter(job_id=job_id)
    if not items.filter(state=BackfillItem.State.PENDING).exists():
        failed = items.filter(state=BackfillItem.State.FAILED).count()
        mine.update(
            state=State.FAILED if failed else State.DONE,
            error=f"{failed} symbols failed" if failed else "",
            finished_at=timezone.now(),
        )
    mine.update(claimed_by="", claimed_until=None)
