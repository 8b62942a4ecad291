"""The warning before a stream drops what a running reader has not acknowledged."""

import time

from engine.model.market import Tick
from engine.model.time import NS_PER_MS
from infra.redis import keys
from marketdata.publisher import Publisher
from marketdata.reader import StreamReader
from marketdata.unread import READER, UnreadWatch
from tests.marketdata.test_publisher import START

PAIRS = [("SPY", "1t")]


async def filled(client, count: int) -> Publisher:
    writer = Publisher(client, feed="test")
    await writer.carry(PAIRS)
    reader = StreamReader(client, book="b", subscriptions=PAIRS)
    await reader.start()
    writer.ingest([Tick(START + n * NS_PER_MS, "SPY", 1.0, 1.0) for n in range(count)])
    await writer.flush()
    return writer


async def look(client, writer: Publisher, watch: UnreadWatch, *, later_ms: int = 0):
    return await watch.look(PAIRS, writer.counters, time.time_ns() // NS_PER_MS + later_ms)


async def test_a_running_reader_that_is_far_behind_is_told_of_once(client, caplog):
    writer, watch = await filled(client, 620), UnreadWatch(client, tick_window_ms=120_000)
    assert await look(client, writer, watch) == []  # nobody runs the book
    await client.set(keys.lease(READER, "b"), "x")
    (found,) = await look(client, writer, watch)
    assert (found.stream, found.reader, found.unread, found.share) == (keys.bars_stream("SPY", "1t"), "b", 620, 0.62)
    assert watch.worst == 0.62
    assert "it will lose some" in caplog.text
    assert await look(client, writer, watch) == []


async def test_a_reader_that_has_caught_up_may_be_told_of_again(client):
    writer, watch = await filled(client, 700), UnreadWatch(client, tick_window_ms=120_000)
    await client.set(keys.lease(READER, "b"), "x")
    assert len(await look(client, writer, watch)) == 1
    (last,) = await client.xrevrange(keys.bars_stream("SPY", "1t"), count=1)
    await client.xgroup_setid(keys.bars_stream("SPY", "1t"), "b", last[0])
    assert await look(client, writer, watch) == []
    assert watch.worst < 0.1
    await client.xgroup_setid(keys.bars_stream("SPY", "1t"), "b", "0-0")
    assert len(await look(client, writer, watch)) <= 1


async def test_partial_bars_are_trimmed_by_time_so_their_age_counts(client):
    writer, watch = await filled(client, 3), UnreadWatch(client, tick_window_ms=120_000)
    await client.set(keys.lease(READER, "b"), "x")
    await client.xadd(keys.ticks_stream("SPY", "1t"), {"e": "{}", "n": "1"})
    (found,) = await look(client, writer, watch, later_ms=70_000)
    assert found.stream == keys.ticks_stream("SPY", "1t")
    assert 0.5 < found.share < 0.7


async def test_all_streams_come_round(client):
    pairs = [(f"SYM{n:03d}", "1") for n in range(130)]
    watch, seen = UnreadWatch(client, tick_window_ms=120_000), set()
    original = watch._positions

    async def spied(streams):
        seen.update(streams)
        return await original(streams)

    watch._positions = spied  # type: ignore[method-assign]
    for _ in range(3):
        await watch.look(pairs, {}, 0)
    assert len(seen) == 260
