"""Facts to a group, over a real Redis."""

import asyncio
import os

from engine.model.orders import OrderAccepted
from fortified.settings.storage import channel_layers
from infra import broadcast
from infra.redis import keys
from tests.silent import silent_server
from tests.waiting import DEADLINE_S

ACCEPTED = OrderAccepted(ts=7, client_id="r1-ema-000001", venue_id="v1")


async def joined(layer, book: str):
    channel = await layer.new_channel()
    await layer.group_add(keys.book_group(book), channel)
    return channel


async def test_a_batch_arrives_as_one_message_in_order(redis_layer):
    channel = await joined(redis_layer, "paper")
    broadcast.broadcast_events("paper", [ACCEPTED, ACCEPTED])
    message = await asyncio.wait_for(redis_layer.receive(channel), DEADLINE_S)
    assert message["type"] == "book.event"
    assert message["payload"]["kind"] == "batch"
    assert [each["kind"] for each in message["payload"]["events"]] == ["OrderAccepted", "OrderAccepted"]
    assert message["payload"]["events"][0]["event"]["venue_id"] == "v1"


async def test_messages_keep_their_order(redis_layer):
    channel = await joined(redis_layer, "paper")
    for number in range(20):
        broadcast.broadcast(keys.book_group("paper"), "status", {"number": number})
    got = [(await asyncio.wait_for(redis_layer.receive(channel), DEADLINE_S))["payload"]["number"] for _ in range(20)]
    assert got == list(range(20))


async def test_the_caller_neither_waits_nor_fails_when_redis_is_away(settings, caplog):
    with silent_server() as url:
        settings.CHANNEL_LAYERS = channel_layers(url)
        broadcast.broadcast_events("paper", [ACCEPTED])
        assert "was not sent" not in caplog.text  # nobody knows it yet
    assert await asyncio.to_thread(broadcast.flush, DEADLINE_S)
    assert "was not sent" in caplog.text


async def test_an_empty_batch_says_nothing(redis_layer):
    channel = await joined(redis_layer, "paper")
    broadcast.broadcast_events("paper", [])
    broadcast.broadcast(keys.book_group("paper"), "status", {})
    assert (await asyncio.wait_for(redis_layer.receive(channel), DEADLINE_S))["payload"]["kind"] == "status"


def test_a_forked_child_sends_with_a_thread_of_its_own(redis_layer):
    broadcast.broadcast(keys.book_group("nobody"), "status", {})  # the parent has its sender
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            broadcast.broadcast(keys.book_group("nobody"), "status", {})
            os.write(write, b"1" if broadcast.flush(10) else b"0")
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"1"
    os.waitpid(child, 0)
