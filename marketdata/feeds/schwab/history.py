"""History by `GET /pricehistory`: which candles to ask for, and our bars made of them. No I/O."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.instruments.catalog import asset_class_of, bar_day
from engine.instruments.instrument import AssetClass
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE, NS_PER_MS

PATH = "/marketdata/v1/pricehistory"
_MINUTES = (30, 15, 10, 5, 1)  # the sizes that Schwab has
_SERVED = (AssetClass.EQUITY, AssetClass.INDEX)


class Wanted(NamedTuple):
    """What to ask for: candles of `minutes` minutes, 0 for days; and the span of a bar of ours, None for a day."""

    minutes: int
    span: int | None

    def params(self, venue_name: str, *, start: int, end: int) -> dict[str, str]:
        """From one candle earlier: the one that contains `start`."""
        kind = {"periodType": "day", "frequencyType": "minute"} if self.minutes else _DAYS
        margin = self.span or 4 * NS_PER_DAY
        return {
            "symbol": venue_name,
            **kind,
            "frequency": str(self.minutes or 1),
            "startDate": str((start - margin) // NS_PER_MS),
            "endDate": str(end // NS_PER_MS),
            "needExtendedHoursData": "true",
        }


_DAYS = {"periodType": "year", "frequencyType": "daily"}


def wanted(symbol: str, timeframe: str) -> Wanted | None:
    """None for what Schwab has no history of: futures and options, seconds, ticks and volume."""
    parsed = parse_timeframe(timeframe)
    if asset_class_of(symbol) not in _SERVED:
        return None
    if parsed.kind is TimeframeKind.SESSION:
        return Wanted(0, None)
    span = parsed.duration_ns
    if parsed.kind is not TimeframeKind.TIME or not span or span % NS_PER_MINUTE:
        return None
    size = span // NS_PER_MINUTE
    return Wanted(next(each for each in _MINUTES if size % each == 0), span)


def to_bars(
    candles: Iterable[dict[str, Any]], *, symbol: str, timeframe: str, source: str, start: int, end: int
) -> list[Bar]:
    """Closed bars with start < ts ≤ end, oldest first. The venue answers with whole days, and with a candle that still
    forms: what does not fit is left out, and smaller candles are put together."""
    asked = wanted(symbol, timeframe)
    if asked is None:
        return []
    ordered = sorted(candles, key=lambda candle: int(candle["datetime"]))
    found: list[Bar] = []
    for (opened, closed), group in groupby(ordered, lambda candle: _period(candle, symbol, asked)):
        if start < closed <= end:
            found.append(_bar(list(group), opened, closed, symbol=symbol, timeframe=timeframe, source=source))
    return found


def _period(candle: dict[str, Any], symbol: str, asked: Wanted) -> tuple[int, int]:
    """Open and close of the bar that a candle belongs to."""
    begins = int(candle["datetime"]) * NS_PER_MS
    if asked.span is not None:
        opened = begins // asked.span * asked.span
        return opened, opened + asked.span
    # A day is stamped somewhere in its night: midnight in Chicago, or in Greenwich.
    day = datetime.fromtimestamp(begins // 1_000_000_000, UTC).date()
    session = bar_day(symbol, day)
    return session.open, session.close


def _bar(
    candles: Sequence[dict[str, Any]], opened: int, closed: int, *, symbol: str, timeframe: str, source: str
) -> Bar:
    return Bar(
        ts=closed,
        symbol=symbol,
        timeframe=timeframe,
        ts_open=opened,
        open=float(candles[0]["open"]),
        high=max(float(each["high"]) for each in candles),
        low=min(float(each["low"]) for each in candles),
        close=float(candles[-1]["close"]),
        volume=float(sum(each["volume"] for each in candles)),
        source=f"vendor:{source}",
        quality="vendor",
    )
