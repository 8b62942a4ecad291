"""The Schwab feed in its loop: what the streams in a real Redis hold."""

import asyncio
import time
from typing import Any

from engine.bars.expand import Expander
from engine.model.market import PartialBar
from engine.model.time import NS_PER_S
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from marketdata.feeds.schwab.feed import SchwabFeed
from marketdata.feeds.schwab.login import LoginToken
from marketdata.feeds.schwab.options import SchwabOptions
from simulators.schwab.session import StreamSettings
from tests.marketdata.feeds.schwab.conftest import SECRET


async def entries(client: Any, key: str) -> list[Any]:
    """What a stream holds."""
    return [codec.decode(fields["e"]) for _, fields in await client.xrange(key)]


async def wait_for(client: Any, task: asyncio.Task[str], key: str, count: int) -> list[Any]:
    deadline = time.monotonic() + 60
    while len(found := await entries(client, key)) < count:
        assert not task.done(), task.result()
        assert time.monotonic() < deadline, f"{count} entries of {key} were expected, found {len(found)}"
        await asyncio.sleep(0.05)
    return found


async def test_minutes_are_the_vendors_and_everything_else_is_sampled(client, start):
    """A market minute a second: seconds are built here, minutes come from the venue and stand once."""
    market = {"symbols": ("SPY",), "tick_rate": 4.0}
    async with start(market=market, speed=60.0, stream=StreamSettings(chart_delay_s=3.0)) as simulator:
        await client.sadd(keys.wanted("test"), "SPY|1", "SPY|20s")
        feed = SchwabFeed(
            "test",
            token=LoginToken(simulator.rest_url, SECRET),
            api_url=simulator.rest_url,
            options=SchwabOptions(speed=60.0),
        )
        lease = Lease(client, kind=LEASE_KIND, name="test", owner="a", ttl_s=4.0)
        runner = FeedRunner(client, feed, lease=lease, interval_s=0.1, history_bars=20)
        task = asyncio.create_task(runner.run())
        try:
            minutes = await wait_for(client, task, keys.bars_stream("SPY", "1"), 4)
            built = await wait_for(client, task, keys.bars_stream("SPY", "20s"), 8)
            forming = await entries(client, keys.ticks_stream("SPY", "1"))
        finally:
            await cancel(task)
        assert {(bar.quality, bar.is_complete) for bar in minutes} == {("vendor", True)}
        assert len({bar.ts for bar in minutes}) == len(minutes)
        sent = simulator.market.ticks("SPY", start=minutes[0].ts_open - 1, end=minutes[-1].ts + 60 * NS_PER_S)
        truth = {bar.ts: bar for bar in Expander("SPY", ["1"]).feed(sent)}
        for bar in minutes:
            ours = truth[bar.ts]
            assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (
                *(ours.open, ours.high, ours.low, ours.close, ours.volume),
            )
        assert {bar.quality for bar in built if bar.is_complete} == {"sampled"}
        assert any(isinstance(event, PartialBar) for event in forming)
