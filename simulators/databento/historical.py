"""The historical HTTP interface: ranges of records, what they cost, what there is, what symbols mean."""

import base64
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
import zstandard

from engine.model.time import NS_PER_DAY, NS_PER_S, from_datetime, iso, to_datetime
from simulators.databento import records
from simulators.databento.names import DATASETS, SCHEMAS, STYPES, Instrument, Names
from simulators.http_server import HttpRequest, HttpResponse
from simulators.market import Market

_SIZES = {"trades": 48, "tbbo": 80, "mbp-1": 80, "definition": 520, "statistics": 80, "status": 40}
_DOLLARS_A_BYTE = 8 / 2**30
_AVAILABLE = 400 * NS_PER_DAY  # how far back there is anything


class Refused(Exception):
    """An answer other than success, in the vendor's words."""

    def __init__(self, status: int, case: str, message: str) -> None:
        super().__init__(message)
        self.response = HttpResponse(
            status, {"detail": {"case": case, "message": message, "status_code": status, "docs": "", "payload": {}}}
        )


class Query(msgspec.Struct, frozen=True):
    """A request for a range: `found` by what was asked for, `end` is exclusive."""

    dataset: str
    schema: str
    stype_in: str
    found: dict[str, list[Instrument]]
    start: int
    end: int
    limit: int | None

    @property
    def missing(self) -> list[str]:
        return [symbol for symbol, instruments in self.found.items() if not instruments]


