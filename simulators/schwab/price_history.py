"""`GET /pricehistory`: whole days of candles, the last one as far as it has come."""

from typing import Any

from engine.instruments.instrument import AssetClass
from engine.model.time import NS_PER_DAY, NS_PER_MS
from simulators.candles import Candle, CandleSpec, history
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.schwab.answers import gateway_error, one
from simulators.schwab.names import class_of, market_name

_PERIODS = {
    "day": ({1, 2, 3, 4, 5, 10}, ("minute",)),
    "month": ({1, 2, 3, 6}, ("daily", "weekly")),
    "year": ({1, 2, 3, 5, 10, 15, 20}, ("daily", "weekly", "monthly")),
    "ytd": ({1}, ("daily", "weekly")),
}
_FREQUENCIES = {"minute": {1, 5, 10, 15, 30}, "daily": {1}, "weekly": {1}, "monthly": {1}}
_UNITS = {"minute": "m", "daily": "d", "weekly": "w", "monthly": "mo"}
_DAYS = {"day": 1, "month": 31, "year": 366, "ytd": 366}
_DEFAULT_PERIOD = {"day": 10, "month": 1, "year": 1, "ytd": 1}


def price_history(market: Market, request: HttpRequest, now: int) -> HttpResponse:
    """Equities and indexes only; start and end are widened to whole UTC days, as the venue's are to its days."""
    symbol = one(request, "symbol")
    kind = one(request, "periodType", "day")
    if not symbol or kind not in _PERIODS:
        return _bad("symbol, and periodType day, month, year or ytd, were expected")
    periods, frequency_types = _PERIODS[kind]
    unit = one(request, "frequencyType", frequency_types[-1])
    period, frequency = _number(request, "period", _DEFAULT_PERIOD[kind]), _number(request, "frequency", 1)
    if period not in periods or unit not in frequency_types or frequency not in _FREQUENCIES[unit]:
        return _bad(f"period {period}, frequencyType {unit} or frequency {frequency} does not go with {kind}")
    end = _number(request, "endDate", now // NS_PER_MS) * NS_PER_MS
    start = _number(request, "startDate", (end - period * _DAYS[kind] * NS_PER_DAY) // NS_PER_MS) * NS_PER_MS
    spec = CandleSpec(frequency, _UNITS[unit], regular_only=one(request, "needExtendedHoursData", "true") == "false")
    found = _candles(market, symbol, spec, start=start, end=end, now=now)
    return HttpResponse(200, {"symbol": symbol, "empty": not found, "candles": found})


def _candles(market: Market, symbol: str, spec: CandleSpec, *, start: int, end: int, now: int) -> list[dict[str, Any]]:
    found = market.find(market_name(symbol, now))
    if found is None or class_of(symbol) not in (AssetClass.EQUITY, AssetClass.INDEX):
        return []
    first = start // NS_PER_DAY * NS_PER_DAY // NS_PER_MS
    last = (end // NS_PER_DAY + 1) * NS_PER_DAY // NS_PER_MS
    rows, _ = history(found, spec, start_ms=first, now=now)
    return [_candle(row, found.listing.price) for row in rows if row.time < last]


def _candle(row: Candle, price: Any) -> dict[str, Any]:
    return {
        "open": price(row.open), "high": price(row.high), "low": price(row.low), "close": price(row.close),
        "volume": row.volume, "datetime": row.time,
    }  # fmt: skip


def _number(request: HttpRequest, name: str, default: int) -> int:
    text = one(request, name)
    return int(text) if text.lstrip("-").isdigit() else default


def _bad(detail: str) -> HttpResponse:
    return gateway_error(400, "Bad Request", detail)
