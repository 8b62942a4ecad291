import asyncio
from typing import Any

from engine.model.market import Bar
from infra.cancelling import cancel
from marketdata.feeds.past import Past
from marketdata.history import Joined

ONE_FETCH = 4  # a fetch that finds nothing looks further back so often
PAIRS = {(f"SYM{n:02d}", "1") for n in range(12)}


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
