"""Massive's past over REST: its aggregates where it has the timeframe, else bars made of its prints."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.model.market import NAN, Bar
from engine.model.time import NS_PER_MS
from marketdata.feeds.errors import FeedProtocolError
from marketdata.feeds.massive.conditions import OFFICIAL, bits
from marketdata.feeds.streaming.pace import RestClient
from marketdata.feeds.streaming.past import PrintRows, bars_of_prints, daily_span, first_print_needed

PAGE_AGGS, PAGE_TRADES = 50_000, 50_000


class AggregateRow(msgspec.Struct, frozen=True):
    t: int
    o: float
    h: float
    l: float  # noqa: E741  # the venue's name
    c: float
    v: float
    n: int = 0
    vw: float | None = None


class TradeRow(msgspec.Struct, frozen=True):
    sip_timestamp: int
    price: float
    size: float
    conditions: list[int] = []


class MassiveHistory:
    """Answers for one feed. `source` labels the bars."""

    def __init__(self, client: RestClient, *, is_adjusted: bool, source: str) -> None:
        self._client = client
        self._is_adjusted = is_adjusted
        self._source = f"vendor:{source}"

    async def fetch(self, symbol: str, venue_name: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """Closed bars with start < ts ≤ end, oldest first."""
        wanted = parse_timeframe(timeframe)
        native = venue_timeframe(wanted)
        if native is None:
            return await self._made_of_prints(symbol, venue_name, wanted, start=start, end=end)
        first, last = (start - (wanted.duration_ns or 0)) // NS_PER_MS, end // NS_PER_MS
        path = f"/v2/aggs/ticker/{venue_name}/range/{native}/{max(first, 0)}/{last}"
        params = {"adjusted": str(self._is_adjusted).lower(), "sort": "asc", "limit": PAGE_AGGS}
        made = [self._bar(row, symbol, wanted) async for row in self._pages(path, params, AggregateRow)]
        return [bar for bar in made if start < bar.ts <= end]

    async def _made_of_prints(
        self, symbol: str, venue_name: str, timeframe: Timeframe, *, start: int, end: int
    ) -> list[Bar]:
        first = first_print_needed(symbol, timeframe, start)
        params = {"timestamp.gte": first, "timestamp.lte": end, "order": "asc", "limit": PAGE_TRADES}
        rows = PrintRows()
        async for row in self._pages(f"/v3/trades/{venue_name}", params, TradeRow):
            if OFFICIAL.isdisjoint(row.conditions):
                rows.add(row.sip_timestamp, row.price, row.size, bits(row.conditions))
        return bars_of_prints(symbol, timeframe, rows, source=self._source, start=start, end=end)

    async def _pages(self, path: str, params: dict[str, Any], row: type[Any]) -> AsyncIterator[Any]:
        while True:
            document = await self._client.get(path, params)
            try:
                rows = msgspec.convert(document.get("results") or [], type=list[row])  # type: ignore[valid-type]
                following = document.get("next_url")
            except (msgspec.ValidationError, AttributeError) as error:
                raise FeedProtocolError(f"{path}: a list of results was expected: {error}") from error
            for each in rows:
                yield each
            if not following:
                return
            # The host is the vendor's public one and no key is in it: only path and query are taken from it.
            url = urlsplit(str(following))
            path, params = url.path, dict(parse_qsl(url.query))

    def _bar(self, row: AggregateRow, symbol: str, timeframe: Timeframe) -> Bar:
        opened = row.t * NS_PER_MS
        close = opened + (timeframe.duration_ns or 0)
        if timeframe.kind is TimeframeKind.SESSION:
            opened, close = daily_span(opened)
        return Bar(
            ts=close, symbol=symbol, timeframe=timeframe.text, ts_open=opened, open=row.o, high=row.h, low=row.l,
            close=row.c, volume=row.v, trade_count=row.n, vwap=NAN if row.vw is None else row.vw, source=self._source,
            quality="vendor",
        )  # fmt: skip


def venue_timeframe(timeframe: Timeframe) -> str | None:
    """ "5" → "5/minute"; None for ticks and volume."""
    if timeframe.kind is TimeframeKind.SESSION:
        return "1/day"
    if timeframe.kind is not TimeframeKind.TIME:
        return None
    for span, unit in ((3_600, "hour"), (60, "minute"), (1, "second")):
        if timeframe.size % span == 0:
            return f"{timeframe.size // span}/{unit}"
    return None
