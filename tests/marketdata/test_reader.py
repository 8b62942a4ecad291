"""The reader on a real Redis: order, exactly-once by cursors, gaps, acknowledgement."""

import asyncio
import random
import time
from typing import Any

import pytest

from engine.model.market import Bar, FeedGap, FeedStateChanged, PartialBar
from infra import codec
from infra.redis import keys
from infra.redis.client import AsyncRedis, async_client
from marketdata.reader import StreamReader

NOW = 1_700_000_000_000_000_000


class Writer:
    """Writes like a publisher: one `seq` per symbol, one counter per stream."""

    def __init__(self, client: AsyncRedis) -> None:
        self.client = client
        self.seq: dict[str, int] = {}
        self.n: dict[str, int] = {}

    def bar(self, symbol: str, timeframe: str = "1") -> tuple[str, Bar]:
        seq = self._next(symbol)
        bar = Bar(NOW + seq, symbol, timeframe, NOW, 1.0, 2.0, 0.5, 1.5, 10.0, seq=seq)
        return keys.bars_stream(symbol, timeframe), bar

    def partial(self, symbol: str, timeframe: str = "1") -> tuple[str, PartialBar]:
        seq = self._next(symbol)
        partial = PartialBar(NOW + seq, symbol, timeframe, NOW, 1.0, 2.0, 0.5, 1.5, 10.0, 3, 2.0, 0.5, seq=seq)
        return keys.ticks_stream(symbol, timeframe), partial

    async def write(self, *entries) -> None:
        async with self.client.pipeline(transaction=True) as pipe:
            for key, event in entries:
                self.n[key] = self.n.get(key, 0) + 1
                pipe.xadd(key, {"e": codec.encode(event), "n": self.n[key]})
            await pipe.execute()

    def _next(self, symbol: str) -> int:
        self.seq[symbol] = self.seq.get(symbol, 0) + 1
        return self.seq[symbol]


@pytest.fixture
def writer(client) -> Writer:
    return Writer(client)


def reader(client, *pairs, **options) -> StreamReader:
    return StreamReader(client, book="demo", subscriptions=pairs or [("SPY", "1")], min_interval_s=0.0, **options)


async def take(source: StreamReader) -> list[Any]:
    """The next batch, untyped: the tests look at fields that only some events have."""
    return list(await source.read(1_000))


async def drain(source: StreamReader, *, block_ms: int = 20) -> list[Any]:
    """Everything that is there."""
    found: list[Any] = []
    empty = 0
    while empty < 2:
        batch = await source.read(block_ms)
        empty = 0 if batch else empty + 1
        found += batch
    return found


async def test_bars_and_ticks_of_a_symbol_come_in_seq_order(client, writer):
    source = reader(client, ("SPY", "1"), ("SPY", "144t"))
    await source.start()
    rng = random.Random(1)
    for _ in range(60):
        kinds = [rng.choice((writer.bar, writer.partial)) for _ in range(rng.randint(1, 6))]
        await writer.write(*[kind("SPY", rng.choice(("1", "144t"))) for kind in kinds])
    events = await drain(source)
    assert [event.seq for event in events] == list(range(1, writer.seq["SPY"] + 1))


async def test_order_holds_when_streams_come_back_full(client, writer):
    source = reader(client, ("SPY", "1"), ("SPY", "5"), count=3)
    await source.start()
    rng = random.Random(2)
    for _ in range(40):
        await writer.write(*[writer.partial("SPY", rng.choice("1115")) for _ in range(5)], writer.bar("SPY", "1"))
    events = await drain(source)
    assert [event.seq for event in events] == list(range(1, writer.seq["SPY"] + 1))


async def test_a_blocked_reader_does_not_see_one_stream_before_another(client, writer):
    """A transaction wakes a blocked XREAD for one stream with everything in it; the others must not come late."""
    source = reader(client, ("SPY", "1"), ("SPY", "5"))
    await source.start()
    for _ in range(20):
        waiting = asyncio.create_task(take(source))
        while not waiting.done() and not int((await client.info("clients"))["blocked_clients"]):
            await asyncio.sleep(0)
        first = writer.seq.get("SPY", 0)
        await writer.write(writer.partial("SPY", "1"), writer.partial("SPY", "5"), writer.partial("SPY", "1"))
        events = await waiting
        assert [event.seq for event in events] == [first + 1, first + 2, first + 3]


async def test_it_begins_at_the_present_end_where_there_is_no_cursor(client, writer):
    await writer.write(writer.bar("SPY"), writer.bar("SPY"))
    source = reader(client)
    await source.start()
    assert await source.read(10) == []
    await writer.write(writer.bar("SPY"))
    assert [event.seq for event in await take(source)] == [3]


