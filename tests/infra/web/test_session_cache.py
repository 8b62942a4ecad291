"""Logins are looked up in Redis, and hold without it."""

import json

import pytest
import redis
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fortified.settings.storage import caches
from infra.web.session_cache import LONGEST_S
from users.models import User
from users.services import create_user

pytestmark = pytest.mark.django_db
NOWHERE = "redis://127.0.0.1:1/0"
LOGIN = {"username": "ann@example.com", "password": "correct-horse-battery"}
PAGE = "/admin/password_change/"  # it needs a login, and nothing of Redis


@pytest.fixture
def cached(settings, redis_url):
    def at(url: str) -> None:
        settings.CACHES = {**settings.CACHES, "sessions": caches(url)["sessions"]}

    at(redis_url)
    return at


@pytest.fixture
def logged_in(client, cached):
    create_user(email=LOGIN["username"], password=LOGIN["password"], role="trader")
    assert client.post("/login", LOGIN).status_code == 302
    return client


def copies(url: str) -> dict[bytes, bytes]:
    with redis.Redis.from_url(url) as server:
        return {key: server.get(key) for key in server.keys("*cached_db*")}


def test_a_session_is_looked_up_in_redis_and_kept_there_for_minutes_as_json(logged_in, redis_url):
    assert logged_in.get(PAGE).status_code == 200
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert logged_in.get(PAGE).status_code == 200
    assert not [each for each in queries if "django_session" in each["sql"]]
    ((key, text),) = copies(redis_url).items()
    assert json.loads(text)["_auth_user_backend"] == "users.backends.EmailBackend"
    with redis.Redis.from_url(redis_url) as server:
        assert 0 < server.ttl(key) <= LONGEST_S


def test_a_redis_that_was_lost_logs_nobody_out(logged_in, redis_url):
    with redis.Redis.from_url(redis_url) as server:
        server.flushall()
    assert logged_in.get(PAGE).status_code == 200
    assert copies(redis_url)


def test_while_redis_is_away_people_log_in_work_and_log_out(logged_in, cached):
    cached(NOWHERE)
    assert logged_in.get(PAGE).status_code == 200
    assert logged_in.post("/logout").status_code == 302
    assert logged_in.get(PAGE).status_code == 302
    assert logged_in.post("/login", LOGIN).status_code == 302
    assert logged_in.get(PAGE).status_code == 200


def test_a_logout_ends_the_session_in_both(logged_in, redis_url):
    assert logged_in.post("/logout").status_code == 302
    assert copies(redis_url) == {}
    assert not Session.objects.exists()


def test_who_is_shut_out_is_out_at_once(logged_in):
    User.objects.update(is_active=False)
    assert logged_in.get(PAGE).status_code == 302
