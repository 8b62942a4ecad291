import asyncio
from typing import Any

import pytest

from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from infra.cancelling import cancel
from marketdata.feeds.errors import FeedUnavailable
from marketdata.feeds.past import Past
from marketdata.history import Joined

ONE_FETCH = 4  # a fetch that finds nothing looks further back so often
PAIRS = {(f"SYM{n:02d}", "1") for n in range(12)}


@pytest.fixture(autouse=True)
def nothing_revised(monkeypatch):
    """Whoever has no Redis has no bars in it that were made again."""

    async def none(*_: Any) -> int:
        return 0

    monkeypatch.setattr("marketdata.feeds.past.take_over", none)


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
    deadline = asyncio.get_running_loop().time() + 20
    while past.is_behind or all(feed.asked.count(symbol) <= ONE_FETCH for symbol, _ in PAIRS):
        assert not running.done(), running.exception()
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)
    await asyncio.wait({running}, timeout=0.5)  # the queue's next rounds
    assert not running.done(), running.exception()
    await cancel(running)
