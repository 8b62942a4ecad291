"""Massive's REST interface: aggregates and trades in pages, the latest trade, tickers, the market's state."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from engine.errors import InvalidInput
from engine.model.time import NS_PER_DAY, NS_PER_MS, from_datetime, iso
from simulators.candles import CandleSpec
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market, SymbolMarket
from simulators.massive import wire
from simulators.massive.names import ticker
from simulators.sessions import NEW_YORK
from simulators.tape import candles, last_print, prints

_AGGS = re.compile(
    r"^/v2/aggs/ticker/(?P<name>[^/]+)/range/(?P<count>\d+)/(?P<unit>\w+)/(?P<start>[^/]+)/(?P<end>[^/]+)$"
)
_TRADES = re.compile(r"^/v3/trades/(?P<name>[^/]+)$")
_LAST = re.compile(r"^/v2/last/trade/(?P<name>[^/]+)$")
_UNITS = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w", "month": "mo"}
_BASE_SPANS = {"s": 1, "m": 1, "h": 60, "d": 1, "w": 7, "mo": 31}  # base aggregates in one bar
MAX_AGGS, DEFAULT_AGGS = 50_000, 5_000
_MARKETS = ("stocks", "indices", "futures")


class MassiveHistory:
    """Answers what lies in the past of `market`. `own_url` is where `next_url` points."""

    def __init__(self, market: Market, now: Callable[[], int], own_url: Callable[[], str]) -> None:
        self._market = market
        self._now = now
        self._own_url = own_url
        self._names = {
            name: symbol for kind in _MARKETS for symbol in market.listings if (name := ticker(symbol, kind))
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        query = {name: values[-1] for name, values in request.query.items()}
        if request.method != "GET":
            return _problem(405, "Method not allowed")
        try:
            return HttpResponse(200, self._document(request.path, query))
        except InvalidInput as error:
            return _problem(400, error.detail)
        except LookupError:
            return _problem(404, "404 page not found")

    def _document(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if found := _AGGS.match(path):
            return self._aggregates(found, path, query)
        if found := _TRADES.match(path):
            return self._trades(found["name"], path, query)
        if found := _LAST.match(path):
            return self._last(found["name"])
        if path == "/v3/reference/tickers":
            return self._tickers(query)
        if path == "/v1/marketstatus/now":
            return {"market": "open", "serverTime": iso(self._now()), "exchanges": {"nasdaq": "open", "nyse": "open"}}
        raise LookupError(path)

    # ---- aggregates -------------------------------------------------------------------------------------------

    def _aggregates(self, found: re.Match[str], path: str, query: dict[str, str]) -> dict[str, Any]:
        spec, limit = _spec(found), _limit(query, default=DEFAULT_AGGS, largest=MAX_AGGS)
        start, end = _moment(found["start"]), _moment(found["end"], is_end=True)
        after = _cursor(query)
        market = self._find(found["name"])
        rows = self._aggregate_rows(market, spec, max(start, after + 1), end) if market else iter(())
        page = list(islice(rows, max(1, limit // (_BASE_SPANS[spec.unit] * spec.period)) + 1))
        has_more = len(page) > max(1, limit // (_BASE_SPANS[spec.unit] * spec.period))
        page = page[:-1] if has_more else page
        document: dict[str, Any] = {
            "ticker": found["name"], "queryCount": len(page), "resultsCount": len(page),
            "adjusted": query.get("adjusted", "true") == "true", "status": "OK", "request_id": "simulated",
            "count": len(page),
        }  # fmt: skip
        if page:
            document["results"] = page
        if has_more:
            document["next_url"] = self._next(path, query, page[-1]["t"] * NS_PER_MS)
        return document

    def _aggregate_rows(self, market: SymbolMarket, spec: CandleSpec, start: int, end: int) -> Iterator[dict[str, Any]]:
        is_daily = spec.unit in ("d", "w", "mo")
        first = start - NS_PER_DAY if is_daily else start
        for candle in candles(market, spec, start=first, end=end, now=self._now()):
            ts = _midnight(candle.time) if is_daily else candle.time * NS_PER_MS
            if start <= ts <= end:
                yield wire.aggregate_row(market.listing, candle, time_ms=ts // NS_PER_MS)

    # ---- trades -----------------------------------------------------------------------------------------------

    def _trades(self, name: str, path: str, query: dict[str, str]) -> dict[str, Any]:
        limit = _limit(query, default=1_000, largest=50_000)
        start = max(_bound(query, "gte", 0), _bound(query, "gt", -1) + 1, _cursor(query) + 1)
        end = min(_bound(query, "lte", self._now()), _bound(query, "lt", self._now() + 1) - 1)
        market = self._find(name)
        found = prints(market, start=max(start, end - NS_PER_DAY) - 1, end=end) if market else iter(())
        page = [wire.trade_row(market.listing, each) for each in islice(found, limit + 1)] if market else []
        document: dict[str, Any] = {"status": "OK", "request_id": "simulated", "results": page[:limit]}
        if len(page) > limit:
            document["next_url"] = self._next(path, query, page[limit - 1]["sip_timestamp"])
        return document

    def _last(self, name: str) -> dict[str, Any]:
        market = self._find(name)
        each = last_print(market, self._now()) if market else None
        if market is None or each is None:
            raise LookupError(name)
        row = wire.trade(market.listing, each)
        return {"status": "OK", "request_id": "simulated", "results": {**row, "T": name, "t": each.ts}}

    # ---- the rest ---------------------------------------------------------------------------------------------

    def _tickers(self, query: dict[str, str]) -> dict[str, Any]:
        market, wanted = query.get("market", "stocks"), query.get("ticker", "")
        rows = [
            {
                "ticker": name, "name": self._market.listings[symbol].description, "market": market, "locale": "us",
                "active": True, "currency_name": "usd", "type": "CS",
            }
            for name, symbol in sorted(self._names.items())
            if ticker(symbol, market) == name and wanted in ("", name)
        ]  # fmt: skip
        return {"status": "OK", "request_id": "simulated", "count": len(rows), "results": rows}

    def _find(self, name: str) -> SymbolMarket | None:
        symbol = self._names.get(name)
        return self._market.find(symbol) if symbol else None

    def _next(self, path: str, query: dict[str, str], ts: int) -> str:
        """As the venue writes it: everything in the cursor, and no key."""
        kept = "&".join(f"{name}={value}" for name, value in query.items() if name not in ("cursor", "apiKey"))
        cursor = base64.urlsafe_b64encode(str(ts).encode()).decode()
        return f"{self._own_url()}{path}?cursor={cursor}&{kept}"


def _spec(found: re.Match[str]) -> CandleSpec:
    unit = _UNITS.get(found["unit"])
    if unit is None or not int(found["count"]):
        raise InvalidInput(f"invalid timespan: {found['count']} {found['unit']}", field="timespan")
    return CandleSpec(int(found["count"]), unit)


def _limit(query: dict[str, str], *, default: int, largest: int) -> int:
    text = query.get("limit", str(default))
    if not text.isdigit() or not 1 <= int(text) <= largest:
        raise InvalidInput(f"invalid limit: expected 1 to {largest}, found {text}", field="limit")
    return int(text)


def _moment(text: str, *, is_end: bool = False) -> int:
    """A day in New York (its end, if it is one), or milliseconds."""
    if text.isdigit():
        return int(text) * NS_PER_MS
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"invalid date: {text}", field="date") from None
    start = from_datetime(datetime.combine(day + timedelta(days=is_end), time(0), NEW_YORK))
    return start - 1 if is_end else start


def _bound(query: dict[str, str], name: str, default: int) -> int:
    """`timestamp.gte` and its like: nanoseconds, or a time."""
    text = query.get(f"timestamp.{name}", "")
    if not text:
        return default
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"invalid timestamp: {text}", field="timestamp") from None
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))


def _cursor(query: dict[str, str]) -> int:
    """Everything up to here was sent; −1 for nothing."""
    try:
        return int(base64.urlsafe_b64decode(query["cursor"])) if "cursor" in query else -1
    except ValueError:
        raise InvalidInput("invalid cursor", field="cursor") from None


def _midnight(day_ms: int) -> int:
    """A day's aggregate is stamped with New York's midnight."""
    day = date(1970, 1, 1) + timedelta(days=day_ms * NS_PER_MS // NS_PER_DAY)
    return from_datetime(datetime.combine(day, time(0), NEW_YORK))


def _problem(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, {"status": "ERROR", "request_id": "simulated", "error": message})
