"""Clients of the test process's real Redis."""

from collections.abc import AsyncIterator

import pytest

from infra.redis.client import AsyncRedis, aclose_clients, async_client


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[AsyncRedis]:
    yield async_client(redis_url)
    await aclose_clients()
