"""Recorded prints as a feed: the sequence, the pace, and the same bars however often the process is killed."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.bars.expand import Expander
from engine.errors import InvalidInput
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_MS, NS_PER_S, iso
from infra import codec
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.replay import ReplayFeed, ReplayOptions
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from tests.marketdata.feeds.conftest import until

START = 1_381_152_600 * NS_PER_S
PAIRS = [("SPY", "1"), ("SPY", "144t"), ("IBM", "5")]


@pytest.fixture
def recorded(tmp_path: Path) -> dict[str, str]:
    """Two small tick files: twenty minutes of SPY and of IBM."""
    files = {}
    for symbol, seed in (("SPY", 1), ("IBM", 2)):
        rng, ts, price, lines = random.Random(seed), START, 100.0, ["ts,price,size"]
        while ts < START + 1_200 * NS_PER_S:
            ts += rng.randint(0, 400) * NS_PER_MS
            price = round(price + rng.choice((-0.01, 0.0, 0.01)), 2)
            lines.append(f"{iso(ts)},{price},{rng.randint(1, 9)}")
        path = tmp_path / f"{symbol}.csv"
        path.write_text("\n".join(lines))
        files[symbol] = str(path)
    return files


async def played(feed: ReplayFeed, *, count: int | None = None) -> list[Tick]:
    await feed.subscribe(["SPY", "IBM"])
    ticks: list[Any] = []
    task = asyncio.create_task(_collect(feed, ticks))
    await until(lambda: feed.is_ended or (count is not None and len(ticks) >= count))
    await feed.close()
    await task
    return ticks


async def _collect(feed: ReplayFeed, ticks: list[Any]) -> None:
    async for frame in feed.frames():
        ticks += frame


async def test_files_come_as_one_sequence_by_time(recorded):
    ticks = await played(ReplayFeed("r", ReplayOptions(recorded, speed=0)))
    assert [tick.ts for tick in ticks] == sorted(tick.ts for tick in ticks)
    assert {tick.symbol for tick in ticks} == {"SPY", "IBM"}
    assert {tick.ts_recv for tick in ticks} == {0}


async def test_it_continues_where_it_was(recorded):
    whole = await played(ReplayFeed("r", ReplayOptions(recorded, speed=0)))
    second = ReplayFeed("r", ReplayOptions(recorded, speed=0))
    second.resume("1234")
    assert await played(second) == whole[1234:]


async def test_it_keeps_the_pace(recorded):
    feed = ReplayFeed("r", ReplayOptions(recorded, speed=60.0))
    begun = time.monotonic()
    ticks = await played(feed, count=300)
    market_s = (ticks[299].ts - ticks[0].ts) / NS_PER_S
    assert market_s / 60 <= time.monotonic() - begun


async def test_a_part_of_the_file_is_played(recorded):
    bounds = {"start": "2013-10-07T13:35:00+00:00", "end": "2013-10-07T13:36:00+00:00"}
    ticks = await played(ReplayFeed("r", ReplayOptions(recorded, speed=0, **bounds)))
    assert ticks[0].ts >= START + 300 * NS_PER_S
    assert ticks[-1].ts < START + 360 * NS_PER_S


async def test_a_moment_without_a_zone_is_refused(recorded):
    feed = ReplayFeed("r", ReplayOptions(recorded, start="2013-10-07T13:35:00"))
    with pytest.raises(InvalidInput, match="time zone"):
        await anext(feed.frames())


async def written(client: Any, symbol: str, timeframe: str) -> list[Bar]:
    """The bars in the stream, without the numbering, which counts partial bars too."""
    found = [codec.decode(fields["e"]) for _, fields in await client.xrange(keys.bars_stream(symbol, timeframe))]
    return [msgspec.structs.replace(bar, seq=0, source="") for bar in found if isinstance(bar, Bar)]


async def test_killed_ten_times_it_makes_the_same_bars(client, recorded):
    """Each process dies without a word, somewhere between two writes or inside one; the next takes over."""
    await client.sadd(keys.wanted("r"), *[f"{symbol}|{timeframe}" for symbol, timeframe in PAIRS])
    rng = random.Random(4)
    kills, ticks = 0, await played(ReplayFeed("r", ReplayOptions(recorded, speed=0)))
    while True:
        feed = ReplayFeed("r", ReplayOptions(recorded, speed=1_200.0))
        lease = Lease(client, kind=LEASE_KIND, name="r", owner=str(kills), ttl_s=5.0)
        runner = FeedRunner(client, feed, lease=lease, interval_s=0.05)
        task = asyncio.create_task(runner.run())
        if kills < 10:
            await asyncio.sleep(rng.uniform(0.03, 0.12))
            runner.publisher._may_write = lambda: False  # nothing more reaches Redis from this one
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await client.delete(keys.lease(LEASE_KIND, "r"))
            kills += 1
            continue
        while not feed.is_ended or runner.publisher.has_work:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        break
    for symbol, timeframe in PAIRS:
        alone = Expander(symbol, [timeframe])
        expected = [bar for tick in ticks if tick.symbol == symbol for bar in alone.on_tick(tick)]
        assert len(expected) > 2
        assert await written(client, symbol, timeframe) == [msgspec.structs.replace(bar, seq=0) for bar in expected]
