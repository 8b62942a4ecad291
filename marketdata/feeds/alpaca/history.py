"""Alpaca's past over REST: its bars where it has the timeframe, else bars made of its prints."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.model.market import NAN, Bar
from engine.model.time import iso
from marketdata.feeds.alpaca.conditions import OFFICIAL, bits
from marketdata.feeds.alpaca.messages import nanoseconds
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.streaming.pace import RestClient
from marketdata.feeds.streaming.past import PrintRows, bars_of_prints, daily_span, first_print_needed

PAGE = 10_000


class BarRow(msgspec.Struct, frozen=True):
    t: str
    o: float
    h: float
    l: float  # noqa: E741  # the venue's name
    c: float
    v: float
    n: int = 0
    vw: float | None = None


class TradeRow(msgspec.Struct, frozen=True):
    t: str
    p: float
    s: float
    c: list[str] = []
    z: str = ""


class AlpacaHistory:
    """Answers for one feed. `source` labels the bars."""

    def __init__(self, client: RestClient, *, feed: str, adjustment: str, source: str) -> None:
        self._client = client
        self._feed = feed
        self._adjustment = adjustment
        self._source = f"vendor:{source}"

    async def fetch(self, symbol: str, venue_name: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """Closed bars with start < ts ≤ end, oldest first."""
        wanted = parse_timeframe(timeframe)
        native = venue_timeframe(wanted)
        if native is None:
            return await self._made_of_prints(symbol, venue_name, wanted, start=start, end=end)
        span = wanted.duration_ns or 0
        params = {"timeframe": native, "adjustment": self._adjustment, **self._range(start - span, end)}
        rows = [row async for row in self._pages(f"/v2/stocks/{venue_name}/bars", "bars", params, BarRow)]
        made = (self._bar(row, symbol=symbol, timeframe=wanted) for row in rows)
        return [bar for bar in made if start < bar.ts <= end]

    async def _made_of_prints(
        self, symbol: str, venue_name: str, timeframe: Timeframe, *, start: int, end: int
    ) -> list[Bar]:
        first = first_print_needed(symbol, timeframe, start)
        rows = PrintRows()
        path = f"/v2/stocks/{venue_name}/trades"
        async for row in self._pages(path, "trades", self._range(first, end), TradeRow):
            if OFFICIAL.isdisjoint(row.c):
                rows.add(nanoseconds(row.t), row.p, row.s, bits(row.c, row.z))
        return bars_of_prints(symbol, timeframe, rows, source=self._source, start=start, end=end)

    def _range(self, start: int, end: int) -> dict[str, str]:
        return {"start": iso(start), "end": iso(end), "feed": self._feed}

    async def _pages(self, path: str, key: str, params: dict[str, str], row: type[Any]) -> AsyncIterator[Any]:
        token: str | None = None
        while True:
            page = {"page_token": token} if token else {}
            document = await self._client.get(path, {**params, "limit": PAGE, "sort": "asc", **page})
            try:
                rows = msgspec.convert(document[key] or [], type=list[row])  # type: ignore[valid-type]
                token = document.get("next_page_token")
            except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
                raise FeedProtocolError(f"{path}: a list {key!r} was expected: {error}") from error
            for each in rows:
                yield each
            if not token:
                return

    def _bar(self, row: BarRow, *, symbol: str, timeframe: Timeframe) -> Bar:
        opened, close = _span(nanoseconds(row.t), timeframe)
        return Bar(
            ts=close, symbol=symbol, timeframe=timeframe.text, ts_open=opened, open=row.o, high=row.h, low=row.l,
            close=row.c, volume=row.v, trade_count=row.n, vwap=NAN if row.vw is None else row.vw, source=self._source,
            quality="vendor",
        )  # fmt: skip


def venue_timeframe(timeframe: Timeframe) -> str | None:
    """ "5" → "5Min"; None for what Alpaca has no bars of: seconds, ticks, volume."""
    if timeframe.kind is TimeframeKind.SESSION:
        return "1Day"
    if timeframe.kind is not TimeframeKind.TIME:
        return None
    minutes, rest = divmod(timeframe.size, 60)
    if rest:
        return None
    if minutes % 60 == 0:
        return f"{minutes // 60}Hour"
    return f"{minutes}Min" if minutes < 60 else None


def _span(opened: int, timeframe: Timeframe) -> tuple[int, int]:
    if timeframe.kind is TimeframeKind.SESSION:
        return daily_span(opened)
    return opened, opened + (timeframe.duration_ns or 0)
