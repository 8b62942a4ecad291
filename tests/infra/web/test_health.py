"""The health answer tells the truth about what is essential and what is not."""

import pytest

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


def test_a_check_that_is_not_essential_degrades_only(client, redis_url):
    health.register_health("feeds", lambda: Health("down", "no tick for 90 s", {"feeds": 1}))
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["feeds"] == {"state": "down", "detail": "no tick for 90 s", "feeds": 1}