async def test_what_was_returned_but_not_stored_is_returned_again(client, writer):
    """Killed between read and commit: the stored cursors are older than what was read."""
    first = reader(client, count=2)
    await first.start()
    stored = first.cursors
    for _ in range(9):
        await writer.write(writer.partial("SPY"), writer.bar("SPY"))
    done = [event.seq for event in await take(first)]
    stored = first.cursors
    await first.read(1_000)  # lost with the process
    second = reader(client, cursors=stored)
    await second.start()
    done += [event.seq for event in await drain(second)]
    assert done == list(range(1, 19))


async def test_cursors_do_not_cover_what_is_held_back(client, writer):
    source = reader(client, count=2)
    await source.start()
    await writer.write(*[writer.partial("SPY") for _ in range(4)], writer.bar("SPY"))
    events = await take(source)
    assert [event.seq for event in events] == [1, 2]
    second = reader(client, cursors=source.cursors)
    await second.start()
    assert [event.seq for event in await drain(second)] == [3, 4, 5]


async def test_any_sequence_of_crashes_gives_each_event_once(client, writer):
    rng = random.Random(3)
    source = reader(client, ("SPY", "1"), ("QQQ", "1"), count=4)
    await source.start()
    stored: dict[str, str] = source.cursors
    done: list[tuple[str, int]] = []
    for _ in range(60):
        await writer.write(*[rng.choice((writer.bar, writer.partial))(rng.choice(("SPY", "QQQ"))) for _ in range(3)])
        events = await take(source)
        if rng.random() < 0.3:  # the process dies before it commits
            await source.close()
            source = reader(client, ("SPY", "1"), ("QQQ", "1"), count=4, cursors=stored)
            await source.start()
            continue
        done += [(event.symbol, event.seq) for event in events]
        stored = source.cursors
        await source.ack(stored)
    done += [(event.symbol, event.seq) for event in await drain(source)]
    for symbol in ("SPY", "QQQ"):
        assert [seq for name, seq in done if name == symbol] == list(range(1, writer.seq[symbol] + 1))


async def test_a_paused_process_takes_nothing_from_its_successor(client, writer):
    old = reader(client)
    await old.start()
    blocked = asyncio.create_task(take(old))
    await asyncio.sleep(0.02)
    new = reader(client)
    await new.start()
    await writer.write(writer.bar("SPY"))
    assert [event.seq for event in await blocked] == [1]
    assert [event.seq for event in await take(new)] == [1]


async def test_acknowledging_leaves_nothing_pending_and_shows_the_position(client, writer):
    source = reader(client)
    await source.start()
    await writer.write(writer.bar("SPY"))
    await source.read(1_000)
    await source.ack(source.cursors)
    key = keys.bars_stream("SPY", "1")
    (group,) = await client.xinfo_groups(key)
    assert (group["name"], group["pending"]) == ("demo", 0)
    assert group["last-delivered-id"] == source.cursors[key]


async def test_acknowledging_in_a_redis_that_forgot_the_groups_makes_them_anew(client, writer):
    source = reader(client)
    await source.start()
    await writer.write(writer.bar("SPY"))
    await source.read(1_000)
    await client.flushall()
    await source.ack(source.cursors)
    assert [group["name"] for group in await client.xinfo_groups(keys.bars_stream("SPY", "1"))] == ["demo"]


async def test_a_counter_that_jumps_is_a_gap_in_front_of_the_next_event(client, writer):
    source = reader(client, ticks=False)
    await source.start()
    await writer.write(writer.bar("SPY"))
    writer.n[keys.bars_stream("SPY", "1")] += 4
    await writer.write(writer.bar("SPY"))
    first, gap, second = await drain(source)
    assert (first.seq, second.seq) == (1, 2)
    assert isinstance(gap, FeedGap)
    assert (gap.symbol, gap.missed, gap.ts) == ("SPY", 4, second.ts)


async def test_a_reader_behind_the_trim_is_told(client, writer, caplog):
    source = reader(client, ticks=False)
    await source.start()
    await writer.write(*[writer.bar("SPY") for _ in range(10)])
    await client.xtrim(keys.bars_stream("SPY", "1"), maxlen=3, approximate=False)
    gap, *events = await drain(source)
    assert isinstance(gap, FeedGap)
    assert gap.missed == 7
    assert [event.seq for event in events] == [8, 9, 10]
    assert "jumps from entry 0 to 8" in caplog.text


async def test_a_cursor_that_was_trimmed_while_the_process_was_down_is_told(client, writer, caplog):
    source = reader(client, ticks=False)
    await source.start()
    await writer.write(writer.bar("SPY"))
    await source.read(1_000)
    await writer.write(*[writer.bar("SPY") for _ in range(10)])
    await client.xtrim(keys.bars_stream("SPY", "1"), maxlen=3, approximate=False)
    late = reader(client, ticks=False, cursors=source.cursors)
    await late.start()
    gap, *events = await drain(late)
    assert isinstance(gap, FeedGap)
    assert [event.seq for event in events] == [9, 10, 11]
    assert "trimmed before demo had read it" in caplog.text


