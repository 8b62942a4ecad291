"""`/marketdata/v1`: quotes, price history, chains, market hours."""

from datetime import date, datetime, timedelta
from typing import Any

from engine.model.time import to_datetime
from simulators.clock import MarketClock
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market
from simulators.schwab import chains
from simulators.schwab.answers import gateway_error, one
from simulators.schwab.level_one import SERVICE_OF, Source, find_source
from simulators.schwab.names import market_name
from simulators.schwab.price_history import price_history
from simulators.sessions import NEW_YORK

PREFIX = "/marketdata/v1"
_MAIN_TYPE = {"LEVELONE_EQUITIES": "EQUITY", "LEVELONE_FUTURES": "FUTURE", "LEVELONE_OPTIONS": "OPTION"}
# The quotes request's words for ours.
_QUOTE = {
    "bid": "bidPrice", "ask": "askPrice", "last": "lastPrice", "bid_size": "bidSize", "ask_size": "askSize",
    "last_size": "lastSize", "volume": "totalVolume", "high": "highPrice", "low": "lowPrice", "open": "openPrice",
    "previous": "closePrice", "change": "netChange", "mark": "mark", "quote_ms": "quoteTime", "trade_ms": "tradeTime",
    "status": "securityStatus", "tick": "tick", "volatility": "volatility", "delta": "delta", "gamma": "gamma",
    "theta": "theta", "vega": "vega", "rho": "rho", "spot": "underlyingPrice", "theoretical": "theoreticalOptionValue",
}  # fmt: skip


class MarketDataDesk:
    """Answers the market data requests."""

    def __init__(self, market: Market, clock: MarketClock) -> None:
        self._market = market
        self._clock = clock

    def answer(self, request: HttpRequest) -> HttpResponse:
        now, path = self._clock.now(), request.path.removeprefix(PREFIX)
        match path:
            case "/quotes":
                return self._quotes(one(request, "symbols").split(","), now)
            case "/pricehistory":
                return price_history(self._market, request, now)
            case "/chains":
                return chains.chains(self._market, request, now)
            case "/expirationchain":
                return chains.expirations(self._market, request, now)
            case "/markets":
                return _hours(one(request, "markets", "equity").split(","), one(request, "date"), now)
        if path.endswith("/quotes"):
            return self._quotes([path.removesuffix("/quotes").removeprefix("/")], now)
        return gateway_error(404, "Not Found", f"there is no {request.path}")

    def _quotes(self, symbols: list[str], now: int) -> HttpResponse:
        found: dict[str, Any] = {}
        unknown = []
        for symbol in filter(None, symbols):
            source = find_source(self._market, market_name(symbol, now))
            if source is None:
                unknown.append(symbol)
            else:
                found[symbol] = _quote(symbol, source, now)
        if unknown:
            found["errors"] = {"invalidSymbols": unknown}
        return HttpResponse(200, found)


def _quote(symbol: str, source: Source, now: int) -> dict[str, Any]:
    values = source.values(now)
    return {
        "assetMainType": "INDEX" if symbol.startswith("$") else _MAIN_TYPE[SERVICE_OF[source.asset_class]],
        "symbol": symbol,
        "realtime": True,
        "ssid": 1,
        "quote": {_QUOTE[word]: value for word, value in values.items() if word in _QUOTE},
        "reference": {"description": values.get("description", ""), "exchange": values.get("exchange", "")},
    }


def _hours(markets: list[str], day_text: str, now: int) -> HttpResponse:
    day = date.fromisoformat(day_text) if day_text else to_datetime(now).astimezone(NEW_YORK).date()
    is_open = day.weekday() < 5
    body: dict[str, Any] = {}
    for market in markets:
        product = "EQ" if market == "equity" else market[:3].upper()
        hours: dict[str, Any] = {"date": day.isoformat(), "marketType": market.upper(), "isOpen": is_open}
        if is_open:
            hours["sessionHours"] = {
                "preMarket": [_span(day, 7 * 60, 9 * 60 + 30)],
                "regularMarket": [_span(day, 9 * 60 + 30, 16 * 60)],
                "postMarket": [_span(day, 16 * 60, 20 * 60)],
            }
        body[market] = {product: hours}
    return HttpResponse(200, body)


def _span(day: date, start: int, end: int) -> dict[str, str]:
    midnight = datetime(day.year, day.month, day.day, tzinfo=NEW_YORK)
    first, last = midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)
    return {"start": first.isoformat(), "end": last.isoformat()}
