"""The WebSocket of a study, over a real Redis."""

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser

from backtest.distributed import work
from backtest.models import Study
from dashboard.routing import websocket_urlpatterns
from infra import broadcast
from tests.sockets import Socket
from tests.trading.people import person
from users.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def socket(redis_layer, open_socket):
    """Makes the client of one study's socket."""

    def make(study: int, user: object) -> Socket:
        made: Socket = open_socket(URLRouter(websocket_urlpatterns), f"/ws/backtests/{study}", user=user)
        return made

    return make


async def test_a_study_tells_how_far_it_is_and_every_step(socket):
    user = await sync_to_async(person)(Role.VIEWER)
    study = await sync_to_async(Study.objects.create)(kind="sweep", spec={}, total=40)
    opened = socket(study.pk, user)
    assert (await opened.connect())[0]
    first = await opened.read()
    assert (first["kind"], first["state"], first["done"], first["total"]) == ("study", "running", 0, 40)
    await sync_to_async(study.shards.create)(
        number=0, strategy="ema", first=0, count=40, offset=0, state="done", done=40
    )
    await sync_to_async(work.tell_progress)(study.pk)
    await sync_to_async(broadcast.flush)()
    assert (await opened.read())["done"] == 40


async def test_strangers_and_unknown_studies_are_turned_away(socket, django_user_model):
    assert await socket(1, AnonymousUser()).connect() == (False, 4401)
    stranger = await sync_to_async(django_user_model.objects.create_user)(email="a@b.c", password="x")
    assert await socket(1, stranger).connect() == (False, 4403)
    opened = socket(77, await sync_to_async(person)(Role.VIEWER))
    assert (await opened.connect())[0]
    assert (await opened.receive_output())["code"] == 4404
