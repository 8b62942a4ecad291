"""Looks at all that is known of a feed's symbols about once a second, and tells whoever must know what changed."""

import logging
import time
from collections.abc import Callable, Mapping

from engine.model.market import FeedStateChanged
from engine.model.time import NS_PER_S
from infra.pacing import a_few_at_a_time
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.crosscheck import CrossCheck
from marketdata.feeds.movers import MoverWatch
from marketdata.feeds.past import Past
from marketdata.feeds.registry import Feed
from marketdata.feeds.report import Counts
from marketdata.feeds.truth import FRESH, Receipts, TruthGate
from marketdata.publisher import Publisher

logger = logging.getLogger(__name__)


class Judge:
    """Brings together what the truth gate judges by: bars, receipts, the second source, the clocks."""

    def __init__(
        self,
        feed: Feed,
        truth: TruthGate,
        *,
        publisher: Publisher,
        clock: VenueClock,
        past: Past,
        check: CrossCheck | None,
        counts: Counts,
        movers: MoverWatch,
        on_alert: Callable[[FeedStateChanged], None],
    ) -> None:
        self._feed = feed
        self._refused: Mapping[str, str] = getattr(feed, "refused", {})
        self._unvouched: Mapping[str, str] = getattr(feed, "doubts", {})
        self._truth = truth
        self._publisher = publisher
        self._clock = clock
        self._past = past
        self._check = check
        self._counts = counts
        self._movers = movers
        self._on_alert = on_alert
        self._is_real_time = feed.speed == 1.0 and not feed.is_resumable
        self._clock_doubt = ""

    async def look(self, *, venue_now: int) -> list[FeedStateChanged]:
        """Judge every symbol; what changed, for the streams. A reader that begins looks at the state that is stored,
        after it has taken its place in them: so what is stored must be the newer, and is to be written first."""
        self._look_at_bars()
        self._look_at_clocks()
        changes: list[FeedStateChanged] = []
        async for symbols in a_few_at_a_time(self._feed.symbols):  # prints are waiting
            changes += [changed for symbol in symbols if (changed := self._look_at(symbol, venue_now)) is not None]
        return changes

    def _look_at(self, symbol: str, venue_now: int) -> FeedStateChanged | None:
        now = time.time_ns()
        last = self._publisher.last_tick.get(symbol)
        if last is not None:
            self._movers.price(last)
        if self._check is not None:
            doubt = self._check.doubt(symbol, last, now)
            self._truth.doubted(symbol, self._check.second.name, doubt)
        self._truth.doubted(symbol, "clock", self._clock_doubt)
        self._truth.doubted(symbol, "history", self._unvouched.get(symbol, ""))
        changed = self._truth.judge(
            symbol,
            now=now,
            ts=venue_now,
            last_recv=self._receipts(symbol),
            is_connected=self._feed.is_connected,
            line_error=self._feed.last_error,
            refused=self._refused.get(symbol, ""),
            market_now=None if self._is_real_time else venue_now,
        )
        if changed is not None:
            self._tell(changed)
        return changed

    def _look_at_bars(self) -> None:
        """Whole ones end a gap; the others are to be mended."""
        closed = self._publisher.take_closed()
        self._movers.bars(closed, self._publisher.timeframes)
        for bar in closed:
            if self._check is not None:
                self._check.closed(bar)
            if bar.is_complete:
                self._truth.whole_bar(bar.symbol, bar.ts_open, bar.timeframe)
            else:
                self._past.mend(bar.symbol, bar.timeframe)

    def _look_at_clocks(self) -> None:
        """Our clock and the venue's: told when they are apart, and too far apart for entries."""
        options, offset = self._truth.options, self._clock.measure()
        apart_s = abs(offset.ns) / NS_PER_S if offset else 0.0
        doubt = str(offset) if apart_s > options.clock_stop_s else ""
        is_told = self._counts.clock_apart
        self._counts.clock_apart = apart_s > options.clock_warn_s
        if self._counts.clock_apart and not is_told:
            logger.warning("feed %s: %s", self._feed.name, offset)
        self._clock_doubt = doubt

    def _receipts(self, symbol: str) -> Receipts:
        tick, quote = self._publisher.last_tick.get(symbol), self._publisher.last_quote.get(symbol)
        last = self._feed.last_received(symbol)
        return Receipts(last, tick.ts_recv if tick else 0, quote.ts_recv if quote else 0)

    def _tell(self, changed: FeedStateChanged) -> None:
        """Whoever watches is told: the log, the metrics, the pages."""
        level = logging.INFO if changed.state == FRESH else logging.WARNING
        reason = f": {changed.reason}" * bool(changed.reason)
        logger.log(level, "feed %s: %s is %s%s", self._feed.name, changed.symbol, changed.state, reason)
        self._counts.alerts += changed.state != FRESH
        self._on_alert(changed)
