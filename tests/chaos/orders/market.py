"""The market that the traders see: the prints of the venue's own market, through the product's publisher."""

import asyncio
import time

from django.conf import settings

from engine.model.time import to_datetime
from infra.redis.client import aclose_clients, async_client
from marketdata.publisher import Publisher
from simulators.market import Market
from tests.chaos.orders.books import TIMEFRAME
from tests.chaos.orders.venue import SYMBOLS, market_config

HISTORY_NS = 20_000_000_000


async def play(seed: int) -> None:
    """Until cancelled."""
    start = time.time_ns() - HISTORY_NS
    market = Market(market_config(seed), today=to_datetime(start).date())
    publisher = Publisher(async_client(settings.REDIS_URL), feed="chaos")
    await publisher.carry([(symbol, TIMEFRAME) for symbol in SYMBOLS], resumes=True)
    try:
        while True:
            end = time.time_ns()
            for symbol in SYMBOLS:
                ticks = list(market.ticks(symbol, start=start, end=end))
                if ticks:
                    publisher.ingest(ticks)
            await publisher.flush()
            start = end
            await asyncio.sleep(0.03)
    finally:
        await publisher.close()
        await aclose_clients()
