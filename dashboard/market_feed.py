"""Quotes and movers for all viewers in a process that look at the same."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager

from redis.exceptions import RedisError

from dashboard.market import Watched, mover_rows, quote_rows
from dashboard.shared_feed import FeedsOfLoops, SharedFeed, SharedViewer

logger = logging.getLogger(__name__)

SHOW_EVERY_S = 0.5

_feeds: "FeedsOfLoops[MarketFeed]" = FeedsOfLoops()


def watch(seen: Watched) -> AbstractAsyncContextManager["SharedViewer[MarketFeed]"]:
    """A viewer of that; the last one to leave ends its feed."""
    return _feeds.watch(seen, lambda: MarketFeed(seen))


class MarketFeed(SharedFeed):
    """The newest quotes and movers of one choice."""

    kinds = ("quotes", "movers")

    def __init__(self, seen: Watched) -> None:
        super().__init__(f"market {','.join(seen.symbols) or 'without quotes'}")
        self._seen = seen

    async def run(self) -> None:
        while True:
            try:
                self.publish(await asyncio.to_thread(quote_rows, self._seen.symbols))
                self.publish(await asyncio.to_thread(mover_rows, self._seen))
            except (RedisError, OSError) as error:
                logger.warning("the market cannot be shown: %s", error)
                self.publish({"kind": "quotes", "error": f"Redis does not answer: {error}"})
            await asyncio.sleep(SHOW_EVERY_S)
