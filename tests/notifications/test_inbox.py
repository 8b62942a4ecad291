"""The bell: what a person has not seen yet survives reloads and comes after an absence."""

from datetime import timedelta

import pytest
import redis
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser

from infra.broadcast import flush
from infra.notices import tell
from infra.redis import keys
from notifications import inbox
from notifications.consumers import NoticesConsumer
from notifications.models import Notice
from tests.notifications.test_delivery import dead
from tests.trading.people import client_of, person
from users.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(redis_url):
    return person(Role.VIEWER)


def listed(api):
    found = api.get("/api/notifications").json()
    return found["unread"], [(item["text"], item["is_read"]) for item in found["items"]]


def test_opening_the_list_marks_all_as_read_and_new_ones_are_unread_again(viewer):
    api = client_of(viewer)
    tell(dead(text="First."))
    assert listed(api) == (1, [("First.", False)])
    assert api.post("/api/notifications/read").status_code == 204
    assert listed(api) == (0, [("First.", True)])
    tell(dead(text="Second.", key="other"))
    assert listed(api) == (1, [("Second.", False), ("First.", True)])


def test_one_is_dismissed_for_one_person_and_stays_in_the_history(viewer):
    api, other = client_of(viewer), client_of(person(Role.TRADER))
    tell(dead())
    pk = Notice.objects.get().pk
    assert api.delete(f"/api/notifications/{pk}").status_code == 204
    assert listed(api) == (0, [])
    assert listed(other)[0] == 1
    assert api.delete(f"/api/notifications/{pk}").status_code == 404
    assert Notice.objects.count() == 1


def test_the_list_ends_by_itself_and_is_bounded(viewer, redis_url, monkeypatch):
    monkeypatch.setattr(inbox, "MOST", 3)
    for n in range(5):
        tell(dead(key=f"k{n}", text=f"{n}"))
    with redis.Redis.from_url(redis_url) as client:
        key = keys.notifications(str(viewer.pk))
        assert client.zcard(key) == 3
        assert 0 < client.ttl(key) <= timedelta(days=7).total_seconds()


@pytest.mark.django_db(transaction=True)
async def test_a_page_hears_of_it_at_once_and_of_nothing_else(viewer, open_socket):
    socket = open_socket(NoticesConsumer.as_asgi(), "/ws/notices", user=viewer)
    assert (await socket.connect())[0]
    await sync_to_async(tell)(dead())
    await sync_to_async(flush)()
    said = await socket.read()
    assert (said["kind"], said["notice"], said["level"]) == ("Notice", "trader", "critical")
    assert await socket.receive_nothing()


async def test_nobody_listens_without_a_login(open_socket):
    socket = open_socket(NoticesConsumer.as_asgi(), "/ws/notices", user=AnonymousUser())
    assert not (await socket.connect())[0]
