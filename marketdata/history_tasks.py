"""Celery's side of stored history: archiving, backfill in slices, the nightly fetch and comparison, retention."""

from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from infra import metrics
from infra.redis.client import sync_client
from marketdata import rolls
from marketdata.archive.archiver import archive_streams
from marketdata.archive.housekeeping import keep_house
from marketdata.archive.store import Archive
from marketdata.backfill import nightly, services
from marketdata.backfill.sources import FeedHistory
from marketdata.host import make_feed
from marketdata.models import FeedSource, FuturesRoll
from marketdata.recording.archiving import archive_recordings
from marketdata.revisions import hand_over

SLICE_S = 40.0  # the queue is shared with whatever is short: a job goes on in the next slice


@shared_task(name="marketdata.history_tasks.archive_bars", ignore_result=True)
def archive_bars() -> dict[str, int]:
    """Carry the bars that were published since the last run into the archive, and the prints that were received; make
    bars again whose prints were corrected late."""
    archive, client = Archive(settings.ARCHIVE_DIR), sync_client(settings.REDIS_URL)
    bars = archive_streams(client, archive)
    recorded = archive_recordings(archive, on_revised=partial(hand_over, client))
    metrics.ARCHIVED.labels("bars").inc(bars.bars)
    metrics.ARCHIVED.labels("prints").inc(recorded.prints)
    metrics.ARCHIVED.labels("revised bars").inc(recorded.revised)
    metrics.ARCHIVE_LOST.inc(bars.lost)
    metrics.ARCHIVE_FAILED.labels("streams").inc(bars.failed)
    metrics.ARCHIVE_FAILED.labels("recordings").inc(recorded.damaged)
    metrics.ARCHIVE_FAILED.labels("corrections").inc(recorded.unknown)
    return {**bars._asdict(), **recorded._asdict()}


@shared_task(name="marketdata.history_tasks.continue_backfills", ignore_result=True)
def continue_backfills() -> int | None:
    """Work on the oldest job that nobody works on, for one slice; its number."""
    waiting = services.waiting_jobs()
    if not waiting:
        return None
    services.run_job(job_id=waiting[0], budget_s=SLICE_S)
    return waiting[0]


@shared_task(name="marketdata.history_tasks.nightly_backfill", ignore_result=True)
def nightly_backfill() -> list[int]:
    """Fetch the last days of everything that the feeds carry, and all of what is new; the numbers of the jobs."""
    return nightly.create_jobs()


@shared_task(name="marketdata.history_tasks.nightly_compare", ignore_result=True)
def nightly_compare() -> int:
    """Compare yesterday with the vendor; how many symbols differ."""
    differing = nightly.compare_all(day=timezone.now().date() - timedelta(days=1))
    metrics.HISTORY_DIFFERS.set(differing)
    return differing


@shared_task(name="marketdata.history_tasks.roll_futures", ignore_result=True)
def roll_futures() -> dict[str, str]:
    """After the futures' day: let the volumes decide where people chose that; root → the contract that is active."""
    feed = FeedSource.objects.filter(is_default=True, is_enabled=True).first()
    if feed is None or not FuturesRoll.objects.filter(rule=FuturesRoll.Rule.VOLUME).exists():
        return {}
    before = {rule.root: rule.decided for rule in FuturesRoll.objects.all()}
    active = rolls.decide_all(FeedHistory(make_feed(feed.name)), day=timezone.now().date())
    if any(rule.decided != before[rule.root] for rule in FuturesRoll.objects.all()):
        rolls.tell_others()
    return {root: contract.symbol for root, contract in active.items()}


@shared_task(name="marketdata.history_tasks.retention", ignore_result=True)
def retention() -> dict[str, int]:
    """Make one file of each month that is over, and remove what is older than the settings allow."""
    return keep_house(Archive(settings.ARCHIVE_DIR))._asdict()
