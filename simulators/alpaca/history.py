"""Alpaca's market data over REST: bars, trades and quotes of the past, in pages, and the latest of each."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from engine.errors import InvalidInput
from engine.model.time import NS_PER_DAY, NS_PER_MS, NS_PER_S, from_datetime
from simulators.alpaca import wire
from simulators.candles import Candle, CandleSpec
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market, SymbolMarket
from simulators.sessions import NEW_YORK
from simulators.tape import candles, last_print, prints

MAX_LIMIT, DEFAULT_LIMIT = 10_000, 1_000
_PATH = re.compile(r"^/v2/stocks(?:/(?P<symbol>[^/]+))?/(?P<kind>bars|trades|quotes)(?P<latest>/latest)?$")
_TIMEFRAME = re.compile(r"^(?P<count>\d{0,2})(?P<unit>Min|T|Hour|H|Day|D|Week|W|Month|M)$")
_UNITS = {"Min": "m", "T": "m", "Hour": "h", "H": "h", "Day": "d", "D": "d", "Week": "w", "W": "w"}
_LONGEST = {"m": 59, "h": 23, "d": 1, "w": 1}
_RECENT_NS = 15 * 60 * NS_PER_S

Row = tuple[int, dict[str, Any]]


class HistoryDesk:
    """Answers what lies in the past of `market`. With `is_delayed_sip`, the consolidated tape's last 15 minutes are
    not for us."""

    def __init__(self, market: Market, now: Callable[[], int], *, is_delayed_sip: bool = False) -> None:
        self._market = market
        self._now = now
        self._is_delayed_sip = is_delayed_sip

    def handle(self, request: HttpRequest) -> HttpResponse | None:
        """None for a path that is not ours."""
        match = _PATH.match(request.path)
        if match is None or request.method != "GET":
            return None
        query = {name: values[-1] for name, values in request.query.items()}
        single = match["symbol"]
        names = [single] if single else [name for name in query.get("symbols", "").split(",") if name]
        if not names:
            return _problem(400, "symbols is required")
        try:
            document = (
                self._latest(match["kind"], names) if match["latest"] else self._pages(match["kind"], names, query)
            )
        except InvalidInput as error:
            return _problem(400, error.detail)
        except PermissionError as error:
            return _problem(403, str(error))
        if single:
            key = next(iter(document))
            empty: Any = {} if match["latest"] else []
            document = {**document, key: document[key].get(single, empty), "symbol": single}
        return HttpResponse(200, document)

    # ---- pages ------------------------------------------------------------------------------------------------

    def _pages(self, kind: str, names: list[str], query: dict[str, str]) -> dict[str, Any]:
        now = self._now()
        start = _moment(query.get("start"), now // NS_PER_DAY * NS_PER_DAY, name="start")
        end = _moment(query.get("end"), now, name="end")
        if self._is_delayed_sip and query.get("feed", "sip") == "sip" and end > now - _RECENT_NS:
            raise PermissionError("subscription does not permit querying recent SIP data")
        limit = _limit(query.get("limit"))
        after = _after(query.get("page_token"))
        found: dict[str, list[dict[str, Any]]] = {}
        count, token = 0, None
        for name in sorted(names):
            if after is not None and name < after[0]:
                continue
            first = max(start, after[1] + 1) if after is not None and name == after[0] else start
            for ts, row in self._rows(kind, name, query, first, min(end, now)):
                if count == limit:
                    return {kind: found, "next_page_token": token}
                count += 1
                found.setdefault(name, []).append(row)
                token = base64.b64encode(f"{name}|{ts}".encode()).decode()
        return {kind: found, "next_page_token": None}

    def _rows(self, kind: str, name: str, query: dict[str, str], start: int, end: int) -> Iterator[Row]:
        market = self._market.find(name)
        if market is None:
            return
        if kind == "bars":
            yield from self._bars(market, _spec(query.get("timeframe", "1Min")), start, end)
            return
        make = wire.trade if kind == "trades" else wire.quote
        for each in prints(market, start=start - 1, end=end):
            yield each.ts, _plain(make(market.listing, each))

    def _bars(self, market: SymbolMarket, spec: CandleSpec, start: int, end: int) -> Iterator[Row]:
        is_daily = spec.unit in ("d", "w")
        first = start - NS_PER_DAY if is_daily else start
        for candle in candles(market, spec, start=first, end=end, now=self._now()):
            ts = _midnight(candle.time) if is_daily else candle.time * NS_PER_MS
            if start <= ts <= end:
                yield ts, _plain(wire.bar(market.listing, candle, kind="b", ts=ts))

    # ---- the latest -------------------------------------------------------------------------------------------

    def _latest(self, kind: str, names: Iterable[str]) -> dict[str, Any]:
        found = {}
        for name in names:
            market = self._market.find(name)
            row = self._latest_of(kind, market) if market else None
            if row is not None:
                found[name] = row
        return {kind: found}

    def _latest_of(self, kind: str, market: SymbolMarket) -> dict[str, Any] | None:
        now = self._now()
        last = last_print(market, now)
        if last is None:
            return None
        if kind == "bars":
            minutes: list[Candle] = candles(market, CandleSpec(1, "m"), start=last.ts - NS_PER_DAY, end=now, now=now)
            return _plain(wire.bar(market.listing, minutes[-1], kind="b")) if minutes else None
        return _plain((wire.trade if kind == "trades" else wire.quote)(market.listing, last))


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """As REST has it: without type and symbol, times as text."""
    return {name: value for name, value in event.items() if name not in ("T", "S")} | {"t": wire.rfc3339(event["t"])}


def _midnight(day_ms: int) -> int:
    """A day's bar is stamped with New York's midnight."""
    day = date(1970, 1, 1) + timedelta(days=day_ms * NS_PER_MS // NS_PER_DAY)
    return from_datetime(datetime.combine(day, time(0), NEW_YORK))


def _spec(text: str) -> CandleSpec:
    match = _TIMEFRAME.match(text)
    unit = _UNITS.get(match["unit"]) if match else None
    count = int(match["count"] or 1) if match else 0
    if unit is None or not 1 <= count <= _LONGEST[unit]:
        raise InvalidInput(f"invalid timeframe: {text}", field="timeframe")
    return CandleSpec(count, unit)


def _moment(text: str | None, default: int, *, name: str) -> int:
    if not text:
        return default
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"invalid {name}: {text}", field=name) from None
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))


def _limit(text: str | None) -> int:
    found = int(text) if text and text.isdigit() else DEFAULT_LIMIT if not text else 0
    if not 1 <= found <= MAX_LIMIT:
        raise InvalidInput(f"invalid limit: expected 1 to {MAX_LIMIT}", field="limit")
    return found


def _after(token: str | None) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        name, _, ts = base64.b64decode(token).decode().partition("|")
        return name, int(ts)
    except ValueError:
        raise InvalidInput("invalid page_token", field="page_token") from None


def _problem(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, {"message": message})
