"""A feed whose line is cut, muted, robbed and garbled at random: no bar that says it is good may be wrong.

A DXLink simulator at ten times the market's speed, the real feed loop, a real Redis. Every fault is drawn from the
seed. Meanwhile all bars are read from their streams; the last word on each is compared with the prints that the venue
made, faults or not.
"""

import asyncio
import json
import random
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from typing import Any

import uvloop

from engine.bars.expand import Expander
from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_MS, NS_PER_S
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import AsyncRedis, aclose_clients, async_client
from infra.redis.leases import Lease
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from marketdata.feeds.truth import TruthOptions
from marketdata.history import recent_bars
from simulators.faults import FaultScript
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve
from tests.chaos.servers import redis_server
from tests.waiting import DEADLINE_S

SPEED = 10.0
SYMBOLS = ("SPY", "QQQ", "IBM")
TIMEFRAMES = ("2s", "15s", "1", "40t")
SECRET = json.dumps({"refresh_token": "r", "client_secret": "c"})
QUIET_S = 5.0  # at the end, so that losses show and most repairs come through
Bars = dict[tuple[str, str, int, int], Bar]


def run(*, runs: int, seed: int) -> dict[str, Any]:
    """`runs` faults; the document of what was found."""
    with redis_server() as url:
        return uvloop.run(_alone(url, runs, seed))


async def _alone(url: str, runs: int, seed: int) -> dict[str, Any]:
    try:
        return await storm(async_client(url), faults=runs, seed=seed)
    finally:
        await aclose_clients()


async def storm(client: AsyncRedis, *, faults: int, seed: int) -> dict[str, Any]:
    """The whole program, with Redis given."""
    config = SimulatorConfig(
        market=MarketConfig(seed=seed, symbols=SYMBOLS, tick_rate=20.0, always_open=True), feed_port=0, speed=SPEED
    )
    async with await serve(config) as venue:
        await client.sadd(keys.wanted("chaos"), *[f"{symbol}|{each}" for symbol in SYMBOLS for each in TIMEFRAMES])
        runner = _runner(client, venue)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(runner.run())]
        reader = _Reader(client)
        tasks.append(asyncio.create_task(reader.run()))
        try:
            await _until(lambda: len(reader.last) > 60)
            caused = await _break(venue, faults, random.Random(seed))
            await asyncio.sleep(QUIET_S)
            await _until(lambda: runner.past.repaired)
        finally:
            await asyncio.gather(*(cancel(task) for task in tasks))
        failures = [repr(error) for task in tasks if not task.cancelled() and (error := task.exception())]
        return {**await _verdict(client, venue, reader, runner, failures), "faults": dict(sorted(caused.items()))}


def _runner(client: AsyncRedis, venue: Simulator) -> FeedRunner:
    options = DXLinkOptions(
        speed=SPEED,
        mute_after_s=0.5,
        answer_timeout_s=0.5,
        reconnect_base_s=0.02,
        reconnect_cap_s=0.1,
        loss_grace_s=0.3,
    )
    feed = DXLinkFeed("chaos", token=TokenSource(venue.rest_url, SECRET).fetch, options=options)
    lease = Lease(client, kind=LEASE_KIND, name="chaos", owner="chaos", ttl_s=10.0)
    truth = TruthOptions(sessions="always")
    return FeedRunner(client, feed, lease=lease, options=truth, interval_s=0.1, history_bars=30)


async def _break(venue: Simulator, faults: int, rng: random.Random) -> Counter[str]:
    """One fault after another, with and without time to recover in between: several may act at once."""
    caused: Counter[str] = Counter()
    for _ in range(faults):
        kind = rng.choice(("cut", "cut", "mute", "mute", "bad_frame", "bad_frame", "gap", "gap", "gap", "one_mute"))
        symbols = tuple(rng.sample(SYMBOLS, rng.randint(1, 2))) if kind in ("one_mute", "gap") else ()
        script = FaultScript(
            kind.removeprefix("one_"), for_s=rng.uniform(0.02, 0.5), symbols=symbols, share=rng.uniform(0.02, 0.6)
        )
        venue.faults.add(script)
        caused[kind] += 1
        await asyncio.sleep(rng.uniform(0.05, rng.choice((0.4, 1.0))))
    return caused


