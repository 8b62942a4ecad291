"""Celery's side of searches: the work on one, and the look after all of them."""

from celery import shared_task

from discovery import fingerprint_services, jobs, mined
from discovery.models import FingerprintRun, MiningRun

SEARCHES = (MiningRun, FingerprintRun)


@shared_task(name="discovery.tasks.mine_rules", ignore_result=True)
def mine_rules(run: int) -> str:
    """Work on a search for rules; its state afterwards."""
    return jobs.work_on(MiningRun, run, mined.search)


@shared_task(name="discovery.tasks.print_strategies", ignore_result=True)
def print_strategies(run: int) -> str:
    """Work on a fingerprint; its state afterwards."""
    return jobs.work_on(FingerprintRun, run, fingerprint_services.profile)


@shared_task(name="discovery.tasks.tend_searches", ignore_result=True)
def tend_searches() -> list[int]:
    """Look after every search that is not over."""
    return [number for kind in SEARCHES for number in jobs.tend(kind)]
