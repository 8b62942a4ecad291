"""One option chain for all viewers of a process, asked at its source's pace and shown twice a second."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager

from django.conf import settings
from redis.exceptions import RedisError

from dashboard.shared_feed import FeedsOfLoops, SharedFeed, SharedViewer
from infra.cancelling import cancel
from infra.redis.client import async_client
from trading.options.board import ChainBoard
from trading.options.boards import BoardSetup, opened_board

logger = logging.getLogger(__name__)

SHOW_EVERY_S = 0.5

_feeds: "FeedsOfLoops[ChainFeed]" = FeedsOfLoops()


def watch(setup: BoardSetup) -> AbstractAsyncContextManager["SharedViewer[ChainFeed]"]:
    """A viewer of that chain; the last one to leave ends its feed, and what it made feeds stream ends with it."""
    return _feeds.watch((setup.symbol, setup.source), lambda: ChainFeed(setup))


class ChainFeed(SharedFeed):
    """The newest state of one chain."""

    kinds = ("chain",)

    def __init__(self, setup: BoardSetup) -> None:
        super().__init__(f"chain {setup.symbol} by {setup.source}")
        self._setup = setup

    async def run(self) -> None:
        async with opened_board(self._setup, async_client(settings.REDIS_URL)) as board:
            asking = asyncio.create_task(self._ask(board))
            try:
                await self._show(board)
            finally:
                await cancel(asking)

    async def _ask(self, board: ChainBoard) -> None:
        """Beside what is shown: a source may take seconds to answer."""
        while True:
            try:
                await board.refresh()
            except (RedisError, OSError) as error:
                logger.warning("%s cannot be asked: %s", self._name, error)
            await asyncio.sleep(SHOW_EVERY_S)

    async def _show(self, board: ChainBoard) -> None:
        while True:
            try:
                self.publish({**await board.row(), "sources": self._setup.names})
            except (RedisError, OSError) as error:
                self.publish({"kind": "chain", "error": f"Redis does not answer: {error}"})
            await asyncio.sleep(SHOW_EVERY_S)
