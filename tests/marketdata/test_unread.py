"""The word about a reader that is behind."""

import time

from engine.model.market import Tick
from engine.model.time import NS_PER_MS
from infra.redis import keys
from marketdata.publisher import Publisher
from marketdata.reader import StreamReader
from marketdata.unread import READER, UnreadWatch
from tests.marketdata.test_publisher import START

PAIRS = [("SPY", "1t")]
BARS, TICKS = keys.bars_stream("SPY", "1t"), keys.ticks_stream("SPY", "1t")


async def filled(client, count: int) -> Publisher:
    writer = Publisher(client, feed="test")
    await writer.carry(PAIRS)
    reader = StreamReader(client, book="b", subscriptions=PAIRS)
    await reader.start()
    writer.ingest([Tick(START + n * NS_PER_MS, "SPY", 1.0, 1.0) for n in range(count)])
    await writer.flush()
    return writer


async def look(client, writer: Publisher, watch: UnreadWatch, *, later_ms: int = 0):
    return await watch.look([BARS, TICKS], writer.counters, time.time_ns() // NS_PER_MS + later_ms)


async def test_a_running_reader_that_is_far_behind_is_told_of_once(client, caplog):
    writer, watch = await filled(client, 620), UnreadWatch(client, tick_window_ms=120_000)
    assert await look(client, writer, watch) == {BARS: [], TICKS: []}  # nobody runs the book
    await client.set(keys.lease(READER, "b"), "x")
    (found,) = (await look(client, writer, watch))[BARS]
    assert (found.stream, found.reader, found.next, found.unread, found.share) == (BARS, "b", 1, 620, 0.62)
    assert watch.worst == 0.62
    assert watch.behind == [found]
    told = "b has not acknowledged 620 entries of bars_stream:SPY:1t, 62% of what is kept without it"
    assert found.told == told
    await look(client, writer, watch)
    assert caplog.text.count(told) == 1


async def test_a_reader_that_has_caught_up_may_be_told_of_again(client, caplog):
    writer, watch = await filled(client, 700), UnreadWatch(client, tick_window_ms=120_000)
    await client.set(keys.lease(READER, "b"), "x")
    await look(client, writer, watch)
    (last,) = await client.xrevrange(BARS, count=1)
    await client.xgroup_setid(BARS, "b", last[0])
    (found,) = (await look(client, writer, watch))[BARS]
    assert (found.next, found.unread, found.share) == (701, 0, 0.0)
    assert watch.worst < 0.1
    assert not watch.behind
    await client.xgroup_setid(BARS, "b", "0-0")
    await look(client, writer, watch)
    assert caplog.text.count("b has not acknowledged 700") == 2
    assert watch.lost == 0


async def test_partial_bars_are_trimmed_by_time_so_their_age_counts(client):
    writer, watch = await filled(client, 3), UnreadWatch(client, tick_window_ms=120_000)
    await client.set(keys.lease(READER, "b"), "x")
    await client.xadd(TICKS, {"e": "{}", "n": "1"})
    await look(client, writer, watch, later_ms=70_000)
    (found,) = watch.behind
    assert found.stream == TICKS
    assert 0.5 < found.share < 0.7


async def test_what_is_not_carried_any_more_is_forgotten(client):
    writer, watch = await filled(client, 620), UnreadWatch(client, tick_window_ms=120_000)
    await client.set(keys.lease(READER, "b"), "x")
    await look(client, writer, watch)
    watch.keep([TICKS])
    assert watch.worst < 0.1
