"""A real feed process, killed ten times in a session: what it recorded gives the bars that it published."""

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model.market import Bar
from infra import codec
from infra.redis import keys
from marketdata.archive.store import Archive
from marketdata.feeds.replay import ReplayFeed, ReplayOptions
from marketdata.feeds.runner import LEASE_KIND
from marketdata.publisher import Publisher
from marketdata.recording.archiving import archive_recordings, folder_of
from marketdata.recording.rebuild import Rebuild, received_frames
from marketdata.recording.records import records
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve
from tests.marketdata.recording.feed_process import NAME

ROOT = Path(__file__).resolve().parents[3]
SYMBOLS = ("SPY", "QQQ")
TIMEFRAMES = ("1s", "2s", "15t")
KILLS = 10
WHOLE = 1  # complete bars of each symbol and timeframe after the last kill


async def published(client) -> list[Bar]:
    """Everything that was given out, by stream, in order."""
    found: list[Bar] = []
    for symbol in SYMBOLS:
        for timeframe in TIMEFRAMES:
            for _, fields in await client.xrange(keys.bars_stream(symbol, timeframe)):
                bar = codec.decode(fields["e"])
                if isinstance(bar, Bar) and not bar.source.startswith("vendor:"):
                    found.append(bar)
    return found


def bytes_of(bars: list[Bar]) -> dict[tuple[str, str], list[bytes]]:
    """By symbol and timeframe; without `seq`, which counts partial bars too."""
    found: dict[tuple[str, str], list[bytes]] = {}
    for bar in bars:
        encoded = codec.encode(msgspec.structs.replace(bar, seq=0))
        found.setdefault((bar.symbol, bar.timeframe), []).append(encoded)
    return found


def the_last_word_on_each(bars: list[Bar], like: dict[Any, Any]) -> dict[Any, Any]:
    """By symbol, timeframe and time, for the bars that `like` has: what matters of them."""
    found = {(bar.symbol, bar.timeframe, bar.ts_open, bar.ts): _values(bar) for bar in bars}
    return {key: value for key, value in found.items() if key in like}


def _values(bar: Bar) -> tuple[Any, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.vwap, bar.is_complete, bar.quality)


async def replayed(client, folder: str) -> dict[Any, Any]:
    """The bars that the product makes of the recording when it is played as a feed."""
    feed = ReplayFeed("replay", ReplayOptions(recording=folder, speed=0))
    await feed.subscribe(SYMBOLS)
    writer = Publisher(client, feed="replay", revises_late=True)
    await writer.carry([(symbol, timeframe) for symbol in SYMBOLS for timeframe in TIMEFRAMES])
    length = str(sum(len(each) for each in received_frames(records(Path(folder)))))
    async for frame in feed.frames():
        writer.ingest(frame)
        await writer.flush()
        if feed.position == length:
            break
    found = await published(client)
    return the_last_word_on_each(found, {_key(bar): None for bar in found})


def _key(bar: Bar) -> tuple[Any, ...]:
    return (bar.symbol, bar.timeframe, bar.ts_open, bar.ts)


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """A process that has loaded everything, or soon will have, and waits for a line before it runs the feed."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.marketdata.recording.feed_process", *arguments,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


async def print_count(client) -> int:
    return sum([int(entries[0][1]["n"]) for symbol in SYMBOLS
                if (entries := await client.xrevrange(keys.ticks_stream(symbol, "1s"), count=1))])  # fmt: skip


async def whole_count(client, after: int) -> int:
    """How many complete bars the pair with the fewest has, of those that began after `after`."""
    whole = Counter(
        (bar.symbol, bar.timeframe) for bar in await published(client) if bar.is_complete and bar.ts_open > after
    )
    return min(whole[symbol, timeframe] for symbol in SYMBOLS for timeframe in TIMEFRAMES)


async def has_published(client, wanted: int) -> bool:
    return await print_count(client) >= wanted


async def has_whole_bars(client, after: int) -> bool:
    return await whole_count(client, after) >= WHOLE


async def until(met: Callable[[], Awaitable[bool]], process: asyncio.subprocess.Process) -> None:
    """Wait for what the process is to bring about."""
    async with asyncio.timeout(60):
        while not await met():
            if process.returncode is not None:
                _, errors = await process.communicate()
                pytest.fail(f"the feed's process ended: {errors.decode()[-3000:]}")
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_session_in_which_the_feed_was_killed_ten_times_is_replayed_byte_for_byte(client, redis_url, tmp_path):
    rng = random.Random(3)
    market = MarketConfig(seed=5, symbols=SYMBOLS, tick_rate=60.0, always_open=True)
    async with await serve(SimulatorConfig(market=market, feed_port=0, poll_s=0.01)) as venue:
        await client.sadd(keys.wanted(NAME), *[f"{symbol}|{each}" for symbol in SYMBOLS for each in TIMEFRAMES])
        process = await start(redis_url, venue.rest_url, str(tmp_path))
        for number in range(KILLS):
            wanted = await print_count(client) + 20
            go(process)
            following = await start(redis_url, venue.rest_url, str(tmp_path))
            await until(partial(has_published, client, wanted), process)
            await asyncio.sleep(rng.uniform(0.0, 0.25))
            process.kill()
            await process.wait()
            await client.delete(keys.lease(LEASE_KIND, NAME))
            if number % 3 == 0:
                archive_recordings(Archive(tmp_path))
            process = following
        begun = venue.clock.now()
        go(process)
        await until(partial(has_whole_bars, client, begun), process)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    given = await published(client)
    folder = folder_of(tmp_path, NAME)
    numbers = [each.number for each in records(folder)]
    assert numbers == list(range(1, len(numbers) + 1))
    again = list(Rebuild(feed=NAME).bars(records(folder)))
    assert bytes_of(again) == bytes_of(given)
    qualities = Counter(bar.quality for bar in given)
    assert qualities["gapped"] >= KILLS
    assert await whole_count(client, begun) >= WHOLE

    await client.delete(*await client.keys("*"))
    played = await replayed(client, str(folder))
    unplayed = {_key(bar) for bar in given} - played.keys()
    assert len(unplayed) <= len(SYMBOLS) * len(TIMEFRAMES)  # those that only the clock had ended
    assert played == the_last_word_on_each(given, played)

    archive = Archive(tmp_path)
    archive_recordings(archive)
    files = sorted(path.name for path in folder.iterdir() if path.name != ".lock")
    assert all(name.endswith(".seg.zst") for name in files)
    for symbol in SYMBOLS:
        stored = list(archive.ticks(symbol))
        first, last = stored[0].ts, stored[-1].ts
        venue_prints = [(t.ts, t.price, t.size) for t in venue.market.ticks(symbol, start=first - 1, end=last)]
        kept = Counter((tick.ts, tick.price, tick.size) for tick in stored)
        assert not kept - Counter(venue_prints)  # nothing invented, nothing twice
        for bar in given:
            if bar.symbol == symbol and bar.is_complete and bar.timeframe.endswith("s"):
                inside = [tick for tick in stored if bar.ts_open <= tick.ts < bar.ts]
                assert (len(inside), sum(tick.size for tick in inside)) == (bar.trade_count, bar.volume)
    assert bytes_of(list(Rebuild(feed=NAME).bars(records(folder)))) == bytes_of(given)  # packed away, the same
    assert archive_recordings(archive).segments == 0
