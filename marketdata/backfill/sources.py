"""Where history comes from: one small port, and what fills it."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

import msgspec

from engine.bars.columns import build_columns
from engine.bars.timeframe import parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.instruments.rolls import is_root
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE
from marketdata.archive.store import Archive
from marketdata.backfill.contracts import stretches
from marketdata.feeds.errors import FeedUnavailable
from marketdata.feeds.registry import Feed
from marketdata.files.bars import read_bars


class HistorySource(Protocol):
    """`bars` are closed, with start < ts ≤ end, oldest first. `request_ns` is how much time one request should cover,
    None where a request may cover any. `is_adjusted`: splits are in the prices already, and must not be applied again.
    What fails and may be tried again raises an error that is `retryable`."""

    name: str
    request_ns: int | None
    is_adjusted: bool

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]: ...

    async def close(self) -> None: ...


class FeedHistory:
    """The vendor behind a feed. Where history comes over the stream's line it opens a connection of its own, and
    subscribes to nothing; a feed that `has_own_history` is asked without one, `request_ns` at a time if it says so. Of
    a root, a feed that `has_contracts` is asked for the contract of each time, which the bar's source names; prices are
    as they were traded. Its "/NQ" of last year would be today's contract, which hardly traded then."""

    def __init__(self, feed: Feed, *, connect_timeout_s: float = 20.0) -> None:
        self.name = feed.name
        # None: a request names its beginning only, as DXLink's for candles do.
        self.request_ns: int | None = getattr(feed, "request_ns", None)
        self.is_adjusted: bool = getattr(feed, "has_adjusted_history", False)  # as few feeds can be told to
        self._feed = feed
        self._timeout_s = connect_timeout_s
        self._reader: asyncio.Task[None] | None = None

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        if not getattr(self._feed, "has_own_history", False):
            await self._connected()
        if not (is_root(symbol) and getattr(self._feed, "has_contracts", False)):
            return await self._ask(symbol, timeframe, start=start, end=end)
        found: list[Bar] = []
        for contract, since, until in stretches(symbol, start, end):
            bars = await self._ask(contract.symbol, timeframe, start=since, end=until)
            found += [
                msgspec.structs.replace(bar, symbol=symbol, source=f"{bar.source}:{contract.symbol}")
                for bar in bars
                if bar.ts <= until
            ]
        return found

    async def _ask(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        # From one bar earlier: where a snapshot ends with a mark at the very beginning that was asked for, the mark
        # takes the place of the candle that begins there.
        margin = parse_timeframe(timeframe).duration_ns or NS_PER_MINUTE
        bars = await self._feed.history(symbol, timeframe, start=start - margin, end=end)
        return [bar for bar in bars if bar.ts > start]

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self._feed.close()

    async def _connected(self) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        try:
            async with asyncio.timeout(self._timeout_s):
                while not self._feed.is_connected:
                    if self._reader.done():
                        self._reader.result()
                        raise FeedUnavailable(f"{self.name}: the feed has ended")
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            why = self._feed.last_error or "no answer"
            raise FeedUnavailable(f"{self.name}: not connected within {self._timeout_s:g} s: {why}") from error

    async def _read(self) -> None:
        """A feed connects while its frames are read; nothing is subscribed, so none of them matters here."""
        async for _ in self._feed.frames():
            pass


class ArchiveHistory:
    """What is stored: the bars themselves or, where there are none, bars made of the stored prints."""

    name = "archive"
    request_ns: int | None = 5 * NS_PER_DAY
    is_adjusted = False

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        return await asyncio.to_thread(self._bars, symbol, timeframe, start, end)

    async def close(self) -> None:
        """Nothing is open."""

    def _bars(self, symbol: str, timeframe: str, start: int, end: int) -> list[Bar]:
        stored = self._archive.bars(symbol, timeframe, start=start, end=end)
        if stored:
            return stored
        # From the beginning of the trading day that `start` is in: what is counted is counted from there.
        session = bar_session(symbol)
        ticks = self._archive.tick_columns(symbol, start=session(start).open, end=end)
        if not len(ticks):
            return []
        made = build_columns(ticks, timeframe, session=session).bars(source=self.name)
        return [bar for bar in made if start < bar.ts <= end]


class FileHistory:
    """Bars of a file, by the rules of `read_bars`; `options` are its own."""

    request_ns: int | None = None
    is_adjusted = False

    def __init__(self, path: str | Path, **options: Any) -> None:
        self.name = f"file:{Path(path).name}"
        self._path = path
        self._options = options

    async def bars(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        columns = await asyncio.to_thread(
            read_bars, self._path, symbol, timeframe=timeframe, start=start, end=end, **self._options
        )
        if columns.timeframe != timeframe:
            raise InvalidInput(
                f"timeframe: {self.name} holds bars of {columns.timeframe}, found {timeframe}", field="timeframe"
            )
        return list(columns.bars(source=self.name))

    async def close(self) -> None:
        """Nothing is open."""
