"""A vendor that answers at once, and a simulated one on real sockets in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from engine.model.market import Bar
from marketdata.archive.store import Archive
from marketdata.feeds.errors import FeedUnavailable
from simulators.market import MarketConfig
from simulators.serve import Simulator, SimulatorConfig, serve


@pytest.fixture
def archive(tmp_path, settings) -> Archive:
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    settings.RATE_LIMIT_DELAY = 0.0
    return Archive(settings.ARCHIVE_DIR)


class Vendor:
    """A `HistorySource` of given bars. `fails` says how many requests of a symbol fail first, `error` how."""

    name = "vendor"
    is_adjusted = False

    def __init__(self, bars: list[Bar], *, request_ns: int | None = None, fails: dict[str, int] | None = None) -> None:
        self.request_ns = request_ns
        self.asked: list[tuple[str, int, int]] = []
        self.most_at_once = 0
        self.is_closed = False
        self.error: Exception = FeedUnavailable("busy")
        self.delay_s = 0.0
        self._bars = bars
        self._fails = fails or {}
        self._open = 0

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        self.asked.append((symbol, start, end))
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        await asyncio.sleep(self.delay_s)
        self._open -= 1
        if self._fails.get(symbol, 0) > 0:
            self._fails[symbol] -= 1
            raise self.error
        return [bar for bar in self._bars if bar.symbol == symbol and start < bar.ts <= end]

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """It serves from a thread, so that code that is not asynchronous can talk to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    market = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=2.0, always_open=True)
    running = asyncio.run_coroutine_threadsafe(serve(SimulatorConfig(market=market, feed_port=0)), loop).result(20)
    yield running
    asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
