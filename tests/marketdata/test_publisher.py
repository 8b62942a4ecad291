"""The publisher on a real Redis: what is written, in which order, and what a crash at any point leaves."""

import asyncio
import json
import random
from typing import Any

import msgspec
import pytest
from redis.exceptions import ConnectionError

from engine.bars.expand import Expander
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, FeedStateChanged, PartialBar, Quote, Tick, TickCorrected
from engine.model.time import NS_PER_MS, NS_PER_S
from infra import codec
from infra.redis import keys
from infra.redis.client import AsyncRedis
from marketdata import batch
from marketdata import publisher as module
from marketdata.history import Joined, join_bars, recent_bars
from marketdata.publisher import Publisher
from marketdata.reader import StreamReader

START = 1_763_700_000 * NS_PER_S
PAIRS = [("SPY", "1"), ("SPY", "7t"), ("QQQ", "30s")]


def market(count: int, *, seed: int = 1, symbols: tuple[str, ...] = ("SPY", "QQQ")) -> list[Tick]:
    """A random walk of prints, about three a second."""
    rng = random.Random(seed)
    ts, price, ticks = START, 100.0, []
    for _ in range(count):
        ts += rng.randint(0, 600) * NS_PER_MS
        price = round(price + rng.choice((-0.01, 0.0, 0.01)), 2)
        ticks.append(Tick(ts, rng.choice(symbols), price, float(rng.randint(1, 9)), ts_recv=ts + NS_PER_MS))
    return ticks


def frames(ticks: list[Tick], *, seed: int = 2) -> list[list[Tick]]:
    rng, found, at = random.Random(seed), [], 0
    while at < len(ticks):
        size = rng.randint(1, 9)
        found.append(ticks[at : at + size])
        at += size
    return found


def expected_bars(ticks: list[Tick], symbol: str, timeframe: str) -> list[tuple[Any, ...]]:
    """The same bars, made by an aggregator of their own in one go."""
    alone = Expander(symbol, [timeframe])
    return [_values(bar) for bar in alone.feed([tick for tick in ticks if tick.symbol == symbol])]


def _values(bar: Bar) -> tuple[Any, ...]:
    return (bar.ts_open, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.is_complete)


async def entries(client: Any, key: str) -> list[tuple[Any, int]]:
    return [(codec.decode(fields["e"]), int(fields["n"])) for _, fields in await client.xrange(key)]


async def bars(client: AsyncRedis, symbol: str, timeframe: str) -> list[tuple[Any, ...]]:
    return [_values(event) for event, _ in await entries(client, keys.bars_stream(symbol, timeframe))]


async def publisher(client: AsyncRedis, *, resumes: bool = True, pairs=tuple(PAIRS), **options) -> Publisher:
    made = Publisher(client, feed="test", **options)
    await made.carry(pairs, resumes=resumes)
    return made


async def test_bars_equal_those_of_an_aggregator_of_their_own(client):
    ticks = market(3_000)
    writer = await publisher(client)
    for frame in frames(ticks):
        writer.ingest(frame)
        await writer.flush()
    for symbol, timeframe in PAIRS:
        assert await bars(client, symbol, timeframe) == expected_bars(ticks, symbol, timeframe)
        assert len(expected_bars(ticks, symbol, timeframe)) > 5


async def test_outside_readers_see_the_last_print_of_every_symbol_in_one_stream(client):
    ticks = market(300)
    writer = await publisher(client)
    for frame in frames(ticks):
        writer.ingest(frame)
        await writer.flush()
    entries = await client.xrange(keys.price_ticks())
    seen = [tuple(row) for _, fields in entries for row in json.loads(fields.get("e") or fields[b"e"])]
    assert len(entries) == len(frames(ticks))
    assert set(seen) <= {(tick.symbol, tick.price, tick.size, tick.ts) for tick in ticks}
    last = {tick.symbol: (tick.symbol, tick.price, tick.size, tick.ts) for tick in ticks}
    assert set(last.values()) <= set(seen)