class Historical:
    """Answers `/v0/…`. Records are available up to `lag_s` before the market's present."""

    def __init__(self, market: Market, now: Callable[[], int], *, keys: Collection[str], lag_s: float) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._market = market
        self._now = now
        self._keys = keys
        self._lag_ns = int(lag_s * NS_PER_S)
        self._methods: dict[str, Callable[[dict[str, str]], HttpResponse]] = {
            "timeseries.get_range": self._get_range,
            "metadata.list_datasets": lambda form: HttpResponse(200, list(DATASETS)),
            "metadata.list_schemas": lambda form: HttpResponse(200, list(SCHEMAS)),
            "metadata.get_dataset_range": self._dataset_range,
            "metadata.get_record_count": lambda form: HttpResponse(200, len(self._rows(self._query(form)))),
            "metadata.get_billable_size": lambda form: HttpResponse(200, self._size(self._query(form))),
            "metadata.get_cost": lambda form: HttpResponse(200, self._size(self._query(form)) * _DOLLARS_A_BYTE),
            "symbology.resolve": self._resolve,
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        method = self._methods.get(request.path.removeprefix("/v0/"))
        form = {name: values[0] for name, values in request.query.items()}
        form |= {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.requests.append((request.path, form))
        if method is None:
            return HttpResponse(404, {"detail": "Not Found"})
        try:
            self._check_key(request)
            return method(form)
        except Refused as refused:
            return refused.response

    def _check_key(self, request: HttpRequest) -> None:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        key = base64.b64decode(secret).decode().partition(":")[0] if kind == "Basic" else ""
        if key not in self._keys:
            raise Refused(401, "auth_authentication_failed", "Authentication failed.")

    # ---- what is asked ----------------------------------------------------------------------------------------

    def _query(self, form: dict[str, str]) -> Query:
        dataset, schema = form.get("dataset", ""), form.get("schema", "trades")
        stype = form.get("stype_in", "raw_symbol")
        if dataset not in DATASETS or schema not in SCHEMAS or stype not in STYPES:
            raise Refused(
                422, "data_invalid_request", f"Unknown dataset, schema or stype_in: {dataset}, {schema}, {stype}"
            )
        end = self._available_end() if "end" not in form else _moment(form["end"])
        start = _moment(form.get("start", ""))
        self._check_range(dataset, start, end)
        names = Names(self._market, dataset, to_datetime(start).date())
        symbols = [each for each in form.get("symbols", "ALL_SYMBOLS").split(",") if each]
        found = {each: names.everything() if each == "ALL_SYMBOLS" else names.resolve(each, stype) for each in symbols}
        if not any(found.values()):
            raise Refused(422, "symbology_invalid_request", "None of the symbols could be resolved")
        limit = int(form["limit"]) if "limit" in form else None
        return Query(dataset, schema, stype, found, start, end, limit)

    def _check_range(self, dataset: str, start: int, end: int) -> None:
        available = self._available_end()
        until = f"The dataset {dataset} has data available up to '{iso(available)}'. "
        if start >= end:
            raise Refused(422, "data_time_range_start_on_or_after_end", "`start` must be before `end`")
        if start >= available:
            raise Refused(422, "data_start_after_available_end", f"{until}The `start` in the query is after it.")
        if end > available:
            raise Refused(422, "data_end_after_available_end", f"{until}The `end` in the query is after it.")

    def _available_end(self) -> int:
        return self._now() - self._lag_ns

    def _rows(self, query: Query) -> list[tuple[int, bytes]]:
        rows = [
            row
            for instruments in query.found.values()
            for each in instruments
            for row in records.history(
                each, query.dataset, query.schema, start=query.start, end=query.end, now=self._available_end()
            )
        ]
        rows.sort(key=lambda row: row[0])
        return rows[: query.limit]

    def _size(self, query: Query) -> int:
        return len(self._rows(query)) * _SIZES.get(query.schema, 56)

    # ---- answers ----------------------------------------------------------------------------------------------

    def _get_range(self, form: dict[str, str]) -> HttpResponse:
        query = self._query(form)
        days = _days(query.start, query.end)  # one number for the whole range: that of its first day
        mappings = [
            records.Mapping(symbol, [records.Interval(day, str(each.id)) for day in days for each in instruments])
            for symbol, instruments in query.found.items()
            if instruments
        ]
        head = records.metadata(
            query.dataset, start=query.start, end=query.end, schema=query.schema, stype_in=query.stype_in,
            symbols=query.found, not_found=query.missing, mappings=mappings,
        )  # fmt: skip
        body = zstandard.compress(head + b"".join(record for _, record in self._rows(query)))
        headers = {"Content-Type": "application/octet-stream"}
        if query.missing:
            text = f"Warning: some symbols could not be resolved: {', '.join(query.missing)}"
            headers["X-Warning"] = msgspec.json.encode([text]).decode()
        return HttpResponse(206 if query.missing else 200, body, headers)

    def _dataset_range(self, form: dict[str, str]) -> HttpResponse:
        end = self._available_end()
        span = {"start": iso(end - _AVAILABLE), "end": iso(end)}
        return HttpResponse(200, {**span, "schema": dict.fromkeys(SCHEMAS, span)})

    def _resolve(self, form: dict[str, str]) -> HttpResponse:
        day = date.fromisoformat(form["start_date"])
        names = Names(self._market, form["dataset"], day)
        symbols = form["symbols"].split(",")
        found = {symbol: names.resolve(symbol, form.get("stype_in", "raw_symbol")) for symbol in symbols}
        end = form.get("end_date") or date.fromordinal(day.toordinal() + 1).isoformat()
        attribute = "raw" if form.get("stype_out") == "raw_symbol" else "id"
        result = {
            symbol: [{"d0": day.isoformat(), "d1": end, "s": str(getattr(each, attribute))} for each in instruments]
            for symbol, instruments in found.items()
            if instruments
        }
        missing = [symbol for symbol, instruments in found.items() if not instruments]
        document: dict[str, Any] = {
            "result": result, "symbols": symbols, "stype_in": form.get("stype_in"), "stype_out": form.get("stype_out"),
            "start_date": day.isoformat(), "end_date": end, "partial": [], "not_found": missing,
            "message": "Not found" if missing else "OK", "status": 2 if missing else 0,
        }  # fmt: skip
        return HttpResponse(200, document)


def _days(start: int, end: int) -> list[date]:
    first, last = to_datetime(start).date().toordinal(), to_datetime(end - 1).date().toordinal()
    return [date.fromordinal(each) for each in range(first, last + 1)]


def _moment(text: str) -> int:
    """ISO 8601, or nanoseconds; without a zone it is UTC."""
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(422, "data_invalid_request", f"{text!r} is no time") from error
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))
