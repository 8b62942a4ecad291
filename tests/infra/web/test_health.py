"""The health answer tells the truth about what is essential and what is not."""

import pytest
import redis

from infra.redis import keys
from infra.web import health
from infra.web.health import Health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_checks(monkeypatch):
    essential = {name: health._checks[name] for name in ("database", "redis")}
    monkeypatch.setattr(health, "_checks", essential)


def test_everything_up_is_200_without_a_token(client, redis_url):
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"]["redis"]["state"] == "ok"


def test_a_redis_that_is_down_is_503_and_named(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer.json()["checks"]["redis"]["state"] == "down"
    assert answer.json()["checks"]["database"]["state"] == "ok"


def test_an_answer_to_strangers_names_no_address(client, settings):
    settings.REDIS_URL = "redis://user:hunter2@127.0.0.1:1/0"
    text = client.get("/api/health").content.decode()
    assert "127.0.0.1" not in text
    assert "hunter2" not in text


def test_processes_and_feeds_are_known_by_their_signs_of_life(client, redis_url):
    assert health.process_health().state == "unknown"
    assert health.feed_health().state == "unknown"
    with redis.Redis.from_url(redis_url) as server:
        server.set(keys.heartbeat("trader:paper"), "{}", ex=15)
        server.hset(keys.feed_state("/NQ"), "state", "fresh")
        server.hset(keys.feed_state("SPY"), "state", "fresh")
        assert health.process_health().data == {"alive": ["trader:paper"]}
        assert (health.feed_health().state, health.feed_health().detail) == ("ok", "2 fresh")
        server.hset(keys.feed_state("SPY"), "state", "stale")
        assert (health.feed_health().state, health.feed_health().detail) == ("degraded", "1 fresh, 1 stale")


def test_signs_of_life_are_unknown_not_fine_while_redis_is_down(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert {health.process_health().state, health.feed_health().state} == {"unknown"}


def test_a_check_that_is_not_essential_degrades_only(client, redis_url):
    health.register_health("feeds", lambda: Health("down", "no tick for 90 s", {"feeds": 1}))
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["feeds"] == {"state": "down", "detail": "no tick for 90 s", "feeds": 1}