async def test_entries_are_readable_and_counted_without_a_hole(client):
    writer = await publisher(client)
    for frame in frames(market(600)):
        writer.ingest(frame)
        await writer.flush()
    for make in (keys.bars_stream, keys.ticks_stream):
        found = await entries(client, make("SPY", "1"))
        assert [n for _, n in found] == list(range(1, len(found) + 1))
    (_, fields), *_ = await client.xrevrange(keys.bars_stream("SPY", "1"), count=1)
    assert '"event":"Bar"' in fields["e"]
    assert '"symbol":"SPY"' in fields["e"]


async def test_a_reader_gets_everything_of_a_symbol_in_seq_order(client):
    source = StreamReader(client, book="b", subscriptions=PAIRS, min_interval_s=0.0, count=16)
    await source.start()
    writer = await publisher(client)
    got: list[Event] = []
    for frame in frames(market(600)):
        writer.ingest(frame)
        await writer.flush()
        got += await source.read(100)
    while batch := await source.read(50):
        got += batch
    for symbol in ("SPY", "QQQ"):
        seqs = [event.seq for event in got if isinstance(event, Bar | PartialBar) and event.symbol == symbol]
        assert seqs == list(range(1, len(seqs) + 1))
    assert not any(isinstance(event, FeedGap) for event in got)


async def test_ticks_of_one_flush_become_one_partial_that_keeps_the_extremes(client):
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest([Tick(START + 1, "SPY", price, 1.0) for price in (100.0, 107.0, 93.0, 101.0)])
    await writer.flush()
    ((partial, _),) = await entries(client, keys.ticks_stream("SPY", "1"))
    assert (partial.high_since, partial.low_since, partial.close) == (107.0, 93.0, 101.0)
    writer.ingest([Tick(START + 2, "SPY", 102.0, 1.0)])
    await writer.flush()
    *_, (partial, _) = await entries(client, keys.ticks_stream("SPY", "1"))
    assert (partial.high_since, partial.low_since, partial.high) == (102.0, 102.0, 107.0)


async def test_restarting_anywhere_gives_identical_bars(client):
    """The process ends after a flush or before it; its successor continues from the position stored with it."""
    ticks = market(2_000)
    rng = random.Random(5)
    at = 0
    writer = await publisher(client)
    while at < len(ticks):
        step = rng.randint(1, 9)
        writer.ingest(ticks[at : at + step])
        at += step
        writer.position = str(at)
        if rng.random() < 0.8:
            await writer.flush()
        if rng.random() < 0.1:
            await writer.close()
            writer = await publisher(client)
            at = int(await writer.resume_position() or 0)
    await writer.flush()
    for symbol, timeframe in PAIRS:
        assert await bars(client, symbol, timeframe) == expected_bars(ticks, symbol, timeframe)


@pytest.mark.parametrize("ahead", [False, True], ids=["one", "one ahead"])
async def test_a_write_whose_answer_was_lost_is_not_written_twice(client, monkeypatch, ahead):
    ticks = market(1_500)
    writer = await publisher(client)
    rng = random.Random(6)
    send = writer._wire.transact

    async def unlucky(requests):
        fate = rng.random()
        if fate < 0.2:
            raise ConnectionError("cut before it was sent")
        replies = await send(requests)
        if fate < 0.4:
            raise ConnectionError("cut before the answer came")
        return replies

    monkeypatch.setattr(writer._wire, "transact", unlucky)
    failures = 0
    for frame in frames(ticks):
        writer.ingest(frame)
        if ahead:
            await writer.prepare()
        try:
            await (writer.send() if ahead and rng.random() < 0.7 else writer.flush())
        except ConnectionError:
            failures += 1
    monkeypatch.undo()
    await writer.flush()
    assert failures > 20
    for symbol, timeframe in PAIRS:
        assert await bars(client, symbol, timeframe) == expected_bars(ticks, symbol, timeframe)
        for make in (keys.bars_stream, keys.ticks_stream):
            found = await entries(client, make(symbol, timeframe))
            assert [n for _, n in found] == list(range(1, len(found) + 1))


