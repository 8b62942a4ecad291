"""Celery's side of trading: the task that hosts a book's loop, and the one that starts what should run."""

import time
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from marketdata.universe import carried
from trading import nightly, schedules, vigil
from trading.runtime import host, supervisor


@shared_task(name="trading.tasks.run_trader", acks_late=False, ignore_result=True)
def run_trader(book: str) -> str:
    """Host the loop of `book` until it is asked to stop or loses its lease; at once where another holds it."""
    return host.run_book(book)


@shared_task(name="trading.tasks.supervise", ignore_result=True)
def supervise() -> list[str]:
    """Start every feed and book that should run and holds no live lease; their names."""
    return supervisor.supervise()


@shared_task(name="trading.tasks.follow_schedules", ignore_result=True)
def follow_schedules() -> list[str]:
    """Start and stop what its schedule says is due; what was done."""
    return schedules.follow(time.time_ns())


@shared_task(name="trading.tasks.watch_over", ignore_result=True)
def watch_over() -> int:
    """Tell people of traders, feeds and stores that are not well, and of those that are again; how many are not."""
    return vigil.watch_over()


@shared_task(name="trading.tasks.poll_universe", ignore_result=True)
def poll_universe() -> list[int]:
    """Ask for the newest bars of the symbols for which a stream has no room; the numbers of the jobs."""
    return carried.poll(traded=supervisor.traded_pairs())


@shared_task(name="trading.tasks.compare_sessions", ignore_result=True)
def compare_sessions() -> dict[str, str]:
    """Compare yesterday (UTC) of every book with its recording and with a simulation; the verdicts."""
    return nightly.compare_all((timezone.now() - timedelta(days=1)).date())


@shared_task(name="trading.tasks.forget_recordings", ignore_result=True)
def forget_recordings() -> int:
    """Remove recorded inputs older than `RECORDING_DAYS`; how many rows went."""
    return nightly.forget_recordings(settings.RECORDING_DAYS)
