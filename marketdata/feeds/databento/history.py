"""Databento's history over HTTP: ranges of records, made into the bars that were asked for."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import databento_dbn
import msgspec
import numpy as np

from engine.bars.columns import TickColumns, build_columns
from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.instruments.catalog import bar_session
from engine.instruments.sessions import SessionOf
from engine.model.market import Bar
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, from_datetime
from infra.http import http_client
from marketdata.feeds.databento.symbols import stype_of
from marketdata.feeds.databento.translate import SCALE
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.streaming.pace import Turns

if TYPE_CHECKING:
    import httpx

dbn: Any = databento_dbn  # its stubs call the members of its enumerations plain text

URL = "https://hist.databento.com"
_KNOWN_END_S = 30.0  # how long an answer about what is available is good
_TIMEOUT_S = 120.0
_UNKNOWN = frozenset({"symbology_invalid_request", "symbology_invalid_symbol"})
_NOT_YET = frozenset({"data_start_after_available_end", "data_start_before_available_start"})
_NO_PRICE = 2**63 - 1
_SPANS = (("ohlcv-1h", NS_PER_HOUR), ("ohlcv-1m", NS_PER_MINUTE), ("ohlcv-1s", NS_PER_S))


class TooExpensive(FeedError):
    """The request would cost more than is allowed."""

    code = "too_expensive"


class Refused(FeedError):
    """The venue says no for good; `case` is its own word for the reason."""

    code = "feed_refused"

    def __init__(self, case: str, detail: str) -> None:
        super().__init__(detail)
        self.case = case


class DatabentoHistory:
    """One dataset's history. A connection is opened with the first request and kept until `close`."""

    def __init__(
        self,
        name: str,
        key: str,
        *,
        dataset: str,
        url: str = "",
        max_cost_usd: float = 0.0,
        requests_per_minute: int = 1_200,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._name = name
        self._key = key
        self._dataset = dataset
        self._url = url or URL
        self._max_cost_usd = max_cost_usd
        self._timeout_s = timeout_s
        self._turn = Turns(requests_per_minute)
        self._client: httpx.AsyncClient | None = None
        self._available: tuple[float, int] | None = None  # when we asked, and up to when there is data

    async def bars(self, symbol: str, venue_name: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """Closed bars with start < ts ≤ end, oldest first; as far as the venue has data already."""
        parsed, session = parse_timeframe(timeframe), bar_session(symbol)
        schema, span = _source(parsed)
        since = _begin(parsed, session, start)
        until = min(end, await self._available_end())
        if since >= until:
            return []
        body = await self._range(venue_name, schema, since, until)
        made = await asyncio.to_thread(self._bars, body, symbol, parsed, span, until)
        return [bar for bar in made if start < bar.ts <= until]

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    # ---- requests -----------------------------------------------------------------------------------------------

    async def _range(self, venue_name: str, schema: str, start: int, end: int) -> bytes:
        form = {
            "dataset": self._dataset,
            "symbols": venue_name,
            "stype_in": stype_of(venue_name),
            "schema": schema,
            "start": str(start),
            "end": str(end),
        }
        try:
            if self._max_cost_usd:
                await self._check_cost(form)
            asked = {**form, "stype_out": "instrument_id", "encoding": "dbn", "compression": "zstd"}
            return (await self._ask("POST", "timeseries.get_range", data=asked)).content
        except Refused as error:
            if error.case in _UNKNOWN | _NOT_YET:
                return b""
            raise

    async def _check_cost(self, form: dict[str, str]) -> None:
        cost = float((await self._ask("POST", "metadata.get_cost", data=form)).json())
        if cost > self._max_cost_usd:
            raise TooExpensive(
                f"{self._name}: {form['schema']} of {form['symbols']} would cost {cost:.2f} USD, and max_cost_usd is "
                f"{self._max_cost_usd:g}"
            )

    async def _available_end(self) -> int:
        """Up to when there is data: a request beyond is refused as a whole."""
        now = time.monotonic()
        if self._available is None or now - self._available[0] > _KNOWN_END_S:
            answer = await self._ask("GET", "metadata.get_dataset_range", params={"dataset": self._dataset})
            self._available = (now, _available_end(answer.content))
        return self._available[1]

    async def _ask(self, verb: str, method: str, **content: Any) -> "httpx.Response":
        import httpx  # on first use, see infra.http

        if self._client is None:
            self._client = http_client(base_url=self._url, timeout_s=self._timeout_s, auth=(self._key, ""))
        await self._turn()
        try:
            response = await self._client.request(verb, f"/v0/{method}", **content)
        except httpx.HTTPError as error:
            raise FeedUnavailable(f"{self._url} does not answer: {error or type(error).__name__}") from error
        _check(response, f"{self._name}: {method}")
        return response

    # ---- records ------------------------------------------------------------------------------------------------

    def _bars(self, body: bytes, symbol: str, timeframe: Timeframe, span: int, end: int) -> list[Bar]:
        records = _decode(body)
        if timeframe.kind in (TimeframeKind.TIME, TimeframeKind.SESSION):
            pieces = [self._bar(record, symbol, span) for record in records]
            return self._joined(pieces, timeframe, bar_session(symbol), end)
        ticks = _columns(symbol, records)
        if not len(ticks):
            return []
        made = build_columns(ticks, timeframe.text, session=bar_session(symbol)).bars(source=self._source_name)
        whole = [bar for bar in made if bar.is_complete]
        return [msgspec.structs.replace(bar, quality="vendor") for bar in whole[:-1]]  # the last one is still forming

    @property
    def _source_name(self) -> str:
        return f"vendor:{self._name}"

    def _bar(self, record: Any, symbol: str, span: int) -> Bar:
        o, h, low, c = (each / SCALE for each in (record.open, record.high, record.low, record.close))
        return Bar(
            record.ts_event + span, symbol, "", record.ts_event, o, h, low, c, float(record.volume),
            source=self._source_name, quality="vendor",
        )  # fmt: skip

    def _joined(self, pieces: Sequence[Bar], timeframe: Timeframe, session: SessionOf, end: int) -> list[Bar]:
        """Bars of `timeframe` out of the vendor's shorter ones; none that is not over at `end`."""
        period_of = _periods(timeframe, session)
        found = []
        for (ts_open, ts), group in groupby(pieces, key=lambda piece: period_of(piece.ts_open)):
            inside = list(group)
            if ts <= end:
                found.append(
                    msgspec.structs.replace(
                        inside[0], ts=ts, ts_open=ts_open, timeframe=timeframe.text, close=inside[-1].close,
                        high=max(piece.high for piece in inside), low=min(piece.low for piece in inside),
                        volume=sum(piece.volume for piece in inside),
                    )
                )  # fmt: skip
        return found


def _source(timeframe: Timeframe) -> tuple[str, int]:
    """The schema to make `timeframe` of, and how long its bars are (0: prints)."""
    if timeframe.kind is TimeframeKind.SESSION:
        return _SPANS[0]  # every trading day begins and ends on the hour
    if timeframe.kind is TimeframeKind.TIME:
        return next((schema, span) for schema, span in _SPANS if timeframe.size * NS_PER_S % span == 0)
    return "trades", 0


def _begin(timeframe: Timeframe, session: SessionOf, start: int) -> int:
    """From where records are needed to have whole bars after `start`."""
    if timeframe.kind is TimeframeKind.TIME:
        return start - start % (timeframe.size * NS_PER_S)
    return min(session(start).open, start)  # what is counted is counted from there


def _periods(timeframe: Timeframe, session: SessionOf) -> Callable[[int], tuple[int, int]]:
    """Moment → the period it is in."""
    if timeframe.kind is TimeframeKind.SESSION:
        return lambda ts: (session(ts).open, session(ts).close)
    span = timeframe.size * NS_PER_S
    return lambda ts: (ts - ts % span, ts - ts % span + span)


def _decode(body: bytes) -> list[Any]:
    if not body:
        return []
    decoder = dbn.DBNDecoder(compression=dbn.Compression.ZSTD, upgrade_policy=dbn.VersionUpgradePolicy.UPGRADE_TO_V3)
    try:
        records = decoder.write_and_decode(body)
    except (dbn.DBNError, RuntimeError) as error:  # the latter for a bad zstd frame
        raise FeedProtocolError(f"history that cannot be read: {error}") from error
    if decoder.buffer():
        raise FeedUnavailable("history that ends in the middle of a record")
    return [record for record in records if isinstance(record, dbn.OHLCVMsg | dbn.TradeMsg)]


def _columns(symbol: str, records: Iterable[Any]) -> TickColumns:
    rows = [
        (record.ts_event, record.price / SCALE, float(record.size)) for record in records if record.price != _NO_PRICE
    ]
    rows.sort(key=lambda row: row[0])  # they come by time of receipt
    ts, price, size = zip(*rows, strict=True) if rows else ((), (), ())
    return TickColumns(
        symbol, np.array(ts, dtype=np.int64), np.array(price, dtype=np.float64), np.array(size, dtype=np.float64)
    )


def _available_end(content: bytes) -> int:
    try:
        return from_datetime(datetime.fromisoformat(msgspec.json.decode(content)["end"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise FeedProtocolError(
            f"get_dataset_range: a document with end was expected, found {content[:120]!r}"
        ) from error


def _check(response: "httpx.Response", what: str) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    case, message = _reason(response.content)
    if status in (401, 402, 403):
        raise FeedUnauthorized(f"{what}: {message} (HTTP {status}; check the API key, the licence and the account)")
    if status in (408, 429) or status >= 500:
        wait = response.headers.get("retry-after", "")
        raise FeedUnavailable(
            f"{what}: {message} (HTTP {status})", retry_after_s=float(wait) if wait.isdigit() else 0.0
        )
    raise Refused(case, f"{what}: {message} (HTTP {status}, {case})")


def _reason(content: bytes) -> tuple[str, str]:
    """The vendor's word for an error, and its text."""
    try:
        detail = msgspec.json.decode(content)["detail"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return "", repr(content[:200])
    if isinstance(detail, dict):
        return str(detail.get("case", "")), str(detail.get("message", ""))
    return "", str(detail)
