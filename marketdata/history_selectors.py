"""Reads stored history for the API: the archive, and behind it what Redis holds that is newer."""

import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any, cast

import msgspec
from django.conf import settings
from redis import RedisError

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput, NotFound
from engine.instruments.catalog import normalize_symbol
from engine.model.market import Bar
from engine.model.time import to_datetime
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.archive.store import Archive, Holding
from marketdata.history import MAX_BARS, recent_bars_now

_FOREVER = 2**63 - 1
LARGEST_SPAN = 500_000  # bars: more in one answer would take the memory that others need


class History(msgspec.Struct, frozen=True):
    """Bars of one symbol and timeframe, oldest first; `is_cut` where older ones of the span were left out."""

    symbol: str
    timeframe: str
    bars: list[Bar]
    is_cut: bool = False


def history(
    *, symbol: str, timeframe: str = "1", start: int | None = None, end: int | None = None, limit: int | None = None,
    adjust: bool = False,
) -> History:  # fmt: skip
    """The newest `limit` bars with start < ts ≤ end; without a limit all, up to `LARGEST_SPAN`. `NotFound` for a symbol
    and timeframe of which nothing is stored; a span without bars of one that is stored is empty."""
    name, spelled = normalize_symbol(symbol), canonical(timeframe)
    archive = Archive(settings.ARCHIVE_DIR)
    since, until = start or 0, _FOREVER if end is None else end
    held = next((each for each in archive.holdings("bars", name) if each.timeframe == spelled), None)
    if limit is None and archive.start_for(name, spelled, LARGEST_SPAN, end=until) > since:
        raise InvalidInput(
            f"start: a span of less than {LARGEST_SPAN:,} bars of {name} {spelled} was expected.", field="start"
        )
    if limit is not None:
        since = max(since, archive.start_for(name, spelled, limit + 1, end=until))
    bars = archive.bars(name, spelled, start=since, end=until, adjust=adjust) if held else []
    recent = _recent(name, spelled)
    if held is None and not recent:
        raise NotFound(_nothing(archive, name, spelled), field="symbol")
    newest = bars[-1].ts if bars else since
    bars += [bar for bar in recent if newest <= bar.ts_open and newest < bar.ts <= until]
    kept = bars if limit is None else bars[-limit:]
    return History(name, spelled, kept, len(kept) < len(bars))


def overview() -> list[dict[str, Any]]:
    """Every stored symbol: its timeframes, its span, and its last price where one is known."""
    found: dict[str, list[Holding]] = {}
    for each in Archive(settings.ARCHIVE_DIR).holdings():
        found.setdefault(each.symbol, []).append(each)
    prices = _last_prices(list(found))
    return [
        {
            "symbol": symbol,
            "timeframes": sorted(each.timeframe for each in held if each.kind == "bars"),
            "has_ticks": any(each.kind == "ticks" for each in held),
            "first": _iso(min(each.first for each in held)),
            "last": _iso(max(each.last for each in held)),
            "size_bytes": sum(each.size_bytes for each in held),
            "last_price": price,
        }
        for (symbol, held), price in zip(found.items(), prices, strict=True)
    ]


def ohlcv(found: History) -> dict[str, Any]:
    """The whole span as one bar, and its averages."""
    bars = _some(found)
    volume = sum(bar.volume for bar in bars)
    weighted = sum(
        (bar.vwap if bar.vwap == bar.vwap else (bar.high + bar.low + bar.close) / 3) * bar.volume for bar in bars
    )
    return {
        **_head(found),
        "open": bars[0].open,
        "high": max(bar.high for bar in bars),
        "low": min(bar.low for bar in bars),
        "close": bars[-1].close,
        "volume": volume,
        "trade_count": sum(bar.trade_count for bar in bars),
        "vwap": weighted / volume if volume else None,
        "average_volume": volume / len(bars),
        "average_range": math.fsum(bar.high - bar.low for bar in bars) / len(bars),
    }


def stats(found: History) -> dict[str, Any]:
    """Statistics of the closes. Returns are of one bar to the next; `volatility` is their standard deviation."""
    bars = _some(found)
    closes = [bar.close for bar in bars]
    average = math.fsum(closes) / len(closes)
    returns = [later / earlier - 1 for earlier, later in pairwise(closes) if earlier]
    peak = worst = 0.0
    for close in closes:
        peak = max(peak, close)
        worst = max(worst, (peak - close) / peak if peak > 0 else 0.0)
    return {
        **_head(found),
        "last": closes[-1],
        "mean": average,
        "minimum": min(closes),
        "maximum": max(closes),
        "standard_deviation": _deviation(closes),
        "change": closes[-1] - closes[0],
        "change_pct": (closes[-1] / closes[0] - 1) * 100 if closes[0] else None,
        "volatility": _deviation(returns),
        "max_drawdown": worst,
    }


def _head(found: History) -> dict[str, Any]:
    bars = found.bars
    return {
        "symbol": found.symbol,
        "timeframe": found.timeframe,
        "count": len(bars),
        "start": to_datetime(bars[0].ts_open),
        "end": to_datetime(bars[-1].ts),
    }


def _some(found: History) -> Sequence[Bar]:
    if not found.bars:
        raise NotFound(f"{found.symbol} {found.timeframe} has no bars between start and end.", field="start")
    return found.bars


def _deviation(values: Sequence[float]) -> float | None:
    """Of a sample; None below two values."""
    if len(values) < 2:
        return None
    average = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - average) ** 2 for value in values) / (len(values) - 1))


def _recent(symbol: str, timeframe: str) -> list[Bar]:
    """What Redis holds; nothing while it is away: the archive alone is an answer too."""
    try:
        return recent_bars_now(sync_client(settings.REDIS_URL), symbol, timeframe, MAX_BARS)
    except RedisError:
        return []


def _last_prices(symbols: list[str]) -> list[float | None]:
    try:
        with sync_client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
            for symbol in symbols:
                pipe.hget(keys.quote(symbol), "last")
            found = cast("list[str | None]", pipe.execute())
    except RedisError:
        return [None] * len(symbols)
    return [None if price is None else float(price) for price in found]


def _nothing(archive: Archive, symbol: str, timeframe: str) -> str:
    others = [each.timeframe for each in archive.holdings("bars", symbol)]
    if others:
        return f"There are no bars of {symbol} {timeframe}; stored are {', '.join(others)}."
    return f"Nothing is stored of {symbol}. Fetch it: ./run manage backfill {symbol} --timeframe {timeframe}"


def _iso(day: date) -> str:
    return day.isoformat()
