"""Candle history over DXLink: asks, collects the snapshot, answers with closed bars."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_MS
from marketdata.feeds.dxlink import messages
from marketdata.feeds.dxlink.candles import CandleRow, Snapshot, candle_symbol, canonical_symbol, to_bars
from marketdata.feeds.dxlink.messages import Subscription
from marketdata.feeds.errors import FeedUnavailable


class Histories:
    """The requests that are under way on one feed's history channel."""

    def __init__(self, name: str, channel: int, say: Callable[[Iterable[bytes]], Awaitable[None]]) -> None:
        self._name = name
        self._channel = channel
        self._say = say
        self._open: dict[str, tuple[Snapshot, asyncio.Future[None]]] = {}

    async def fetch(
        self, symbol: str, venue_name: str, timeframe: str, *, start: int, end: int, timeout_s: float
    ) -> list[Bar]:
        """Closed bars with start < ts ≤ end, oldest first."""
        key = canonical_symbol(candle_symbol(venue_name, timeframe))
        while key in self._open:  # of another of our symbols that means the same: the venue answers by name only
            await asyncio.wait([self._open[key][1]])
        snapshot, done = Snapshot(), asyncio.get_running_loop().create_future()
        self._open[key] = (snapshot, done)
        begin = (
            start - NS_PER_DAY if key.endswith("{=d}") else start
        )  # a day is stamped with the midnight before its end
        wanted = Subscription("Candle", key, max(0, begin // NS_PER_MS))
        try:
            await self._say(messages.subscribe(self._channel, [wanted]))
            async with asyncio.timeout(timeout_s):
                await done
        except TimeoutError as error:
            text = f"{self._name}: no history of {symbol} {timeframe} within {timeout_s:g} s"
            raise FeedUnavailable(text) from error
        finally:
            del self._open[key]
            await self._say(messages.unsubscribe(self._channel, [wanted]))
        bars = to_bars(snapshot.rows, symbol=symbol, timeframe=timeframe, source=self._name, end=end)
        return [bar for bar in bars if bar.ts > start]

    def route(self, rows: Iterable[CandleRow]) -> None:
        """Give each candle to the request it belongs to; what nobody waits for any more is dropped."""
        for row in rows:
            found = self._open.get(canonical_symbol(row.symbol))
            if found is None:
                continue
            snapshot, done = found
            snapshot.add(row)
            if snapshot.is_complete and not done.done():
                done.set_result(None)

    def fail(self, reason: str) -> None:
        """The connection ended: whoever waits is told."""
        for _, done in self._open.values():
            if not done.done():
                done.set_exception(FeedUnavailable(f"{self._name}: {reason}"))
