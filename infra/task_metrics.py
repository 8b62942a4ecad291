"""How long the workers' short tasks took, and what they counted, left in Redis after each for /metrics."""

import os
import socket
import time
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.conf import settings
from redis.exceptions import RedisError

from infra import metrics
from infra.redis import keys
from infra.redis.client import sync_client

TTL_S = 900  # tasks of the night have been scraped by then
_BEGUN = "_metrics_begun"


@task_prerun.connect
def begin(task: Any = None, **_: Any) -> None:
    """The task is about to run."""
    setattr(task.request, _BEGUN, time.monotonic())


@task_postrun.connect
def end(task: Any = None, state: str | None = None, **_: Any) -> None:
    """The task has run: what this process has measured so far is left for the scraper."""
    begun = getattr(task.request, _BEGUN, None)
    if begun is not None:
        metrics.TASK_SECONDS.labels(task.name, (state or "unknown").lower()).observe(time.monotonic() - begun)
    process = f"worker:{socket.gethostname()}:{os.getpid()}"
    try:
        sync_client(settings.REDIS_URL).setex(keys.metrics(process), TTL_S, metrics.exposition())
    except RedisError:
        return  # figures of a moment in which nothing else works either
