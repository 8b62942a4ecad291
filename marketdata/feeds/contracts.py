"""Quotes of options that somebody looks at, by a feed that streams them: followed while they are looked at."""

import asyncio
import logging
import time
from collections.abc import Collection
from typing import Protocol, cast

import msgspec

from engine.options.chain import ChainEntry
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis

logger = logging.getLogger(__name__)

LOOK_S = 0.5
QUOTE_TTL_S = 10
RENEW_S = 3.0  # a quote that did not change is still true while the line is up
AT_MOST = 200  # contracts at once: the strikes around the money of a few underlyings


class ContractLines(Protocol):
    """What a feed that streams options has as its attribute `contracts`."""

    async def follow(self, symbols: Collection[str]) -> None:
        """Exactly these from now on, through every reconnect."""
        ...

    def take(self) -> list[ChainEntry]:
        """The newest of each that changed since the last call."""
        ...

    def quoted(self) -> list[ChainEntry]:
        """The newest of each that has a quote."""
        ...


class ContractFeed(Protocol):
    """A feed that streams options."""

    @property
    def is_connected(self) -> bool: ...

    @property
    def contracts(self) -> ContractLines: ...


class ContractWatch:
    """Follows what the pages are interested in, and writes what comes of it; an interest that is not renewed ends. What
    is written ends too, unless the line that told it is up."""

    def __init__(self, client: AsyncRedis, feed: ContractFeed, *, look_s: float = LOOK_S) -> None:
        self._client = client
        self._feed = feed
        self._look_s = look_s
        self._renew_at = 0.0

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._look()
            except REDIS_AWAY as error:
                logger.warning("options that are looked at: Redis is away: %s", error)
            await asyncio.sleep(self._look_s)

    async def _look(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        found = await self._client.zrangebyscore(keys.option_interest(), now_ms, "+inf", start=0, num=AT_MOST)
        lines = self._feed.contracts
        await lines.follow(cast("list[str]", found))
        told = lines.take()
        if self._feed.is_connected and time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + RENEW_S
            told += lines.quoted()
        if told:
            async with self._client.pipeline(transaction=False) as pipe:
                for entry in told:
                    pipe.set(keys.option_quote(entry.contract.symbol), msgspec.json.encode(entry), ex=QUOTE_TTL_S)
                await pipe.execute()
