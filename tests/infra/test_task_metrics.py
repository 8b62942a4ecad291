"""What short tasks leave for the scraper."""

import pytest
from celery import shared_task
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from infra.redis import keys
from infra.redis.client import sync_client

pytestmark = pytest.mark.django_db


@shared_task(name="tests.short_task")
def short_task(*, breaks: bool) -> None:
    metrics.ARCHIVED.labels("test").inc(3)
    if breaks:
        raise ZeroDivisionError("planted")


def test_each_task_leaves_how_long_it_took_how_it_ended_and_what_it_counted(client, redis_url, settings):
    settings.REDIS_URL = redis_url
    for breaks in (False, False, True):
        short_task.apply(kwargs={"breaks": breaks})
    (key,) = sync_client(redis_url).scan_iter(match=keys.metrics("worker:*"))
    assert 0 < sync_client(redis_url).ttl(key) <= 900
    text = client.get("/metrics").content.decode()
    found = {
        (sample.name, sample.labels.get("end", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels["process"].startswith("worker:") and "short_task" in str(sample.labels)
    }
    assert (found["task_seconds_count", "success"], found["task_seconds_count", "failure"]) == (2, 1)
    assert 'archive_rows_total{kind="test",process="worker:' in text
