"""The page of limits shows what a book's process tells, and never guesses."""

import json
import time

import pytest
import redis

from infra.redis import keys
from tests.trading.people import book, person
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client, redis_url):
    client.force_login(person(Role.VIEWER))
    return client


def told(url, *figures):
    names = ("of", "name", "used", "limit")
    document = {"at": time.time(), "figures": [dict(zip(names, figure, strict=True)) for figure in figures]}
    with redis.Redis.from_url(url) as client:
        client.set(keys.usage("paper"), json.dumps(document))


def test_each_limit_stands_with_what_is_used_and_left_of_it(viewer, redis_url):
    book()
    told(redis_url, ("book", "max_daily_loss", 450.0, "500"), ("strategy ema", "max_exposure", 1060.0, None))
    page = viewer.get("/risk").content.decode()
    assert "450 of 500, 50 left" in page
    assert '<span class="state" data-state="warn">90 %</span>' in page
    assert "1,060, not limited" in page


@pytest.mark.parametrize(("used", "limit", "tone"), [(10.0, "500", "good"), (500.0, "500", "bad"), (0.0, "0", "bad")])
def test_a_limit_that_is_reached_is_red(viewer, redis_url, used, limit, tone):
    book()
    told(redis_url, ("book", "max_daily_loss", used, limit))
    assert f'data-state="{tone}">' in viewer.get("/risk").content.decode()


def test_without_a_process_or_redis_nothing_is_guessed(viewer, settings):
    book()
    assert "No process trades this book" in viewer.get("/risk").content.decode()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "Redis does not answer" in viewer.get("/risk").content.decode()


def test_it_wants_a_login(client):
    assert client.get("/risk").status_code == 302
