"""Alpaca's prints as bars in a real Redis: corrections revise the bar they concern, the venue's minutes pass."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.bars.expand import Expander
from engine.model.market import Bar, PartialBar, Tick
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from simulators import tape
from simulators.alpaca import wire
from tests.marketdata.feeds.alpaca.test_feed import feed_of, simulator


@asynccontextmanager
async def running(redis: Any, feed: Any, *pairs: str) -> AsyncIterator[FeedRunner]:
    await redis.sadd(keys.wanted("alpaca"), *pairs)
    lease = Lease(redis, kind=LEASE_KIND, name="alpaca", owner="a", ttl_s=4.0)
    runner = FeedRunner(redis, feed, lease=lease, interval_s=0.1, history_bars=5)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        await cancel(task)


async def bars(redis: Any, timeframe: str) -> list[Bar]:
    found = [codec.decode(fields["e"]) for _, fields in await redis.xrange(keys.bars_stream("SPY", timeframe))]
    return [event for event in found if isinstance(event, Bar)]


async def until(find: Callable[[], Any]) -> Any:
    async with asyncio.timeout(60):
        while not (found := await find()):
            await asyncio.sleep(0.02)
    return found


async def test_a_print_that_the_tape_corrects_revises_its_bar(client):
    async with simulator() as venue, running(client, feed_of(venue), "SPY|2s"):

        async def whole() -> Bar | None:
            made = [bar for bar in await bars(client, "2s") if bar.is_complete and bar.quality == "built"]
            return made[-1] if made else None

        bar = await until(whole)
        market = venue.market.find("SPY")
        inside = [
            each for each in prints_of(market, bar) if each.price not in (bar.open, bar.high, bar.low, bar.close)
        ] or prints_of(market, bar)[1:-1]
        venue.correct("SPY", inside[0], price=inside[0].price, size=inside[0].size + 1_000)

        async def revised() -> Bar | None:
            made = [each for each in await bars(client, "2s") if each.ts == bar.ts and each.seq > bar.seq]
            return made[-1] if made else None

        again = await until(revised)
        assert again.volume == bar.volume + 1_000
        assert again.trade_count == bar.trade_count
        assert again.quality in ("revised", "gapped")


def prints_of(market: Any, bar: Bar) -> list[Any]:
    return list(tape.prints(market, start=bar.ts_open - 1, end=bar.ts - 1))


async def test_the_venues_minutes_are_published_as_the_vendors_and_once(client):
    options = {"prints": "minute_bars", "speed": 120.0}
    async with simulator(speed=120.0) as venue, running(client, feed_of(venue, **options), "SPY|1"):

        async def some() -> list[Bar]:
            made = [bar for bar in await bars(client, "1") if bar.ts_recv]
            return made if len(made) >= 4 else []

        made = await until(some)
        assert {bar.quality for bar in made} == {"vendor"}
        assert len({bar.ts for bar in made}) == len(made)
        for bar in made:
            ticks = list(venue.market.ticks("SPY", start=bar.ts_open - 1, end=bar.ts - 1))
            assert (bar.open, bar.close, bar.trade_count) == (ticks[0].price, ticks[-1].price, len(ticks))


async def test_coarser_bars_are_put_together_of_the_venues_minutes(client):
    options = {"prints": "minute_bars", "speed": 240.0}
    async with simulator(speed=240.0) as venue, running(client, feed_of(venue, **options), "SPY|1", "SPY|5"):

        async def some() -> list[Bar]:
            made = [bar for bar in await bars(client, "5") if bar.quality == "built"]
            return made if len(made) >= 3 else []

        ended = [bar.ts for bar in await until(some)]
    minutes = {bar.ts: bar for bar in await bars(client, "1") if bar.ts_recv}
    fives = {bar.ts: bar for bar in await bars(client, "5")}  # a minute that came late has revised the first one given
    forming = await client.xrange(keys.ticks_stream("SPY", "5"))
    for five in (fives[ts] for ts in ended[1:]):
        assert five.is_complete
        inside = [minute for minute in minutes.values() if five.ts_open <= minute.ts_open < five.ts]
        assert five.volume == sum(minute.volume for minute in inside)
        assert (five.open, five.close) == (inside[0].open, inside[-1].close)
        assert (five.high, five.low) == (max(each.high for each in inside), min(each.low for each in inside))
    shown = [codec.decode(fields["e"]) for _, fields in forming]
    assert [event for event in shown if isinstance(event, PartialBar) and event.close]


@pytest.mark.parametrize(("priced", "excluded"), [("tape", 1), ("all", 0)])
async def test_prints_that_the_tape_leaves_out_make_volume_and_no_price(client, monkeypatch, priced, excluded):
    """Odd lots, which the simulated tape marks from here on."""
    monkeypatch.setattr(wire, "ROUND_LOT", 40)
    async with simulator() as venue, running(client, feed_of(venue, priced=priced), "SPY|1s"):

        async def some() -> list[Bar]:
            made = [bar for bar in await bars(client, "1s") if bar.is_complete and bar.quality == "built"]
            return made if len(made) >= 3 else []

        made = await until(some)
        market = venue.market.find("SPY")
    assert market is not None
    sent = tape.prints(market, start=made[0].ts_open - 1, end=made[-1].ts + 10**9)
    ticks = [Tick(each.ts, "SPY", each.price, each.size, conditions=int(each.size < 40)) for each in sent]
    right = {bar.ts: bar for bar in Expander("SPY", ["1s"], exclude=excluded).feed(ticks)}
    plain = {bar.ts: bar for bar in Expander("SPY", ["1s"]).feed(ticks)}
    for bar in made:
        true = right[bar.ts]
        assert (bar.open, bar.high, bar.low, bar.close) == (true.open, true.high, true.low, true.close)
        assert (bar.volume, bar.trade_count) == (true.volume, true.trade_count)
    assert (right == plain) is (not excluded)  # and so the odd lots did matter
