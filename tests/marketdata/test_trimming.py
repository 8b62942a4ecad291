"""What is dropped from the streams, what is held back for a reader, and who is told."""

import time

import pytest

from engine.model.event import Event
from engine.model.market import FeedGap, Tick
from engine.model.time import NS_PER_MS
from infra.redis import keys
from marketdata import batch, trimming, unread
from marketdata.publisher import Publisher
from marketdata.reader import StreamReader
from marketdata.trimming import BAR_WINDOW_MS, TICK_WINDOW_MS, Trimmer
from marketdata.unread import READER
from tests.marketdata.test_publisher import START

PAIRS = [("SPY", "1t"), ("SPY", "1")]
BARS, TICKS = keys.bars_stream("SPY", "1t"), keys.ticks_stream("SPY", "1")
LATER = TICK_WINDOW_MS + 1_000
BLOCK = 40  # Redis drops whole blocks: so many of ours at most stay in addition


def now_ms() -> int:
    return time.time_ns() // NS_PER_MS


class Market:
    """A writer, a reader and what trims; each print is a bar of one and a partial bar of a minute."""

    def __init__(self, client, held_bytes: int) -> None:
        self.client = client
        self.writer = Publisher(client, feed="test")
        self.reader = StreamReader(client, book="b", subscriptions=PAIRS, count=10_000)
        self.trimmer = Trimmer(client, held_bytes=held_bytes)
        self._count = 0

    async def start(self) -> "Market":
        await self.writer.carry(PAIRS)
        await self.reader.start()
        await self.client.set(keys.lease(READER, "b"), "x")
        return self

    async def write(self, count: int) -> None:
        for _ in range(count):
            self._count += 1
            self.writer.ingest([Tick(START + self._count * NS_PER_MS, "SPY", 1.0, 1.0)])
            await self.writer.flush()

    async def read(self) -> list[Event]:
        events = await self.reader.read(10)
        await self.reader.ack(self.reader.cursors)
        return events

    async def trim(self, *, later_ms: int = 0) -> tuple[int, int]:
        """How many bars and partial bars are left."""
        await self.trimmer.trim(frozenset(PAIRS), self.writer.counters, now_ms() + later_ms)
        return await self.client.xlen(BARS), await self.client.xlen(TICKS)

    async def close(self) -> None:
        for each in (self.trimmer, self.reader, self.writer):
            await each.close()


@pytest.fixture
async def market(client, request):
    running = await Market(client, getattr(request, "param", 1 << 40)).start()
    yield running
    await running.close()


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Streams are long at fifty bars."""
    for module in (trimming, unread):
        monkeypatch.setattr(module, "BARS_KEPT", 50)


async def pass_the_bars_window(market: Market) -> None:
    """The time in which bars are kept whatever their number is over."""
    for step in range(3):
        await market.trim(later_ms=step * BAR_WINDOW_MS)


async def test_what_everybody_has_read_is_dropped_by_age_and_number(market):
    await market.write(300)
    assert len(await market.read()) == 600
    assert await market.trim() == (300, 300)
    bars, ticks = await market.trim(later_ms=LATER)
    assert bars == 300  # younger than five minutes
    assert ticks <= BLOCK
    await pass_the_bars_window(market)
    assert 50 <= await market.client.xlen(BARS) <= 50 + BLOCK


async def test_what_a_running_reader_has_not_read_is_held_back_until_it_has(market, caplog):
    await market.write(300)
    await pass_the_bars_window(market)
    assert await market.trim(later_ms=LATER) == (300, 300)
    assert "b has not acknowledged 300 entries" in caplog.text
    assert {place.stream for place in market.trimmer.unread.behind} == {BARS, TICKS}
    events = await market.read()
    assert not [event for event in events if isinstance(event, FeedGap)]
    await pass_the_bars_window(market)
    bars, ticks = await market.trim(later_ms=LATER)
    assert bars <= 50 + BLOCK
    assert ticks <= BLOCK
    assert not market.trimmer.unread.behind
    assert market.trimmer.unread.lost == 0


async def test_a_reader_that_starts_again_in_a_quiet_hour_has_missed_nothing(market):
    await market.write(300)
    await market.read()
    await market.trim(later_ms=LATER)
    again = StreamReader(market.client, book="b", subscriptions=PAIRS, cursors=market.reader.cursors)
    await again.start()
    await market.write(1)
    events = await again.read(10)
    await again.close()
    assert events
    assert not [event for event in events if isinstance(event, FeedGap)]


async def test_a_reader_that_does_not_run_holds_nothing_back(market):
    await market.write(300)
    await market.client.delete(keys.lease(READER, "b"))
    await pass_the_bars_window(market)
    bars, ticks = await market.trim(later_ms=LATER)
    assert bars <= 50 + BLOCK
    assert ticks <= BLOCK


@pytest.mark.parametrize("market", [1], indirect=True)
async def test_where_memory_is_short_it_is_dropped_all_the_same_and_everybody_told(market, caplog):
    await market.write(300)
    assert await market.trim() == (300, 300)
    await pass_the_bars_window(market)
    bars, ticks = await market.trim(later_ms=LATER)
    assert bars <= 50 + BLOCK
    assert ticks <= BLOCK
    await market.trim()
    assert "nothing is held back any more" in caplog.text
    assert market.trimmer.unread.lost == 600 - bars - ticks
    assert f"{300 - bars} entries of {BARS} were dropped before b had acknowledged them" in caplog.text
    await market.write(1)
    gaps = [event for event in await market.read() if isinstance(event, FeedGap)]
    assert sum(gap.missed for gap in gaps) == 600 - bars - ticks


async def test_a_stream_has_a_most_whoever_is_behind(market, monkeypatch):
    monkeypatch.setattr(batch, "BARS_MOST", 100)
    await market.write(20)
    await market.trim()
    await market.write(300)
    bars, _ = await market.trim()
    assert 100 <= bars <= 100 + BLOCK
    assert market.trimmer.unread.lost == 320 - bars


async def test_all_streams_come_round_a_tenth_at_a_time(client):
    pairs = [(f"SYM{n:03d}", "1") for n in range(1_000)]
    trimmer, seen = Trimmer(client), []
    original = trimmer.unread.look

    async def spied(streams, *args):
        seen.append(list(streams))
        return await original(streams, *args)

    trimmer.unread.look = spied  # type: ignore[method-assign]
    for _ in range(10):
        await trimmer.trim(frozenset(pairs), {}, now_ms())
    await trimmer.close()
    assert max(len(part) for part in seen) == 25
    assert len({stream for part in seen for stream in part}) == sum(len(part) for part in seen) == 2_000
