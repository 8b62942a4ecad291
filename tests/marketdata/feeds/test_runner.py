"""A feed's whole loop, from the venue's socket to the streams in a real Redis, with a lease."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from engine.bars.expand import Expander
from engine.model.market import Bar, FeedGap, FeedStateChanged, PartialBar
from engine.model.signals import MoverDetected
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from marketdata.feeds.truth import TruthOptions
from marketdata.history import recent_bars
from marketdata.reader import StreamReader
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from simulators.serve import SimulatorConfig, serve
from tests.marketdata.feeds.conftest import feed_of, until
from tests.waiting import DEADLINE_S

PAIRS = {("SPY", "1s"), ("SPY", "9t"), ("QQQ", "1s")}


class Loop:
    """A runner in the background."""

    def __init__(
        self,
        client: Any,
        venue: Any,
        *,
        owner: str = "a",
        ttl_s: float = 4.0,
        second: Any = None,
        on_alert: Any = lambda changed: None,
        check_tolerance: float = 0.002,
        check_for_s: float = 3.0,
        clock_measured_over_s: float = 60.0,
        **options: Any,
    ) -> None:
        self.stop = False
        self.feed = feed_of(venue, **{"mute_after_s": 10.0, **options})
        truth = TruthOptions(
            sessions="always",
            check_tolerance=check_tolerance,
            check_for_s=check_for_s,
            clock_measured_over_s=clock_measured_over_s,
        )
        lease = Lease(client, kind=LEASE_KIND, name="test", owner=owner, ttl_s=ttl_s)
        self.runner = FeedRunner(
            client,
            self.feed,
            lease=lease,
            should_stop=lambda: self.stop,
            options=truth,
            second=second,
            on_alert=on_alert,
            interval_s=0.1,
            history_bars=50,
        )
        self.task = asyncio.create_task(self.runner.run())

    async def end(self) -> str:
        self.stop = True
        return await asyncio.wait_for(self.task, 60)

    async def kill(self) -> None:
        """As if the process died: nothing more is written, the lease is not given back."""
        self.runner.publisher._may_write = lambda: False
        self.runner._lease.token = None
        await cancel(self.task)


@pytest.fixture
async def start(client, venue):
    made: list[Loop] = []

    async def begin(pairs=frozenset(PAIRS), **options: Any) -> Loop:
        await want(client, pairs)
        made.append(Loop(client, venue, **options))
        return made[-1]

    yield begin
    await asyncio.gather(*(cancel(each.task) for each in made))


async def want(client, pairs) -> None:
    await client.delete(keys.wanted("test"))
    await client.sadd(keys.wanted("test"), *[f"{symbol}|{timeframe}" for symbol, timeframe in pairs])


async def events(client, key: str) -> list[Any]:
    return [codec.decode(fields["e"]) for _, fields in await client.xrange(key)]


async def published(client, symbol: str, timeframe: str) -> list[Bar]:
    """The bars as they were first given out."""
    found = await events(client, keys.bars_stream(symbol, timeframe))
    return [event for event in found if isinstance(event, Bar) and event.quality != "revised"]


async def wait_for_bars(client, symbol: str, timeframe: str, count: int) -> list[Bar]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = await published(client, symbol, timeframe)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)
    pytest.fail(f"{count} bars of {symbol} {timeframe} were expected, found {len(found)}")


def values(bar: Bar) -> tuple[Any, ...]:
    return (bar.ts_open, bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count)


def brute_force(venue, symbol: str, timeframe: str, first: Bar, last: Bar) -> list[tuple[Any, ...]]:
    """The bars between two, made of the prints the venue really sent."""
    maker = Expander(symbol, [timeframe])
    ticks = venue.market.ticks(symbol, start=first.ts - 1, end=last.ts + 5_000_000_000)
    bars = [values(bar) for tick in ticks for bar in maker.on_tick(tick)]
    return [bar for bar in bars if first.ts <= bar[0] and bar[1] <= last.ts]


async def test_published_time_bars_are_those_of_the_prints_the_venue_sent(client, venue, start):
    await start()
    for symbol in ("SPY", "QQQ"):
        bars = [bar for bar in await wait_for_bars(client, symbol, "1s", 6) if bar.is_complete]
        assert [values(bar) for bar in bars[1:]] == brute_force(venue, symbol, "1s", bars[0], bars[-1])


async def test_tick_bars_hold_every_print_once(client, venue, start):
    await start()
    bars = await wait_for_bars(client, "SPY", "9t", 15)
    assert {bar.trade_count for bar in bars} == {9}
    prints = list(venue.market.ticks("SPY", start=bars[0].ts_open - 1, end=bars[-1].ts))
    first = next(
        place for place, tick in enumerate(prints) if tick.price == bars[0].open and tick.ts == bars[0].ts_open
    )
    for number, bar in enumerate(bars):
        part = prints[first + 9 * number : first + 9 * number + 9]
        assert (bar.open, bar.close, bar.volume) == (part[0].price, part[-1].price, sum(tick.size for tick in part))


async def test_a_trader_reads_it_all_in_order_and_the_state_is_fresh(client, venue, start):
    source = StreamReader(client, book="b", subscriptions=sorted(PAIRS))
    await source.start()
    await start()
    got: list[Any] = []

    def states() -> list[str]:
        return [event.state for event in got if isinstance(event, FeedStateChanged) and event.symbol == "SPY"]

    async with asyncio.timeout(60):
        while sum(isinstance(event, Bar) for event in got) < 20 or states()[-1:] != ["fresh"]:
            got += await source.read(1_000)
    for symbol in ("SPY", "QQQ"):
        seqs = [event.seq for event in got if event.symbol == symbol]
        assert seqs == sorted(set(seqs))
    assert any(isinstance(event, PartialBar) for event in got)
    assert not any(isinstance(event, FeedGap) for event in got)
    shown = await client.hgetall(keys.feed_state("SPY"))
    assert (shown["state"], shown["venue_symbol"]) == ("fresh", "SPY")
    assert int(shown["last_tick_ts"]) > 0


async def test_a_bar_is_out_within_a_tenth_of_a_second_after_its_end(client, venue, start):
    """By the times of the streams' entries; three of each symbol, for others may hold this machine up."""
    await start(pairs={("SPY", "1s"), ("QQQ", "1s")})

    async def delays(symbol: str) -> list[float]:
        """In milliseconds, of one bar each."""
        entries = await client.xrange(keys.bars_stream(symbol, "1s"))
        return [int(at.partition("-")[0]) - codec.decode(fields["e"]).ts / 1e6 for at, fields in entries]

    for symbol in ("SPY", "QQQ"):
        async with asyncio.timeout(60):
            while sum(delay < 100 for delay in await delays(symbol)) < 3:
                await asyncio.sleep(0.05)
        assert min(await delays(symbol)) >= 0