class _Reader:
    """The last word of the streams on every bar."""

    def __init__(self, client: AsyncRedis) -> None:
        self.last: Bars = {}
        self.words = 0
        self._client = client
        self._cursors: dict[Any, Any] = {
            keys.bars_stream(symbol, timeframe): "0-0" for symbol in SYMBOLS for timeframe in TIMEFRAMES
        }

    async def run(self) -> None:
        while True:
            found: Any = await self._client.xread(self._cursors, count=500, block=200)
            for key, entries in found:
                self._cursors[key] = entries[-1][0]
                for _, fields in entries:
                    bar = codec.decode(fields["e"])
                    if isinstance(bar, Bar):
                        self.words += 1
                        self.last[bar.symbol, bar.timeframe, bar.ts_open, bar.ts] = bar


async def _verdict(
    client: AsyncRedis, venue: Simulator, reader: _Reader, runner: FeedRunner, failures: list[str]
) -> dict[str, Any]:
    ends = [ts for *_, ts in reader.last]
    truth = {symbol: Truth(venue, symbol, min(ends) - 60 * NS_PER_S, max(ends)) for symbol in SYMBOLS}
    counts: Counter[str] = Counter()
    for bar in reader.last.values():
        counts["bars"] += 1
        counts[f"quality {bar.quality}"] += 1
        counts["complete"] += bar.is_complete
        if bar.is_complete and not truth[bar.symbol].agrees(bar):
            failures.append(f"wrong and not flagged: {bar}, expected: {truth[bar.symbol].expected(bar)}")
    for symbol in SYMBOLS:
        for timeframe in TIMEFRAMES:
            for bar in await recent_bars(client, symbol, timeframe, 2_000):
                counts["recent"] += 1
                counts["recent incomplete"] += not bar.is_complete
                if bar.ts_open >= min(ends) and bar.is_complete and not truth[symbol].agrees(bar):
                    failures.append(f"wrong in history: {bar}")
    if counts["complete"] < counts["bars"] // 20:
        failures.append("nearly nothing came through: this proved nothing")
    return {
        "passed": not failures,
        "failures": failures[:20],
        "bars": counts["bars"],
        "complete": counts["complete"],
        "qualities": {name[8:]: count for name, count in sorted(counts.items()) if name.startswith("quality ")},
        "recent": counts["recent"],
        "recent_incomplete": counts["recent incomplete"],
        "connects": getattr(runner.feed, "connects", 0),
        "gaps": runner.report.counts.gaps,
        "repaired": runner.past.repaired,
        "late": runner.publisher.late,
    }


class Truth:
    """What a symbol's prints were, faults or not."""

    def __init__(self, venue: Simulator, symbol: str, start: int, end: int) -> None:
        self._ticks = list(venue.market.ticks(symbol, start=start, end=end + 120 * NS_PER_S))
        self._ts = [tick.ts for tick in self._ticks]
        self._bars: dict[tuple[str, int, int], tuple[Any, ...]] = {}
        for timeframe in TIMEFRAMES:
            if parse_timeframe(timeframe).kind is TimeframeKind.TIME:
                for bar in Expander(symbol, [timeframe]).feed(self._ticks):
                    self._bars[timeframe, bar.ts_open, bar.ts] = _values(bar)

    def agrees(self, bar: Bar) -> bool:
        """A time bar must be that of the fault-free run. One of N prints must be N prints in a row: after a gap
        nobody can know where it would have begun."""
        if parse_timeframe(bar.timeframe).kind is TimeframeKind.TIME:
            return self._bars.get((bar.timeframe, bar.ts_open, bar.ts)) == _values(bar)
        size = parse_timeframe(bar.timeframe).size
        # A vendor's bar of prints says when it began to the millisecond only.
        slack = NS_PER_MS if bar.source.startswith("vendor:") else 1
        opened = bar.ts_open - bar.ts_open % slack
        first, after = bisect_left(self._ts, opened), bisect_left(self._ts, opened + slack)
        runs = (self._ticks[start : start + size] for start in range(first, after))
        return any(_values_of(prints) == _values(bar) for prints in runs)

    def expected(self, bar: Bar) -> str:
        """What a bar ought to have been, to be read by people."""
        made = self._bars.get((bar.timeframe, bar.ts_open, bar.ts), "no such bar")
        prints = self._ticks[bisect_left(self._ts, bar.ts_open) : bisect_right(self._ts, bar.ts)]
        return f"{made} of the prints {[(tick.ts, tick.price, tick.size) for tick in prints]}"


def _values(bar: Bar) -> tuple[Any, ...]:
    return (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count)


def _values_of(prints: list[Tick]) -> tuple[Any, ...]:
    prices = [tick.price for tick in prints]
    if not prices:
        return ()
    volume = sum(tick.size for tick in prints)
    return (prices[0], max(prices), min(prices), prices[-1], volume, len(prices))


async def _until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the feed did not get where it should within the time")
        await asyncio.sleep(0.05)
