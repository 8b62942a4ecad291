"""A lease that a thread keeps: through a busy loop, not through a hung one."""

import asyncio
import time

from infra.redis import keys
from infra.redis.client import async_client
from infra.redis.lease_thread import LeaseThread
from infra.redis.leases import Lease
from tests.waiting import DEADLINE_S


async def made(client, *, ttl_s: float = 1.2) -> Lease:
    lease = Lease(client, kind="feed", name="busy", owner="a", ttl_s=ttl_s)
    assert await lease.acquire() is not None
    return lease


def hold_the_loop_up(seconds: float) -> None:
    """Work in Python, as a burst of frames is: other threads get their turns, other tasks do not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(500))


async def test_a_loop_that_is_busy_for_several_ttls_keeps_its_lease(redis_url):
    client = async_client(redis_url)
    lease, lost = await made(client), asyncio.Event()
    keeper = LeaseThread(client, lease, on_lost=lost.set)
    hold_the_loop_up(3.0)
    assert lease.remaining_s > 0.0
    assert await client.exists(keys.lease("feed", "busy"))
    assert not lost.is_set()
    async with asyncio.timeout(DEADLINE_S):
        while keeper.longest_pause_s < 1.0:
            await asyncio.sleep(0.01)
    keeper.stop()


async def test_a_loop_that_hangs_gives_its_lease_up(redis_url):
    client = async_client(redis_url)
    lease = await made(client)
    keeper = LeaseThread(client, lease, on_lost=lambda: None, hangs_after_s=0.5)
    hold_the_loop_up(2.0)
    assert lease.remaining_s == 0.0
    assert not await client.exists(keys.lease("feed", "busy"))
    keeper.stop()


async def test_the_loop_is_told_when_another_took_the_lease(redis_url):
    client = async_client(redis_url)
    lease, lost = await made(client), asyncio.Event()
    keeper = LeaseThread(client, lease, on_lost=lost.set)
    await client.delete(keys.lease("feed", "busy"))
    await asyncio.wait_for(lost.wait(), DEADLINE_S)
    assert lease.remaining_s == 0.0
    keeper.stop()


async def test_after_stop_nothing_is_renewed(redis_url):
    client = async_client(redis_url)
    lease = await made(client, ttl_s=0.3)
    keeper = LeaseThread(client, lease, on_lost=lambda: None)
    keeper.stop()
    await asyncio.sleep(0.4)
    assert not await client.exists(keys.lease("feed", "busy"))
