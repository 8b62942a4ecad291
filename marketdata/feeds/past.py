"""Fetches a feed's history behind its own bars: for new symbols, and where bars came out incomplete."""

import asyncio
import logging
import time
from collections.abc import Callable

from engine.bars.timeframe import parse_timeframe
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY
from infra.backoff import Backoff
from infra.redis.client import REDIS_AWAY, AsyncRedis
from marketdata.feeds.errors import FeedError
from marketdata.feeds.registry import Feed
from marketdata.history import Joined, doubt_bars, join_bars, lookback_ns
from marketdata.publisher import Pair
from marketdata.revisions import take_over

logger = logging.getLogger(__name__)

_ATTEMPTS = 4  # each looks four times as far back
_SETTLE_S = 2.0  # the venue's own candle of a period that just ended needs a moment
_MEND_BARS = 20  # how far back a single hole is looked at
_PARALLEL = 4
_REVISED_S = 1.0


class Past:
    """The queue of history that is missing. A pair asked for twice is fetched once; what fails is tried again, ever
    more rarely."""

    def __init__(
        self,
        client: AsyncRedis,
        feed: Feed,
        *,
        bars: int,
        now: Callable[[], int],
        on_repair: Callable[[Joined], None] = lambda joined: None,
        days_of: Callable[[str], int | None] = lambda timeframe: None,
    ) -> None:
        """`days_of` a timeframe: how far back to look at most; None: as far as it takes. `on_repair` gets the vendor's
        bars that took the place of incomplete ones of ours."""
        self.fetched = 0
        self.repaired = 0
        self._on_repair = on_repair
        self._days_of = days_of
        self._client = client
        self._feed = feed
        self._bars = bars
        self._now = now
        self._due: dict[Pair, float] = {}  # pair → not before (monotonic)
        self._depth: dict[Pair, int] = {}  # how many bars; the deepest request counts
        self._doubted: dict[Pair, int] = {}  # since when prints may be missing
        self._backoffs: dict[Pair, Backoff] = {}
        self._pairs: set[Pair] = set()
        self._limit = asyncio.Semaphore(_PARALLEL)

    def carry(self, pairs: set[Pair]) -> None:
        """These are carried from now on; the past of new ones is fetched at once."""
        for pair in pairs - self._pairs:
            self._want(pair, bars=self._bars, delay_s=0.0)
        for pair in self._pairs - pairs:
            self._due.pop(pair, None)
            self._depth.pop(pair, None)
            self._doubted.pop(pair, None)
            self._backoffs.pop(pair, None)
        self._pairs = set(pairs)

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be fetched."""
        return bool(self._due)

    def mend(self, symbol: str, timeframe: str | None = None, *, since: int = 0) -> None:
        """A bar came out incomplete, or prints were lost: what the venue knows of that time shall replace it. Bars
        that ended after `since`, when everything was still there, and passed for whole are doubted first."""
        for pair in self._pairs:
            if pair[0] == symbol and timeframe in (None, pair[1]):
                self._want(pair, bars=_MEND_BARS + self._bars_since(pair, since), delay_s=_SETTLE_S)
                if since:
                    self._doubted[pair] = min(since, self._doubted.get(pair, since))

    def _bars_since(self, pair: Pair, since: int) -> int:
        span = parse_timeframe(pair[1]).duration_ns
        return min(max(self._now() - since, 0) // span, self._bars) if since and span else 0

    def renew(self, symbol: str) -> None:
        """What is known of its past is another contract's: all of it is fetched anew."""
        for pair in self._pairs:
            if pair[0] == symbol:
                self._want(pair, bars=self._bars, delay_s=_SETTLE_S)

    async def run(self) -> None:
        """Work the queue off, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_revised())
            while True:
                await asyncio.sleep(0.1)
                if not self._feed.is_connected:
                    continue
                now = time.monotonic()
                for pair in [pair for pair, due in self._due.items() if due <= now]:
                    # Both at once: while we wait for a place, the pair may be wanted again.
                    del self._due[pair]
                    depth = self._depth.pop(pair)
                    await self._limit.acquire()
                    group.create_task(self._fetch(pair, depth))

    async def _take_revised(self) -> None:
        """Bars of ours that were made again elsewhere, because their prints were corrected long after they ended."""
        while True:
            try:
                await take_over(self._client, self._feed.name, self._give)
            except REDIS_AWAY as error:
                logger.warning("revised bars of %s wait: Redis is away: %s", self._feed.name, error)
            await asyncio.sleep(_REVISED_S)

    def _give(self, joined: Joined) -> None:
        if any((bar.symbol, bar.timeframe) in self._pairs for bar in joined.repairs[:1]):
            self._on_repair(joined)

    def _want(self, pair: Pair, *, bars: int, delay_s: float) -> None:
        self._depth[pair] = max(bars, self._depth.get(pair, 0))
        self._due.setdefault(pair, time.monotonic() + delay_s)

    async def _fetch(self, pair: Pair, depth: int) -> None:
        symbol, timeframe = pair
        since = self._doubted.pop(pair, 0)
        try:
            if since:
                doubted = await doubt_bars(self._client, symbol, timeframe, since=since)
                self._give(Joined(len(doubted), tuple(doubted)))
            bars = await self._ask(symbol, timeframe, depth)
            joined = await join_bars(self._client, symbol, timeframe, bars)
        except (FeedError, *REDIS_AWAY) as error:
            if pair not in self._pairs:
                return  # nobody wants it any more
            delay_s = self._backoffs.setdefault(pair, Backoff(base_s=2.0, cap_s=300.0)).next_delay()
            logger.info("history of %s %s is put off for %.0f s: %s", symbol, timeframe, delay_s, error)
            self._want(pair, bars=depth, delay_s=delay_s)
            return
        finally:
            self._limit.release()
        self.fetched += 1
        self._backoffs.pop(pair, None)
        name, added = self._feed.name, joined.added
        logger.info("history of %s %s: %d bars from %s, %d new", symbol, timeframe, len(bars), name, added)
        if joined.repairs:
            self.repaired += len(joined.repairs)
            self._on_repair(joined)

    async def _ask(self, symbol: str, timeframe: str, depth: int) -> list[Bar]:
        """`depth` bars, looking further back if need be, and as long as one may."""
        bars: list[Bar] = []
        days = self._days_of(timeframe)
        for attempt in range(_ATTEMPTS):
            end = self._now()
            reach = lookback_ns(timeframe, depth, attempt=attempt)
            most = reach if days is None else days * NS_PER_DAY
            bars = await self._feed.history(symbol, timeframe, start=end - min(reach, most), end=end)
            if len(bars) >= depth or (days is not None and reach >= most):
                break
        return bars
