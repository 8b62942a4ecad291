"""From the gateway to the streams in a real Redis: what the line did to the bars, against the prints themselves."""

import asyncio
import time
from typing import Any

import pytest

from engine.bars.expand import Expander
from engine.model.market import Bar, FeedGap
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from tests.marketdata.feeds.conftest import until
from tests.marketdata.feeds.databento.conftest import feed_of

ES, NQ = "/ESH28", "/NQH28"
PAIRS = ((ES, "1s"), (ES, "25t"), (NQ, "1s"))


@pytest.fixture
async def runner(client, venue):
    feed = feed_of(venue.simulator, mute_after_s=1.2, answer_timeout_s=1.0)
    await client.sadd(keys.wanted("test"), *[f"{symbol}|{timeframe}" for symbol, timeframe in PAIRS])
    lease = Lease(client, kind=LEASE_KIND, name="test", owner="a", ttl_s=10.0)
    made = FeedRunner(client, feed, lease=lease, interval_s=0.1, history_bars=5)
    task = asyncio.create_task(made.run())
    yield made
    await cancel(task)


async def published(client: Any, symbol: str, timeframe: str) -> list[Bar]:
    found = [codec.decode(fields["e"]) for _, fields in await client.xrange(keys.bars_stream(symbol, timeframe))]
    return [event for event in found if isinstance(event, Bar)]


async def bars_until(client: Any, moment: int) -> list[Bar]:
    deadline = time.monotonic() + 60
    while True:
        bars = await published(client, ES, "1s")
        if bars and bars[-1].ts > moment:
            return bars
        assert time.monotonic() < deadline, "no bars in time"
        await asyncio.sleep(0.05)


def values(bar: Bar) -> tuple[Any, ...]:
    return (bar.ts_open, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count)


def right(venue: Any, symbol: str, bars: list[Bar]) -> list[tuple[Any, ...]]:
    """What an aggregator of its own makes of the prints in the time of `bars`."""
    maker = Expander(symbol, ["1s"])
    made = [
        bar
        for tick in venue.ticks(symbol, start=bars[0].ts_open - 1, end=bars[-1].ts + 10**10)
        for bar in maker.on_tick(tick)
    ]
    return [values(bar) for bar in made if bars[0].ts_open <= bar.ts_open and bar.ts <= bars[-1].ts]


def since(bars: list[Bar], moment: int) -> list[Bar]:
    """From the one that was forming at `moment`."""
    return [bar for bar in bars if bar.ts > moment]


@pytest.mark.parametrize("fault", ["cut", "mute"])
async def test_no_bar_is_gapped_and_none_is_wrong_after_a_short_absence(client, venue, runner, fault):
    await bars_until(client, venue.now() + 2 * 10**9)
    begun, connects = venue.now(), runner.feed.connects
    venue.fail(fault)
    await until(lambda: not runner.feed.is_connected and venue.now() > begun + 1.6 * 10**9)
    venue.heal()
    await until(lambda: runner.feed.connects > connects)
    await bars_until(client, venue.now() + 2 * 10**9)
    for symbol in (ES, NQ):
        bars = since(await published(client, symbol, "1s"), begun)
        assert [bar for bar in bars if not bar.is_complete or bar.quality != "built"] == []
        assert [values(bar) for bar in bars] == right(venue, symbol, bars)
    assert {bar.trade_count for bar in await published(client, ES, "25t")} == {25}
    notes = [codec.decode(fields["e"]) for _, fields in await client.xrange(keys.ticks_stream(ES, "1s"))]
    assert not [note for note in notes if isinstance(note, FeedGap) and note.ts > begun]
    assert runner.publisher.late == 0


async def test_where_the_stream_breaks_again_and_again_no_bar_that_is_not_flagged_is_wrong(client, venue, runner):
    await bars_until(client, venue.now() + 2 * 10**9)
    begun = venue.now()
    venue.fail("bad_frame", share=0.3)
    await until(lambda: runner.feed.connects >= 4)
    venue.heal()
    await bars_until(client, venue.now() + 3 * 10**9)
    for symbol in (ES, NQ):
        bars = since(await published(client, symbol, "1s"), begun)
        true = right(venue, symbol, bars)
        assert [values(bar) for bar in bars if bar.is_complete and values(bar) not in true] == []
        assert len([bar for bar in bars if bar.is_complete]) >= 3
