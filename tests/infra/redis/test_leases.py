"""Leases on a real Redis: one owner, tokens that only rise, and what happens when one is lost."""

import asyncio
import time

import pytest
from redis.exceptions import ResponseError

from infra.redis import keys
from infra.redis.client import AsyncRedis, sync_client
from infra.redis.leases import Lease, aholder, holder
from tests.waiting import DEADLINE_S


def lease(client: AsyncRedis, owner: str, *, ttl_s: float = 5.0) -> Lease:
    return Lease(client, kind="book", name="demo", owner=owner, ttl_s=ttl_s)


async def expired(client: AsyncRedis) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while await client.exists(keys.lease("book", "demo")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_only_one_of_two_owners_gets_the_lease(client):
    first, second = lease(client, "a"), lease(client, "b")
    assert await first.acquire() == 1
    assert await second.acquire() is None
    assert second.remaining_s == 0.0


async def test_of_many_who_ask_at_once_one_wins(client):
    tokens = await asyncio.gather(*(lease(client, str(owner)).acquire() for owner in range(20)))
    assert [token for token in tokens if token is not None] == [1]


async def test_tokens_rise_with_every_owner_and_a_refused_request_uses_none(client):
    for expected in (1, 2, 3):
        held = lease(client, "a")
        assert await held.acquire() == expected
        assert await lease(client, "b").acquire() is None
        assert await held.release()


async def test_a_token_is_above_what_the_journal_has_seen_even_if_redis_forgot(client):
    held = lease(client, "a")
    assert await held.acquire(above=57) == 58
    await held.release()
    assert await held.acquire(above=57) == 59


async def test_an_expired_lease_goes_to_the_next_and_cannot_be_renewed_by_the_first(client):
    first, second = lease(client, "a", ttl_s=0.05), lease(client, "b")
    await first.acquire()
    await expired(client)
    assert await second.acquire() == 2
    assert not await first.renew()
    assert first.token is None
    assert not await first.release()
    found = await aholder(client, "book", "demo")
    assert found is not None
    assert (found.owner, found.token) == ("b", 2)


async def test_renewing_an_expired_lease_fails_even_if_nobody_took_it(client):
    held = lease(client, "a", ttl_s=0.05)
    await held.acquire()
    await expired(client)
    assert held.remaining_s == 0.0
    assert not await held.renew()


async def test_renewing_moves_the_end(client):
    held = lease(client, "a", ttl_s=600.0)
    await held.acquire()
    await client.pexpire(keys.lease("book", "demo"), 300_000)
    await asyncio.sleep(0.01)
    promised = held.remaining_s
    assert await held.renew()
    assert held.remaining_s > promised
    assert await client.pttl(keys.lease("book", "demo")) > 300_000


async def test_the_promise_never_exceeds_what_redis_says(client):
    held = lease(client, "a", ttl_s=2.0)
    await held.acquire()
    began, promised = time.monotonic(), held.remaining_s
    assert promised <= 2.0
    left_s = await client.pttl(keys.lease("book", "demo")) / 1000
    assert left_s + time.monotonic() - began + 0.002 >= promised


async def test_a_released_lease_is_free_at_once(client):
    first = lease(client, "a")
    await first.acquire()
    assert await first.release()
    assert await lease(client, "b").acquire() == 2


async def test_keeping_survives_an_absent_redis_for_as_long_as_the_lease_lasts(client, monkeypatch):
    held = lease(client, "a", ttl_s=0.2)
    await held.acquire()

    async def away() -> bool:
        raise ConnectionError("refused")

    monkeypatch.setattr(held, "renew", away)
    assert await held.keep()
    await expired(client)
    assert not await held.keep()


async def test_the_holder_is_told_with_owner_token_and_time_left(client, redis_url):
    reader = sync_client(redis_url)
    assert holder(reader, "book", "demo") is None
    await lease(client, "host:7", ttl_s=3.0).acquire()
    found = holder(reader, "book", "demo")
    assert found is not None
    assert (found.owner, found.token) == ("host:7", 1)
    assert 2.0 < found.ttl_s <= 3.0


async def test_a_foreign_value_under_the_key_is_named(client, redis_url):
    await client.set(keys.lease("book", "demo"), "[]")
    with pytest.raises(ResponseError, match="owner and token"):
        holder(sync_client(redis_url), "book", "demo")
