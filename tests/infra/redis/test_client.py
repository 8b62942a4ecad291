"""One client per process, loop and URL."""

import asyncio

from infra.redis.client import aclose_clients, async_client, sync_client, url_of


def test_a_url_gives_the_same_client_every_time(redis_url):
    assert sync_client(redis_url) is sync_client(redis_url)
    assert sync_client(redis_url) is not sync_client(redis_url + "?x=")


def test_every_loop_has_its_own_client(redis_url):
    async def use() -> int:
        client = async_client(redis_url)
        assert client is async_client(redis_url)
        await client.set("x", "ü")
        assert await client.get("x") == "ü"
        await aclose_clients()
        return id(client)

    asyncio.run(use())
    asyncio.run(use())  # the first loop's connections would fail here


def test_the_address_is_told_without_the_password():
    assert url_of(sync_client("redis://:secret@db.example:7000/3")) == "redis://db.example:7000/3"
