"""Figures of many processes in one answer, and who may read them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from infra.redis import keys
from infra.redis.client import sync_client

pytestmark = pytest.mark.django_db


def samples(text: str) -> dict[tuple[str, str], float]:
    """(name, process) → value, of what is a feed's."""
    return {
        (sample.name, sample.labels["process"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("feed_") and sample.labels.get("feed") == "metrics-test"
    }


def test_each_process_keeps_its_own_samples_and_help_comes_once(client, redis_url):
    metrics.FEED_TICKS.labels("metrics-test").inc(0)
    before = metrics.exposition().decode()
    metrics.FEED_TICKS.labels("metrics-test").inc(5)
    store = sync_client(redis_url)
    store.set(keys.metrics("feed:a"), metrics.exposition())
    store.set(keys.metrics("feed:b"), before)
    answer = client.get("/metrics")
    text = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, metrics.CONTENT_TYPE)
    found = samples(text)
    assert found["feed_ticks_total", "feed:a"] - found["feed_ticks_total", "feed:b"] == 5
    assert text.count("# TYPE feed_ticks_total counter") == 1
    assert 'process="web"' in text


def test_a_scraper_elsewhere_must_be_known_and_a_proxy_is_elsewhere(client, admin_client, redis_url):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code in (401, 403)
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="10.0.0.9").status_code in (401, 403)
    assert admin_client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 200


def test_without_redis_the_web_processs_own_figures_still_come(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert b'process="web"' in answer.content
