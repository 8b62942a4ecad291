import asyncio
from typing import Any

import pytest

from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from infra import codec
from infra.cancelling import cancel
from infra.redis import keys
from marketdata.feeds.errors import FeedUnavailable
from marketdata.feeds.past import Past
from marketdata.history import Joined, recent_bars, score

ONE_FETCH = 4  # a fetch that finds nothing looks further back so often
PAIRS = {(f"SYM{n:02d}", "1") for n in range(12)}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing was made again (who has no Redis has no such bars in it), and a venue's bars settle at once."""

    async def none(*_: Any) -> int:
        return 0

    monkeypatch.setattr("marketdata.feeds.past.take_over", none)
    monkeypatch.setattr("marketdata.feeds.past._SETTLE_S", 0.1)


class SlowFeed:
    """A connected feed whose history takes until it is let go."""

    name = "test"
    is_connected = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        self.asked.append(symbol)
        await self.go.wait()
        return []


async def test_history_is_looked_for_no_further_back_than_people_chose(monkeypatch):
    spans: list[tuple[str, float]] = []

    class EmptyFeed(SlowFeed):
        async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
            spans.append((timeframe, (end - start) / NS_PER_DAY))
            return []

    async def joined(*_: Any) -> Joined:
        return Joined()

    monkeypatch.setattr("marketdata.feeds.past.join_bars", joined)
    days = {"1d": 600, "1": 2}
    past = Past(None, EmptyFeed(), bars=500, now=lambda: 10**18, days_of=days.get)  # type: ignore[arg-type]
    past.carry({("SPY", "1d"), ("SPY", "1"), ("SPY", "5")})
    running = asyncio.create_task(past.run())
    while past.fetched < 3:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    await cancel(running)
    reached = {timeframe: [span for name, span in spans if name == timeframe] for timeframe in ("1d", "1", "5")}
    assert reached["1d"] == [600.0]  # a thousand would be the first look
    assert reached["1"] == [pytest.approx(1_000 / 1_440), 2.0]
    assert len(reached["5"]) == ONE_FETCH


async def test_what_nobody_wants_any_more_is_not_asked_for_again():
    class Broken(SlowFeed):
        async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
            self.asked.append(symbol)
            await self.go.wait()
            raise FeedUnavailable("no answer")

    feed = Broken()
    past = Past(None, feed, bars=50, now=lambda: 10**18)  # type: ignore[arg-type]
    past.carry({("SPY", "1"), ("QQQ", "1")})
    running = asyncio.create_task(past.run())
    while len(feed.asked) < 2:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    past.carry({("QQQ", "1")})
    feed.go.set()
    while not past.is_behind:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    await cancel(running)
    assert past._due.keys() == {("QQQ", "1")}


async def test_a_pair_that_is_wanted_again_while_it_waits_for_its_turn_is_fetched_again(monkeypatch):
    async def joined(*_: Any) -> Joined:
        return Joined()

    monkeypatch.setattr("marketdata.feeds.past.join_bars", joined)
    feed = SlowFeed()
    past = Past(None, feed, bars=50, now=lambda: 10**18)  # type: ignore[arg-type]
    past.carry(PAIRS)
    running = asyncio.create_task(past.run())
    while len(feed.asked) < 2:
        await asyncio.sleep(0.01)
    for symbol, _ in PAIRS:
        past.mend(symbol)  # all of them again, those that wait for a place too
    feed.go.set()
    deadline = asyncio.get_running_loop().time() + 60
    while past.is_behind or all(feed.asked.count(symbol) <= ONE_FETCH for symbol, _ in PAIRS):
        assert not running.done(), running.exception()
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
    await asyncio.wait({running}, timeout=0.5)  # the queue's next rounds
    assert not running.done(), running.exception()
    await cancel(running)


async def test_bars_that_passed_for_whole_while_prints_were_lost_are_doubted_and_then_repaired(client):
    ours = [_minute(at) for at in range(20)]
    await client.zadd(keys.bars("SPY", "1"), {codec.encode(bar): score(bar) for bar in ours})

    class Vendor(SlowFeed):
        async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
            self.asked.append(symbol)
            return [_minute(at, volume=9.0, quality="vendor") for at in range(10, 20)] if start <= ours[10].ts else []

    told: list[Joined] = []
    past = Past(client, Vendor(), bars=50, now=lambda: ours[-1].ts, on_repair=told.append)  # type: ignore[arg-type]
    past.carry({("SPY", "1")})
    past._due.clear()
    past.mend("SPY", since=ours[9].ts)
    running = asyncio.create_task(past.run())
    while past.repaired < 7:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.01)
    await cancel(running)
    doubted, repaired = told[0].repairs, told[1].repairs
    assert [bar.ts for bar in doubted] == [bar.ts for bar in repaired] == [bar.ts for bar in ours[10:17]]
    assert {(bar.quality, bar.is_complete) for bar in doubted} == {("gapped", False)}
    assert told[1].mends_gap
    recent = await recent_bars(client, "SPY", "1", 50)
    assert [bar.volume for bar in recent] == [1.0] * 10 + [9.0] * 7 + [1.0] * 3  # the builder still has the last ones


def _minute(at: int, *, volume: float = 1.0, quality: str = "built") -> Bar:
    opened = 1_763_735_400 * NS_PER_S + at * NS_PER_MINUTE
    return Bar(
        opened + NS_PER_MINUTE, "SPY", "1", opened, 1.0, 1.0, 1.0, 1.0, volume, quality=quality, source="test"
    )  # fmt: skip