async def test_an_unreadable_entry_is_a_gap_and_not_the_end(client, writer, caplog):
    source = reader(client, ticks=False)
    await source.start()
    key = keys.bars_stream("SPY", "1")
    await writer.write(writer.bar("SPY"))
    writer.n[key] += 1
    await client.xadd(key, {"e": b'{"event":"FromTheFuture","ts":1}', "n": writer.n[key]})
    await writer.write(writer.bar("SPY"))
    first, gap, second = await drain(source)
    assert (first.seq, gap.missed, second.seq) == (1, 1, 2)
    assert "unreadable" in caplog.text


async def test_what_concerns_the_symbol_is_returned_once_though_every_stream_carries_it(client, writer):
    source = reader(client, ("SPY", "1"), ("SPY", "5"))
    await source.start()
    note = FeedStateChanged(NOW, "SPY", "stale", "no tick for 10 s", seq=writer._next("SPY"))
    await writer.write(*[(keys.ticks_stream("SPY", timeframe), note) for timeframe in ("1", "5")])
    await writer.write(writer.bar("SPY"))
    events = await drain(source)
    assert [type(event).__name__ for event in events] == ["FeedStateChanged", "Bar"]
    assert source.cursors[keys.ticks_stream("SPY", "5")] != "0-0"


async def test_who_comes_late_learns_first_what_the_feed_holds_against_its_data(client, writer):
    await client.hset(keys.feed_state("SPY"), mapping={"state": "suspect", "reason": "halted", "last_tick_ts": NOW})
    await client.hset(keys.feed_state("QQQ"), mapping={"state": "gapped", "reason": "cut"})
    source = reader(client, ("SPY", "1"), ("QQQ", "1"), ("IBM", "1"))
    await source.start()
    await writer.write(writer.bar("SPY"))
    assert await take(source) == [FeedStateChanged(NOW, "SPY", "suspect", "halted")]
    (bar,) = await take(source)
    assert bar.seq == 1
    again = reader(client, ("SPY", "1"), cursors=source.cursors)
    await again.start()
    await writer.write(writer.bar("SPY"))
    assert [event.seq for event in await drain(again)] == [2]  # told by the stream, as far as it was not yet


async def test_subscriptions_change_without_touching_the_others(client, writer):
    source = reader(client, ("SPY", "1"))
    await source.start()
    await writer.write(writer.bar("SPY", "1"), writer.bar("QQQ", "1"))
    await source.update_subscriptions([("SPY", "1"), ("QQQ", "1")])
    await writer.write(writer.bar("QQQ", "1"))
    assert [(event.symbol, event.seq) for event in await drain(source)] == [("SPY", 1), ("QQQ", 2)]
    await source.update_subscriptions([("QQQ", "1")])
    await writer.write(writer.bar("SPY", "1"), writer.bar("QQQ", "1"))
    assert [(event.symbol, event.seq) for event in await drain(source)] == [("QQQ", 3)]
    assert set(source.cursors) == {keys.bars_stream("QQQ", "1"), keys.ticks_stream("QQQ", "1")}


async def test_events_of_several_symbols_come_in_the_order_of_their_writing(client, writer):
    source = reader(client, ("SPY", "1"), ("QQQ", "1"), ticks=False)
    await source.start()
    for symbol in ("SPY", "QQQ", "QQQ", "SPY", "QQQ"):
        await writer.write(writer.bar(symbol))
        await asyncio.sleep(0.003)
    assert [event.symbol for event in await take(source)] == ["SPY", "QQQ", "QQQ", "SPY", "QQQ"]


async def test_many_streams_are_looked_at_less_often(client, writer):
    source = reader(client, *[("SPY", str(minutes)) for minutes in range(1, 51)], rest_per_stream_s=0.001)
    await source.start()
    await writer.write(writer.partial("SPY"))
    assert len(await take(source)) == 1
    looked = time.monotonic()
    await writer.write(writer.partial("SPY"))
    assert len(await take(source)) == 1
    assert time.monotonic() - looked > 0.05, "a hundred streams: a tenth of a second between two looks"


async def test_a_reader_without_subscriptions_waits(client):
    source = StreamReader(client, book="demo", subscriptions=[])
    await source.start()
    began = time.monotonic()
    assert await source.read(50) == []
    assert time.monotonic() - began >= 0.045


async def test_redis_being_away_is_waited_for(client, writer, redis_url):
    """CLIENT KILL stands for any loss of the connection: the reader connects again and misses nothing."""
    source = reader(client)
    await source.start()
    await writer.write(writer.bar("SPY"))
    assert [event.seq for event in await take(source)] == [1]
    blocked = asyncio.create_task(source.read(5_000))
    await asyncio.sleep(0.02)
    await async_client(redis_url).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert await blocked == []
    assert not source.is_connected
    await writer.write(writer.bar("SPY"))
    assert [event.seq for event in await drain(source)] == [2]
    assert source.is_connected
