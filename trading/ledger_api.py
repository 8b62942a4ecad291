"""The trader over HTTP: what it holds, what it did, and why."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by
from trading import selectors, serializers
from trading.models import Trade
from trading.rolls import rolling

EARLIEST, LATEST = 1900, 9000  # years: a day more or a zone away is still a time
CanReadRuns = allowed_by("trading.view_run")
CanReadPositions = allowed_by("trading.view_position")
CanReadTrades = allowed_by("trading.view_trade")
CanReadOrders = allowed_by("trading.view_order")
CanReadDecisions = allowed_by("trading.view_decision")


def _text(*names: str) -> list[OpenApiParameter]:
    return [OpenApiParameter(name, OpenApiTypes.STR) for name in names]


def _query(request: Request, *names: str) -> dict[str, str]:
    """The filters that were given; symbols in the spelling we store."""
    given = {name: request.query_params.get(name, "").strip() for name in names}
    if given.get("symbol"):
        given["symbol"] = normalize_symbol(given["symbol"])
    return {name: value for name, value in given.items() if value}


class TradingStatus(APIView):
    """What `strategy` does now; without it, every strategy that ever ran."""

    permission_classes = (CanReadRuns,)

    @extend_schema(parameters=_text("strategy"), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        given = _query(request, "strategy")
        found = selectors.trading_status(**given)
        return Response(found[0] if given else {"strategies": found})


class Positions(APIView):
    """What is held now."""

    permission_classes = (CanReadPositions,)

    @extend_schema(parameters=_text("strategy", "book"), responses=serializers.PositionOutput(many=True))
    def get(self, request: Request) -> Response:
        given = _query(request, "strategy", "book")
        found = selectors.positions(strategy=given.get("strategy", ""), book=given.get("book", ""))
        return Response(serializers.PositionOutput(found, many=True, context={"rolling": rolling(found)}).data)


class Trades(APIView):
    """Closed trades, newest first. Dates are UTC; a day given as `end_date` is included."""

    permission_classes = (CanReadTrades,)
    trade_type = ""

    @extend_schema(
        parameters=[
            *_text("strategy", "trade_type", "symbol", "broker", "start_date", "end_date"),
            *PAGE_PARAMETERS,
        ],
        responses=paged(serializers.TradeOutput),
    )
    def get(self, request: Request) -> Response:
        return Response(page_of(trades_asked_for(request, self.trade_type), request, serializers.TradeOutput))


class TradeStatistics(APIView):
    """Counts and P&L of the trades that the filters leave."""

    permission_classes = (CanReadTrades,)
    trade_type = ""

    @extend_schema(
        parameters=_text("strategy", "symbol", "broker", "start_date", "end_date"),
        responses=serializers.StatisticsOutput,
    )
    def get(self, request: Request) -> Response:
        found = selectors.trade_statistics(trades_asked_for(request, self.trade_type))
        return Response(serializers.StatisticsOutput(found).data)


class Orders(APIView):
    """Orders, newest first, each with its whole life."""

    permission_classes = (CanReadOrders,)

    @extend_schema(
        parameters=[*_text("strategy", "symbol", "state", "book"), *PAGE_PARAMETERS],
        responses=paged(serializers.OrderOutput),
    )
    def get(self, request: Request) -> Response:
        found = selectors.orders(**_query(request, "strategy", "symbol", "state", "book"))
        return Response(page_of(found, request, serializers.OrderOutput))


class Decisions(APIView):
    """Signals, suppressions, denials and faults with their reasons, newest first."""

    permission_classes = (CanReadDecisions,)

    @extend_schema(
        parameters=[*_text("strategy", "symbol", "kind", "book"), *PAGE_PARAMETERS],
        responses=paged(serializers.DecisionOutput),
    )
    def get(self, request: Request) -> Response:
        found = selectors.decisions(**_query(request, "strategy", "symbol", "kind", "book"))
        return Response(page_of(found, request, serializers.DecisionOutput))


def trades_asked_for(request: Request, trade_type: str) -> QuerySet[Trade]:
    """The trades that the query's filters leave; `trade_type` is the route's own where it has one."""
    filters: dict[str, Any] = _query(request, "strategy", "trade_type", "symbol", "broker")
    if trade_type:
        filters["trade_type"] = trade_type
    start, end = _moment(request, "start_date"), _moment(request, "end_date", is_end=True)
    if start and end and start >= end:
        raise InvalidInput("start_date: a time before end_date was expected.", field="start_date")
    return selectors.trades(**filters, start=start, end=end)


def _moment(request: Request, field: str, *, is_end: bool = False) -> datetime | None:
    raw = request.query_params.get(field, "").strip()
    if not raw:
        return None
    try:
        day = parse_date(raw) if len(raw) == 10 else None
        moment = datetime.combine(day, time(), tzinfo=UTC) if day else parse_datetime(raw)
    except ValueError:
        moment = None
    if moment is None or not EARLIEST <= moment.year <= LATEST:
        raise InvalidInput(
            f"{field}: a date such as 2026-11-20 or an ISO time was expected, found {raw!r}.", field=field
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment + timedelta(days=1) if day and is_end else moment
