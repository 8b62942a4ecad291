"""Replay under contract: its venue is a pair of tick files."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.model.market import Tick
from engine.model.time import NS_PER_MINUTE, from_datetime, iso
from marketdata.feeds.replay import ReplayFeed, ReplayOptions
from simulators.market import Market, MarketConfig
from tests.contracts.feeds.base import FeedUnderTest, Policy, Venue

START = from_datetime(datetime(2026, 11, 20, 15, tzinfo=UTC))
MARKET = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=20.0, always_open=True)


class Recording(Venue):
    """Two minutes of prints of two symbols, in files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None)
        self._market = Market(MARKET, today=date(2026, 11, 20))
        self.files = {symbol: str(self._write(folder, symbol)) for symbol in MARKET.symbols}

    def now(self) -> int:
        return START + 2 * NS_PER_MINUTE

    def ticks(self, symbol: str, *, start: int, end: int) -> Iterator[Tick]:
        return iter(self._market.ticks(symbol, start=max(start, START), end=min(end, self.now())))

    def _write(self, folder: Path, symbol: str) -> Path:
        rows: list[Any] = [
            f"{iso(tick.ts)},{tick.price},{tick.size:g}" for tick in self.ticks(symbol, start=START, end=self.now())
        ]
        path = folder / f"{symbol}.csv"
        path.write_text("\n".join(["ts,price,size", *rows]))
        return path


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    with tempfile.TemporaryDirectory() as folder:
        yield await asyncio.to_thread(Recording, Path(folder))


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> ReplayFeed:
    assert isinstance(venue, Recording)
    return ReplayFeed("replay", ReplayOptions(venue.files, speed=20.0))


FEED = FeedUnderTest(name="replay", start=start, make=make, has_socket=False, has_login=False, stamps_receipt=False)
