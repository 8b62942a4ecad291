"""What a frame brings beside prints reaches the truth gate, whatever ends it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from engine.model.market import FeedGap, Tick
from engine.model.time import NS_PER_S
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.leases import Lease
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import Frame
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from tests.marketdata.feeds.conftest import until


class Scripted:
    """A feed that says what it was told to say, then stays silent."""

    name = "test"
    is_resumable = False
    is_connected = True
    last_error = ""
    position: str | None = None
    speed = 1.0

    def __init__(self, *frames: Frame) -> None:
        self._frames = frames
        self.symbols = {"SPY": "SPY"}

    def resume(self, position: str) -> None:
        """Nothing to resume."""

    def last_received(self, symbol: str) -> int:
        return time.time_ns()

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """SPY, always."""

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        """Never."""

    async def frames(self) -> AsyncIterator[Frame]:
        for frame in self._frames:
            yield frame
        await asyncio.Event().wait()

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Any]:
        return []

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_the_venue_says_of_trading_in_a_symbol_decides_whether_its_data_are_suspect(client):
    now = time.time_ns()
    go_on = asyncio.Event()

    class Halting(Scripted):
        async def frames(self) -> AsyncIterator[Frame]:
            tick = Tick(now, "SPY", 100.0, 1.0, ts_recv=now)
            yield [tick]
            yield [SymbolFacts("SPY", "profile", {"tradingStatus": "HALTED"}, now)]
            await go_on.wait()
            yield [SymbolFacts("SPY", "profile", {"tradingStatus": "ACTIVE"}, now), tick]
            await asyncio.Event().wait()

    await client.sadd(keys.wanted("test"), "SPY|1")
    lease = Lease(client, kind=LEASE_KIND, name="test", owner="a", ttl_s=10.0)
    runner = FeedRunner(client, Halting(), lease=lease, interval_s=0.05)
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: runner.truth.verdicts.get("SPY", ("", ""))[0] == "suspect")
        assert runner.truth.verdicts["SPY"].reason == "the venue says that trading is halted"
        go_on.set()
        await until(lambda: runner.truth.verdicts["SPY"].state == "fresh")
    finally:
        await cancel(task)


@pytest.mark.parametrize(("ahead_s", "state"), [(2, "fresh"), (7, "suspect")])
async def test_clocks_that_are_apart_are_told_and_too_far_apart_the_data_are_suspect(client, ahead_s, state):
    now = time.time_ns()
    ticks = [
        Tick(now + (second + ahead_s) * NS_PER_S, "SPY", 100.0, 1.0, ts_recv=now + second * NS_PER_S)
        for second in range(15)
    ]
    await client.sadd(keys.wanted("test"), "SPY|1")
    lease = Lease(client, kind=LEASE_KIND, name="test", owner="a", ttl_s=10.0)
    runner = FeedRunner(client, Scripted(*([tick] for tick in ticks)), lease=lease, interval_s=0.05)
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: runner.report.counts.clock_apart)
        assert runner.truth.verdicts["SPY"].state == state
    finally:
        await cancel(task)


async def test_a_gap_in_front_of_prints_makes_the_symbol_gapped(client):
    now = time.time_ns()
    ticks = [Tick(now + number, "SPY", 100.0, 1.0, ts_recv=now) for number in range(3)]
    feed = Scripted(ticks, [FeedGap(now, "SPY", "records were skipped"), *ticks])
    await client.sadd(keys.wanted("test"), "SPY|1")
    lease = Lease(client, kind=LEASE_KIND, name="test", owner="a", ttl_s=10.0)
    runner = FeedRunner(client, feed, lease=lease, interval_s=0.05)
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: runner.truth.verdicts.get("SPY", ("", ""))[0] == "gapped")
        assert runner.truth.verdicts["SPY"].reason == "records were skipped"
    finally:
        await cancel(task)