async def test_while_redis_is_away_bars_wait_and_ticks_coalesce(client, monkeypatch):
    ticks = market(2_000, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "7t")])

    async def away(requests):
        raise ConnectionError("refused")

    monkeypatch.setattr(writer._wire, "transact", away)
    for frame in frames(ticks):
        writer.ingest(frame)
        with pytest.raises(ConnectionError):
            await writer.flush()
    monkeypatch.undo()
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")
    assert len(await entries(client, keys.ticks_stream("SPY", "7t"))) <= 2


async def test_the_next_write_is_made_while_one_is_under_way_and_leaves_behind_it(client, monkeypatch):
    ticks = market(60, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "7t")])
    transact, arrived, answer = writer._wire.transact, asyncio.Event(), asyncio.Event()

    async def slow(requests):
        arrived.set()
        await answer.wait()
        return await transact(requests)

    monkeypatch.setattr(writer._wire, "transact", slow)
    writer.ingest(ticks[:20])
    assert await writer.prepare(since=1.0)
    first = asyncio.create_task(writer.send())
    await arrived.wait()
    writer.ingest(ticks[20:40])
    assert await writer.prepare(since=2.0)
    writer.ingest(ticks[40:])
    assert not await writer.prepare(since=3.0), "more than one ahead: ticks coalesce"
    answer.set()
    await first
    second = await writer.send()
    assert second is not None
    assert second.since == 2.0
    await writer.flush()
    assert not writer.has_work
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")
    assert [n for _, n in await entries(client, keys.ticks_stream("SPY", "7t"))] == [1, 2, 3]


async def test_what_is_carried_changes_only_when_everything_made_before_is_written(client):
    ticks = market(40, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "7t")])
    writer.ingest(ticks[:20])
    await writer.prepare()
    await writer.carry([("QQQ", "30s")])
    await writer.carry([("SPY", "7t")], resumes=True)
    writer.ingest(ticks[20:])
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")


async def test_a_symbol_is_taken_up_with_all_that_belongs_to_it_or_not_at_all(client, monkeypatch):
    ticks = market(200)
    writer = await publisher(client)
    writer.ingest(ticks[:100])
    await writer.flush()
    writer = Publisher(client, feed="test")
    send, calls = writer._wire.send, 0

    async def away_after_a_while(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise ConnectionError("cut")
        return await send(*args, **kwargs)

    monkeypatch.setattr(writer._wire, "send", away_after_a_while)
    with pytest.raises(ConnectionError):
        await writer.carry(PAIRS)
    assert writer.pairs == set()
    await writer.carry(PAIRS)
    assert writer.pairs == set(PAIRS)
    writer.ingest(ticks[103:])
    await writer.flush()
    for symbol, timeframe in PAIRS:
        found = [event for event, _ in await entries(client, keys.bars_stream(symbol, timeframe))]
        assert [bar.quality for bar in found if bar.ts_open <= ticks[101].ts < bar.ts] == ["gapped"]


async def test_without_the_lease_nothing_leaves_and_nothing_is_lost(client):
    ticks, is_ours = market(40, symbols=("SPY",)), True
    writer = await publisher(client, pairs=[("SPY", "7t")], may_write=lambda: is_ours)
    writer.ingest(ticks[:20])
    await writer.prepare()
    is_ours = False
    assert await writer.send() is None
    assert await writer.flush() == 0
    assert await bars(client, "SPY", "7t") == []
    is_ours = True
    writer.ingest(ticks[20:])
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")


async def test_what_is_given_up_for_memory_shows_as_a_gap(client, monkeypatch):
    monkeypatch.setattr(module, "MAX_PENDING", 50)
    source = StreamReader(client, book="b", subscriptions=[("SPY", "1t")], ticks=False)
    await source.start()
    writer = await publisher(client, pairs=[("SPY", "1t")])
    for tick in market(60, symbols=("SPY",)):
        writer.ingest([tick])
    await writer.flush()
    gap, *rest = await source.read(500)
    assert isinstance(gap, FeedGap)
    assert gap.missed == writer.dropped == 25
    assert len(rest) == 35


async def test_without_the_lease_nothing_is_written(client):
    allowed = [True]
    writer = await publisher(client, may_write=lambda: allowed[0])
    allowed[0] = False
    writer.ingest(market(500))
    assert await writer.flush() == 0
    assert await client.keys("*_stream*") == []


async def test_a_restart_that_lost_prints_flags_the_bar_it_happened_in(client):
    ticks = market(400, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest(ticks[:200])
    await writer.flush()
    writer = await publisher(client, pairs=[("SPY", "1")], resumes=False)
    writer.ingest(ticks[203:])
    await writer.flush()
    found = [event for event, _ in await entries(client, keys.bars_stream("SPY", "1"))]
    hit = [bar for bar in found if bar.ts_open <= ticks[201].ts < bar.ts]
    assert [(bar.quality, bar.is_complete) for bar in hit] == [("gapped", False)]
    notes = [event for event, _ in await entries(client, keys.ticks_stream("SPY", "1")) if isinstance(event, FeedGap)]
    assert [note.reason for note in notes] == ["feed test was restarted"]
    right = dict.fromkeys(expected_bars(ticks, "SPY", "1"))
    assert all(_values(bar) in right for bar in found if bar.quality != "gapped")


async def test_adding_and_removing_a_timeframe_leaves_the_others_alone(client):
    ticks = market(1_000, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "7t")])
    for number, tick in enumerate(ticks):
        if number == 300:
            await writer.carry([("SPY", "7t"), ("SPY", "1")])
        if number == 700:
            await writer.carry([("SPY", "7t")])
        writer.ingest([tick])
    await writer.flush()
    assert await bars(client, "SPY", "7t") == expected_bars(ticks, "SPY", "7t")
    assert writer.pairs == {("SPY", "7t")}


