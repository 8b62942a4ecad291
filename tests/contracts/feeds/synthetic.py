"""The synthetic feed under contract: its venue is the same market, made once more from the same seed."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from engine.model.market import Tick
from marketdata.feeds.synthetic.feed import SyntheticFeed
from marketdata.feeds.synthetic.generator import InventedMarket
from marketdata.feeds.synthetic.options import SyntheticOptions
from tests.contracts.feeds.base import FeedUnderTest, Policy, Venue

OPTIONS = SyntheticOptions(seed=7, symbols=("SPY", "QQQ"), tick_rate=200.0)


class Invented(Venue):
    """Follows the clock of the feed that it is asked about."""

    def __init__(self) -> None:
        super().__init__(None)
        self.feed = SyntheticFeed("synthetic", OPTIONS)

    def now(self) -> int:
        return self.feed.now()

    def ticks(self, symbol: str, *, start: int, end: int) -> Iterator[Tick]:
        return InventedMarket(symbol, OPTIONS).columns(start=start + 1, end=end + 1).ticks()


@asynccontextmanager
async def start() -> AsyncIterator[Venue]:
    yield Invented()


def make(venue: Venue, policy: Policy, *, is_welcome: bool = True, **options: Any) -> SyntheticFeed:
    assert isinstance(venue, Invented)
    return venue.feed


FEED = FeedUnderTest(
    name="synthetic", start=start, make=make, has_socket=False, has_login=False, history=("1", "5", "15s", "144t")
)
