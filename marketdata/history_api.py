"""Stored history over HTTP: bars, what there is, and statistics of a span."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.errors import InvalidInput
from engine.model.market import Bar
from engine.model.time import from_datetime, iso
from marketdata import history_selectors
from marketdata.history_selectors import History

DEFAULT_LIMIT, LARGEST_LIMIT = 1_000, 50_000

_PARAMETERS = [
    OpenApiParameter("timeframe", OpenApiTypes.STR, description="Any spelling; 1 if not given."),
    OpenApiParameter("start", OpenApiTypes.STR, description="A day or an ISO 8601 moment, UTC if it names no zone."),
    OpenApiParameter("end", OpenApiTypes.STR, description="The same; a day is included whole."),
    OpenApiParameter("adjusted", OpenApiTypes.BOOL, description="Apply the known splits."),
]
_LIMIT = OpenApiParameter(
    "limit", OpenApiTypes.INT, description=f"The newest so many, 1 to {LARGEST_LIMIT}; {DEFAULT_LIMIT} if not given."
)


class HistoryRow(serializers.Serializer[Any]):
    """One bar: `timestamp` and `price` are its close."""

    symbol = serializers.CharField()
    timestamp = serializers.CharField(help_text="ISO 8601 UTC, nine decimals.")
    price = serializers.FloatField()
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField()
    trade_count = serializers.IntegerField()
    vwap = serializers.FloatField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not the option
    quality = serializers.CharField()
    is_complete = serializers.BooleanField(help_text="False: begun in the middle, or prints of it are missing.")


class HistoryOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    timeframe = serializers.CharField()
    count = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text="Older bars of the span were left out by the limit.")
    results = HistoryRow(many=True)


class SymbolOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    timeframes = serializers.ListField(child=serializers.CharField())
    has_ticks = serializers.BooleanField()
    first = serializers.DateField()
    last = serializers.DateField()
    size_bytes = serializers.IntegerField()
    last_price = serializers.FloatField(allow_null=True)


class SpanOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    timeframe = serializers.CharField()
    count = serializers.IntegerField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class OhlcvOutput(SpanOutput):
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField()
    trade_count = serializers.IntegerField()
    vwap = serializers.FloatField(allow_null=True)
    average_volume = serializers.FloatField()
    average_range = serializers.FloatField()


class StatsOutput(SpanOutput):
    last = serializers.FloatField()
    mean = serializers.FloatField()
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    standard_deviation = serializers.FloatField(allow_null=True)
    change = serializers.FloatField()
    change_pct = serializers.FloatField(allow_null=True)
    volatility = serializers.FloatField(allow_null=True, help_text="Standard deviation of the returns, bar to bar.")
    max_drawdown = serializers.FloatField(help_text="A fraction: 0.02 is 2 %.")


class HistoryView(APIView):
    """Bars of a symbol, oldest first; the newest ones where the limit cuts."""

    @extend_schema(parameters=[*_PARAMETERS, _LIMIT], responses=HistoryOutput)
    def get(self, request: Request, symbol: str) -> Response:
        found = _history(request, symbol, limit=_limit(request))
        return Response(
            {
                "symbol": found.symbol,
                "timeframe": found.timeframe,
                "count": len(found.bars),
                "is_cut": found.is_cut,
                "results": [_row(bar) for bar in found.bars],
            }
        )


class SymbolsView(APIView):
    """Every symbol of which something is stored."""

    @extend_schema(responses=SymbolOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(SymbolOutput(history_selectors.overview(), many=True).data)


class OhlcvView(APIView):
    """The span as one bar, and its averages."""

    @extend_schema(parameters=_PARAMETERS, responses=OhlcvOutput)
    def get(self, request: Request, symbol: str) -> Response:
        return Response(OhlcvOutput(history_selectors.ohlcv(_history(request, symbol))).data)


class StatsView(APIView):
    """Statistics of the closes of the span."""

    @extend_schema(parameters=_PARAMETERS, responses=StatsOutput)
    def get(self, request: Request, symbol: str) -> Response:
        return Response(StatsOutput(history_selectors.stats(_history(request, symbol))).data)


def _history(request: Request, symbol: str, *, limit: int | None = None) -> History:
    start, end = _moment(request, "start"), _moment(request, "end")
    if start is not None and end is not None and start >= end:
        raise InvalidInput("start: a moment before end was expected.", field="start")
    query = request.query_params
    return history_selectors.history(
        symbol=symbol,
        timeframe=query.get("timeframe") or "1",
        start=start,
        end=end,
        limit=limit,
        adjust=_is_adjusted(request),
    )


def _is_adjusted(request: Request) -> bool:
    raw = request.query_params.get("adjusted", "").lower()
    if raw not in ("", "1", "true", "yes", "0", "false", "no"):
        raise InvalidInput(f"adjusted: true or false was expected, found {raw!r}.", field="adjusted")
    return raw in ("1", "true", "yes")


def _moment(request: Request, field: str) -> int | None:
    raw = request.query_params.get(field)
    if not raw:
        return None
    try:
        if len(raw) == 10:
            day = date.fromisoformat(raw) + timedelta(days=field == "end")
            return from_datetime(datetime.combine(day, time(), UTC))
        # A plus sign that was not encoded arrives as a space.
        found = datetime.fromisoformat(raw.replace(" ", "+") if raw[10:11] == "T" else raw)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{field}: a day like 2026-11-20 or an ISO 8601 moment was expected, found {raw!r}.", field=field
        ) from error
    return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))


def _limit(request: Request) -> int:
    raw = request.query_params.get("limit") or str(DEFAULT_LIMIT)
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and 1 <= int(raw) <= LARGEST_LIMIT):
        raise InvalidInput(
            f"limit: a whole number from 1 to {LARGEST_LIMIT} was expected, found {raw!r}.", field="limit"
        )
    return int(raw)


def _row(bar: Bar) -> dict[str, Any]:
    return {
        "symbol": bar.symbol,
        "timestamp": iso(bar.ts),
        "price": bar.close,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "trade_count": bar.trade_count,
        "vwap": bar.vwap if bar.vwap == bar.vwap else None,
        "source": bar.source,
        "quality": bar.quality,
        "is_complete": bar.is_complete,
    }