async def test_history_stands_before_the_first_bar_without_hole_or_double(client, venue, start):
    await start(pairs={("SPY", "1s")})
    bars = await wait_for_bars(client, "SPY", "1s", 5)
    for _ in range(200):
        known = await recent_bars(client, "SPY", "1s", 200)
        if len(known) > 50 and all(bar.is_complete for bar in known):
            break
        await asyncio.sleep(0.05)
    assert known[0].quality == "vendor"
    assert known[-1].quality == "built"
    assert len({bar.ts for bar in known}) == len(known)
    span = [bar.ts for bar in known if bar.ts >= known[-1].ts - 40_000_000_000]
    holes = [after - before for before, after in pairwise(span) if after - before != 1_000_000_000]
    assert holes == []
    assert bars[0].ts in {bar.ts for bar in known}


async def test_timeframes_come_and_go_while_it_runs(client, venue, start):
    loop = await start(pairs={("SPY", "1s")})
    await wait_for_bars(client, "SPY", "1s", 1)
    await want(client, {("SPY", "1s"), ("SPY", "5t"), ("SPX", "1s")})
    await wait_for_bars(client, "SPY", "5t", 3)
    await wait_for_bars(client, "SPX", "1s", 2)
    assert loop.feed.connects == 1
    await want(client, {("SPX", "1s")})
    await until(lambda: loop.feed.symbols == {"SPX": "SPX"})
    assert loop.runner.publisher.pairs == {("SPX", "1s")}


async def test_what_redis_kept_from_being_taken_up_is_taken_up_in_the_next_round(client, venue, start, monkeypatch):
    loop = await start(pairs={("SPY", "1s")})
    await until(lambda: loop.runner.publisher.pairs == {("SPY", "1s")})
    carry, refusals = loop.runner.publisher.carry, [ConnectionError("away")]

    async def carried(*args: Any, **options: Any) -> None:
        if refusals:
            raise refusals.pop()
        await carry(*args, **options)

    monkeypatch.setattr(loop.runner.publisher, "carry", carried)
    await want(client, {("SPY", "1s"), ("SPX", "1s")})
    await until(lambda: not refusals and ("SPX", "1s") in loop.runner.publisher.pairs)


