"""Celery's side of market data: the task that hosts a feed's loop."""

from celery import shared_task

from infra import draining
from marketdata import host


@shared_task(name="marketdata.tasks.run_feed", acks_late=False, ignore_result=True)
def run_feed(feed: str) -> str:
    """Host the loop of `feed` until the worker stops or the lease is lost; returns at once where another holds it."""
    return host.run_feed(feed, should_stop=draining.is_requested)
