import pytest

from engine.model.commands import Flatten, Halt
from infra import codec
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from trading.runtime import commands
from trading.runtime.commands import CommandSource


@pytest.fixture
async def client(redis_url):
    yield async_client(redis_url)
    await aclose_clients()


def everything(ids):
    async def unanswered(asked):
        return set(asked) & set(ids)

    return unanswered


async def send(client, *commands) -> list[str]:
    return [await client.xadd(keys.commands("paper"), {"e": codec.encode(command)}) for command in commands]


async def test_commands_come_in_order_with_the_position_after_them(client):
    flatten, halt = Flatten(ts=1, command_id="a"), Halt(ts=2, command_id="b", reason="test")
    ids = await send(client, flatten, halt)
    source = CommandSource(client, book="paper", cursor=None, unanswered=everything(["a", "b"]))
    delivery = await source.read()
    assert list(delivery.events) == [flatten, halt]
    assert delivery.cursors == {keys.commands("paper"): ids[-1]}


async def test_an_answered_command_is_not_delivered_again(client):
    halt = Halt(ts=2, command_id="new")
    await send(client, Flatten(ts=1, command_id="old"), halt)
    source = CommandSource(client, book="paper", cursor=None, unanswered=everything(["new"]))
    assert list((await source.read()).events) == [halt]


async def test_a_new_owner_continues_after_the_committed_position(client):
    halt = Halt(ts=2, command_id="b")
    first, _ = await send(client, Flatten(ts=1, command_id="a"), halt)
    source = CommandSource(client, book="paper", cursor=first, unanswered=everything(["a", "b"]))
    assert list((await source.read()).events) == [halt]


async def test_silence_is_an_empty_delivery_after_a_while(client, monkeypatch):
    monkeypatch.setattr(commands, "BLOCK_MS", 10)
    source = CommandSource(client, book="paper", cursor=None, unanswered=everything([]))
    delivery = await source.read()
    assert (list(delivery.events), delivery.cursors) == ([], {})