async def test_a_cut_makes_bars_gapped_and_no_unflagged_one_wrong(client, venue, start):
    loop = await start(pairs={("SPY", "1s"), ("SPY", "9t")})
    await wait_for_bars(client, "SPY", "1s", 2)
    venue.faults.add(FaultScript("cut", for_s=1.3))
    await until(lambda: loop.feed.connects == 2)
    count = len(await published(client, "SPY", "1s"))
    bars = await wait_for_bars(client, "SPY", "1s", count + 4)
    assert [bar for bar in bars if bar.quality == "gapped"]
    right = dict.fromkeys(brute_force(venue, "SPY", "1s", bars[0], bars[-1]))
    good = [bar for bar in bars[1:] if bar.is_complete]
    assert len(good) >= 3
    wrong = [values(bar) for bar in good if bar.ts_open >= bars[0].ts and values(bar) not in right]
    assert (wrong, loop.runner.publisher.late) == ([], 0)
    notes = [
        event for event in await events(client, keys.ticks_stream("SPY", "1s")) if not isinstance(event, PartialBar)
    ]
    assert [note.state for note in notes if isinstance(note, FeedStateChanged)][-1] in ("fresh", "gapped")
    assert [note for note in notes if isinstance(note, FeedGap)]


async def test_only_one_process_runs_a_feed(client, venue, start):
    await start()
    await wait_for_bars(client, "SPY", "1s", 1)
    second = await start(owner="b")
    assert await asyncio.wait_for(second.task, 60) == "held"


async def test_another_takes_over_when_the_first_dies_and_flags_what_was_lost(client, venue, start):
    first = await start(ttl_s=3.0)
    await wait_for_bars(client, "SPY", "1s", 2)
    await first.kill()
    while await client.exists(keys.lease(LEASE_KIND, "test")):
        await asyncio.sleep(0.02)
    await start(owner="b")
    count = len(await published(client, "SPY", "1s"))
    bars = await wait_for_bars(client, "SPY", "1s", count + 3)
    assert [bar.seq for bar in bars] == sorted(bar.seq for bar in bars)
    right = dict.fromkeys(brute_force(venue, "SPY", "1s", bars[0], bars[-1]))
    assert all(values(bar) in right for bar in bars if bar.is_complete and bar.ts_open >= bars[0].ts)
    numbers = [int(fields["n"]) for _, fields in await client.xrange(keys.ticks_stream("SPY", "1s"))]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_asked_to_stop_it_writes_what_it_has_and_frees_the_lease(client, venue, start):
    loop = await start()
    await wait_for_bars(client, "SPY", "1s", 1)
    async with asyncio.timeout(60):
        while not 0 < await client.ttl(keys.feed_state("SPY")) <= 30:  # nobody believes a feed that was killed
            await asyncio.sleep(0.02)
    assert await loop.end() == "asked to stop"
    assert await client.ttl(keys.feed_state("SPY")) == -1
    assert await client.get(keys.lease(LEASE_KIND, "test")) is None
    assert (await client.hgetall(keys.feed_state("SPY")))["state"] == "stale"
    last = (await events(client, keys.ticks_stream("SPY", "1s")))[-2:]  # what had moved until then is written with it
    assert any(isinstance(event, FeedStateChanged) for event in last)


async def test_a_lost_lease_ends_the_loop_at_once(client, venue, start):
    loop = await start(ttl_s=3.0)
    await wait_for_bars(client, "SPY", "1s", 1)
    await client.delete(keys.lease(LEASE_KIND, "test"))
    assert await asyncio.wait_for(loop.task, 60) == "the lease was lost"


async def test_the_heartbeat_tells_of_work_done(client, venue, start):
    await start()
    await wait_for_bars(client, "SPY", "1s", 2)
    async with asyncio.timeout(DEADLINE_S):
        while '"is_connected":true' not in (beat := await client.get(keys.heartbeat("feed:test")) or ""):
            await asyncio.sleep(0.05)
    assert '"symbols":2' in beat


async def test_prints_lost_without_a_word_are_noticed_taken_back_and_repaired(client, venue, start):
    alerts: list[FeedStateChanged] = []
    loop = await start(pairs={("SPY", "1s")}, loss_grace_s=0.4, on_alert=alerts.append)
    await wait_for_bars(client, "SPY", "1s", 2)
    await until(lambda: loop.runner.truth.verdicts["SPY"].state == "fresh")
    venue.faults.add(FaultScript("gap", share=0.4, symbols=("SPY",)))
    await until(lambda: any(alert.state == "gapped" for alert in alerts), what="no gap was noticed")
    venue.faults.clear()
    assert "the venue traded" in next(alert.reason for alert in alerts if alert.state == "gapped")
    assert loop.feed.connects == 1
    await until(lambda: alerts[-1].state == "fresh")
    await until(lambda: loop.runner.past.repaired > 0)
    last: dict[int, Bar] = {}
    async with asyncio.timeout(60):
        while not any(bar.quality == "revised" and bar.source == "vendor:test" for bar in last.values()):
            last |= {bar.ts: bar for bar in await events(client, keys.bars_stream("SPY", "1s")) if isinstance(bar, Bar)}
            await asyncio.sleep(0.05)
    found = sorted(last.values(), key=lambda bar: bar.ts)
    right = dict.fromkeys(brute_force(venue, "SPY", "1s", found[0], found[-1]))
    assert [bar for bar in found[1:] if bar.is_complete and values(bar) not in right] == []


