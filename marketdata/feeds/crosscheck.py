"""A second source beside a feed: do both say the same price, now and at the close of each minute?"""

import logging
from collections.abc import Iterable

from engine.bars.expand import Expander
from engine.model.market import Bar, FeedGap, Tick
from engine.model.time import NS_PER_S
from marketdata.feeds.errors import FeedError
from marketdata.feeds.registry import Feed

logger = logging.getLogger(__name__)

MINUTE = "1"
_TOGETHER_NS = 2 * NS_PER_S  # prices received further apart say nothing about each other
_KEPT = 16  # minutes


class CrossCheck:
    """Listens to `second` and compares. It publishes nothing and decides nothing: it only doubts.

    Prices are compared where both sources had a print within two seconds, and must differ by more than `tolerance`
    (a fraction) for `for_s` before that is a doubt: prints of one moment travel differently. Closes of complete
    minutes are compared once each; a doubt about one lasts until the next that agrees.
    """

    def __init__(self, second: Feed, *, tolerance: float, for_s: float) -> None:
        self.second = second
        self._tolerance = tolerance
        self._for_ns = int(for_s * NS_PER_S)
        self._makers: dict[str, Expander] = {}
        self._last: dict[str, Tick] = {}
        self._closes: dict[str, dict[int, float]] = {}  # symbol → close of the minute → price
        self._awaited: dict[str, dict[int, float]] = {}  # our own closes that the second source has not made yet
        self._apart_since: dict[str, int] = {}
        self._close_doubts: dict[str, str] = {}

    async def follow(self, symbols: Iterable[str]) -> None:
        """Compare these and no others."""
        wanted, present = set(symbols), set(self.second.symbols)
        if present - wanted:
            await self.second.unsubscribe(present - wanted)
        if wanted - present:
            await self.second.subscribe(wanted - present)

    async def run(self) -> None:
        """Listen until the second source ends; that it does is a pity, but no doubt about the first one."""
        try:
            async for frame in self.second.frames():
                for event in frame:
                    if isinstance(event, Tick):
                        self.saw(event)
                    elif isinstance(event, FeedGap):
                        self.lost(event)
        except FeedError as error:
            logger.warning("%s: nothing to compare with any more: %s", self.second.name, error.detail)

    def saw(self, tick: Tick) -> None:
        """A print of the second source."""
        self._last[tick.symbol] = tick
        maker = self._makers.get(tick.symbol)
        if maker is None:
            maker = self._makers[tick.symbol] = Expander(
                tick.symbol, [MINUTE], exclude=getattr(self.second, "not_priced", 0)
            )
        for bar in maker.on_tick(tick):
            if bar.is_complete:
                _remember(self._closes.setdefault(bar.symbol, {}), bar)
                ours = self._awaited.get(bar.symbol, {}).pop(bar.ts, None)
                if ours is not None:
                    self._compare_close(bar.symbol, ours, bar.close)

    def lost(self, gap: FeedGap) -> None:
        """Prints of the second source are missing: its minutes say nothing until a whole one."""
        maker = self._makers.get(gap.symbol)
        if maker is not None:
            maker.gap()

    def closed(self, bar: Bar) -> None:
        """A bar of the first source; complete minutes are compared."""
        if bar.timeframe != MINUTE or not bar.is_complete:
            return
        theirs = self._closes.get(bar.symbol, {}).get(bar.ts)
        if theirs is not None:
            self._compare_close(bar.symbol, bar.close, theirs)
        else:
            _remember(self._awaited.setdefault(bar.symbol, {}), bar)

    def doubt(self, symbol: str, ours: Tick | None, now: int) -> str:
        """What the second source holds against `ours`, the last print; empty: nothing."""
        theirs = self._last.get(symbol)
        if (
            ours is None
            or theirs is None
            or abs(ours.ts_recv - theirs.ts_recv) > _TOGETHER_NS
            or not self._differs(ours.price, theirs.price)
        ):
            self._apart_since.pop(symbol, None)
        elif now - self._apart_since.setdefault(symbol, now) >= self._for_ns:
            return f"the last price is {ours.price:g}, {self.second.name} says {theirs.price:g}"
        return self._close_doubts.get(symbol, "")

    def _compare_close(self, symbol: str, ours: float, theirs: float) -> None:
        if self._differs(ours, theirs):
            self._close_doubts[symbol] = f"a minute closed at {ours:g}, {self.second.name} says {theirs:g}"
        else:
            self._close_doubts.pop(symbol, None)

    def _differs(self, ours: float, theirs: float) -> bool:
        return abs(ours - theirs) > self._tolerance * abs(theirs)


def _remember(closes: dict[int, float], bar: Bar) -> None:
    closes[bar.ts] = bar.close
    while len(closes) > _KEPT:
        del closes[min(closes)]