async def test_a_quiet_bar_ends_when_the_clock_says_so(client):
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest([Tick(START, "SPY", 100.0, 1.0)])
    await writer.flush()
    end = (START // (60 * NS_PER_S) + 1) * 60 * NS_PER_S
    writer.advance(end - 1)
    await writer.flush()
    assert await bars(client, "SPY", "1") == []
    writer.advance(end, ts_recv=end + 5)
    await writer.flush()
    ((bar, _),) = await entries(client, keys.bars_stream("SPY", "1"))
    assert (bar.ts, bar.ts_recv) == (end, end + 5)


async def test_the_clock_is_no_proof_that_prints_were_received(client):
    """After a gap time goes on before the line does: the bar in which prints come again is not complete."""
    second = NS_PER_S
    writer = await publisher(client, pairs=[("SPY", "1s")])
    writer.ingest([Tick(START, "SPY", 100.0, 1.0)])
    await writer.flush()
    writer.ingest([FeedGap(START, "SPY", "cut")])
    for half in range(1, 21):
        writer.advance(START + half * second // 2)
        await writer.flush()
    for tenth in range(105, 140):
        writer.ingest([Tick(START + tenth * second // 10, "SPY", 100.0, 1.0)])
        await writer.flush()
    found = [event for event, _ in await entries(client, keys.bars_stream("SPY", "1s"))]
    assert [((bar.ts_open - START) // second, bar.is_complete) for bar in found] == [
        (0, False), (10, False), (11, True), (12, True)
    ]  # fmt: skip


async def test_a_print_taken_back_gives_its_bar_once_more_as_revised(client):
    ticks = market(400, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest(ticks)
    await writer.flush()
    given = [event for event, _ in await entries(client, keys.bars_stream("SPY", "1")) if isinstance(event, Bar)]
    bar = given[-1]
    edges = (bar.open, bar.high, bar.low, bar.close)
    inside = next(tick for tick in ticks if bar.ts_open <= tick.ts < bar.ts and tick.price not in edges)
    writer.ingest([TickCorrected(ticks[-1].ts, "SPY", inside)])
    await writer.flush()
    revised = (await entries(client, keys.bars_stream("SPY", "1")))[-1][0]
    assert (revised.ts, revised.quality, revised.trade_count) == (bar.ts, "revised", bar.trade_count - 1)
    assert revised.volume == bar.volume - inside.size
    assert revised.seq > bar.seq


async def test_a_note_stands_in_every_stream_of_the_symbol_under_one_seq(client):
    writer = await publisher(client, pairs=[("SPY", "1"), ("SPY", "5")])
    writer.ingest([FeedStateChanged(START, "SPY", "stale", "no tick"), Tick(START, "SPY", 1.0, 1.0)])
    await writer.flush()
    first = (await entries(client, keys.ticks_stream("SPY", "1")))[0][0]
    assert first == (await entries(client, keys.ticks_stream("SPY", "5")))[0][0]
    assert (first.state, first.seq) == ("stale", 1)


async def test_closed_bars_are_kept_as_history_and_bounded(client, monkeypatch):
    monkeypatch.setattr(batch, "MAX_BARS", 20)
    monkeypatch.setattr(batch, "BARS_MOST", 10)
    writer = await publisher(client, pairs=[("SPY", "1t")])
    for frame in frames(market(100, symbols=("SPY",))):
        writer.ingest(frame)
        await writer.flush()
    assert len(await recent_bars(client, "SPY", "1t", 100)) == 20
    assert 10 <= await client.xlen(keys.bars_stream("SPY", "1t")) < 30  # Redis drops whole blocks


async def test_last_prices_are_shown(client):
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest(
        [Tick(START, "SPY", 100.5, 3.0), Quote(START + 1, "SPY", 100.4, 100.6), Quote(START, "IBM", 1.0, 2.0)]
    )
    await writer.flush()
    shown = await client.hgetall(keys.quote("SPY"))
    assert (shown["last"], shown["bid"], shown["ask"]) == ("100.5", "100.4", "100.6")
    assert not await client.exists(keys.quote("IBM"))


async def test_a_revision_takes_the_place_of_its_bar_in_the_recent_ones(client):
    ticks = market(400, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "1"), ("SPY", "7t")])
    writer.ingest(ticks)
    await writer.flush()
    before = {timeframe: await recent_bars(client, "SPY", timeframe, 500) for timeframe in ("1", "7t")}
    since = ticks[-20].ts
    writer.ingest([FeedGap(ticks[-1].ts, "SPY", "3 prints are missing", since=since)])
    await writer.flush()
    for timeframe, known in before.items():
        after = await recent_bars(client, "SPY", timeframe, 500)
        assert len(after) == len(known)
        for old, new in zip(known, after, strict=True):
            assert (new.ts_open, new.ts, new.close) == (old.ts_open, old.ts, old.close)
            assert new.quality == ("gapped" if new.ts > since else "built")
            assert new.is_complete == (old.is_complete and new.ts <= since)


async def test_what_history_repairs_is_given_out_as_a_revision_and_readers_warm_up_again(client):
    ticks = market(2_000, symbols=("SPY",))
    writer = await publisher(client, pairs=[("SPY", "1")])
    writer.ingest(ticks[:1_000])
    writer.ingest([FeedGap(ticks[999].ts, "SPY", "cut"), *ticks[1_020:]])
    await writer.flush()
    vendor = [
        msgspec.structs.replace(bar, source="vendor:test", quality="vendor", is_complete=True, seq=0, ts_recv=0)
        for bar in Expander("SPY", ["1"]).feed(ticks)
    ]
    joined = await join_bars(client, "SPY", "1", vendor)
    assert joined.mends_gap
    writer.repaired(joined.repairs, mends_gap=True)
    await writer.flush()
    known = await recent_bars(client, "SPY", "1", 500)
    assert [_values(bar) for bar in known] == [_values(bar) for bar in vendor]
    assert {bar.quality for bar in known} >= {"built", "revised"}
    revised = [event for event, _ in await entries(client, keys.bars_stream("SPY", "1"))][-1]
    assert (revised.quality, revised.is_complete, revised.source) == ("revised", True, "vendor:test")
    notes = [event for event, _ in await entries(client, keys.ticks_stream("SPY", "1")) if isinstance(event, FeedGap)]
    assert "repaired from history" in notes[-1].reason
    assert notes[-1].seq > revised.seq
    assert await join_bars(client, "SPY", "1", vendor) == Joined()