async def test_a_source_that_says_other_prices_makes_a_symbol_suspect(client, venue, start):
    config = SimulatorConfig(
        market=MarketConfig(seed=99, symbols=("SPY",), tick_rate=40.0, always_open=True), feed_port=0
    )
    async with await serve(config) as elsewhere:
        second = feed_of(elsewhere)
        second.name = "second"
        loop = await start(pairs={("SPY", "1s")}, second=second, check_tolerance=1e-6, check_for_s=0.3)
        await until(lambda: "suspect" in loop.runner.truth.verdicts.get("SPY", ("",)))
        assert "second says" in loop.runner.truth.verdicts["SPY"].reason
        assert (await loop.end()) == "asked to stop"


@pytest.mark.parametrize(("ahead_s", "words"), [(30, "our clock is behind"), (-30, "our clock is ahead, or")])
async def test_a_venue_whose_clock_is_far_from_ours_is_told_and_its_data_are_suspect(client, ahead_s, words):
    market = MarketConfig(seed=7, symbols=("SPY",), tick_rate=60.0, always_open=True)
    begins = datetime.now(tz=UTC) + timedelta(seconds=ahead_s)
    config = SimulatorConfig(market=market, feed_port=0, start=begins.isoformat(), poll_s=0.01)
    async with await serve(config) as venue:
        await want(client, {("SPY", "1s")})
        loop = Loop(client, venue, clock_measured_over_s=2.4)
        truth = loop.runner.truth
        await until(lambda: truth.verdicts and truth.verdicts["SPY"].state == "suspect")
        assert words in truth.verdicts["SPY"].reason
        offset = loop.runner.report.status()["clock_offset_ms"]
        assert -ahead_s * 1_000 - 100 <= offset <= -ahead_s * 1_000 + 3_000
        bars = await wait_for_bars(client, "SPY", "1s", 3)  # by the venue's clock, wherever it is
        assert abs(bars[-1].ts - venue.clock.now()) < 4_000_000_000
        await loop.end()


async def test_after_a_roll_the_past_is_the_new_contracts(client, venue, start):
    active = ["SPY"]
    loop = await start(pairs={("/ES", "1s")})
    loop.feed._resolve = lambda symbol: active[0]

    async def closes(like: str) -> list[float]:
        """Of the recent whole bars, once there are enough and none is of another contract."""
        (price, other) = (next(iter(venue.market.ticks(each, start=venue.clock.now() - 10**11, end=venue.clock.now())))
                          .price for each in (like, "QQQ" if like == "SPY" else "SPY"))  # fmt: skip
        async with asyncio.timeout(60):
            while True:
                found = [bar.close for bar in await recent_bars(client, "/ES", "1s", 200) if bar.is_complete]
                if len(found) > 30 and all(abs(close - price) < abs(close - other) for close in found):
                    return found
                await asyncio.sleep(0.1)

    await closes("SPY")
    active[0] = "QQQ"  # found when names are looked up again
    await closes("QQQ")
    notes = [event for event in await events(client, keys.ticks_stream("/ES", "1s")) if isinstance(event, FeedGap)]
    assert [note.reason for note in notes if note.is_roll] == ["/ES rolled from SPY to QQQ"]
    assert loop.feed.connects == 1
    assert loop.runner.report.counts.gaps == 0


async def test_what_moves_is_told_with_the_feed_that_found_it(client, start):
    loop = await start(pairs={("SPY", "1s")})
    mover = MoverDetected(1, "SPY", "fast", 1, 420.5, 0.0123)
    loop.runner.report.movers.found.append(mover)
    await until(lambda: not loop.runner.report.movers.found)
    [(_, fields)] = [entry for entry in await movers_of(client) if codec.decode(entry[1]["e"]) == mover]
    assert fields["feed"] == "test"


async def movers_of(client: Any) -> Any:
    async with asyncio.timeout(60):
        while not (found := await client.xrange(keys.movers())):
            await asyncio.sleep(0.05)
        return found
