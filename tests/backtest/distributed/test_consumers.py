"""The WebSocket of a study, over a real Redis."""

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser

from backtest.distributed import work
from backtest.models import Study
from dashboard.routing import websocket_urlpatterns
from infra import broadcast

pytestmark = pytest.mark.django_db(transaction=True)


def socket(study: int, user: object) -> WebsocketCommunicator:
    opened = WebsocketCommunicator(URLRouter(websocket_urlpatterns), f"/ws/backtests/{study}")
    opened.scope["user"] = user
    return opened


@pytest.mark.asyncio
async def test_a_study_tells_how_far_it_is_and_every_step(redis_layer, redis_url, django_user_model):
    user = await sync_to_async(django_user_model.objects.create_user)(email="a@b.c", password="x")
    study = await sync_to_async(Study.objects.create)(kind="sweep", spec={}, total=40)
    opened = socket(study.pk, user)
    assert (await opened.connect(timeout=10))[0]
    first = await opened.receive_json_from(timeout=10)
    assert (first["kind"], first["state"], first["done"], first["total"]) == ("study", "running", 0, 40)
    await sync_to_async(study.shards.create)(
        number=0, strategy="ema", first=0, count=40, offset=0, state="done", done=40
    )
    await sync_to_async(work.tell_progress)(study.pk)
    await sync_to_async(broadcast.flush)()
    assert (await opened.receive_json_from(timeout=10))["done"] == 40
    await opened.disconnect()


@pytest.mark.asyncio
async def test_strangers_and_unknown_studies_are_turned_away(redis_layer, redis_url, django_user_model):
    assert await socket(1, AnonymousUser()).connect(timeout=10) == (False, 4401)
    user = await sync_to_async(django_user_model.objects.create_user)(email="a@b.c", password="x")
    opened = socket(77, user)
    assert (await opened.connect(timeout=10))[0]
    assert (await opened.receive_output(timeout=10))["code"] == 4404
