"""What the page loads, as an API of its own: a chart, a book's overview, and the executions to mark."""

import msgspec
from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import selectors
from dashboard.trade_detail import trade_detail
from engine.bars.timeframe import canonical
from infra.redis.client import sync_client
from infra.web.permissions import allowed_by
from marketdata.chart_specs import line_specs
from marketdata.lines import IndicatorLines
from marketdata.relay import stored_chart
from trading.book_services import book_of

CanRead = allowed_by("trading.view_book")


class ChartView(APIView):
    """Recent bars with the strategies' indicator lines: what the WebSocket sends first."""

    @extend_schema(operation_id="chart", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, symbol: str, timeframe: str) -> Response:
        timeframe = canonical(timeframe)
        specs = line_specs(symbol=symbol, timeframe=timeframe)
        chart = stored_chart(sync_client(settings.REDIS_URL), symbol, timeframe, specs, IndicatorLines)
        return Response(msgspec.to_builtins(chart))


class OverviewView(APIView):
    """Totals, strategies, positions, orders, fills, trades, decisions and alerts of one book."""

    permission_classes = (CanRead,)

    @extend_schema(operation_id="book_overview", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, book: str) -> Response:
        return Response(selectors.overview(book=book))


class TradeDetailView(APIView):
    """One trade with the story of its entry and its exit."""

    permission_classes = (CanRead,)

    @extend_schema(operation_id="book_trade", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, book: str, trade: int) -> Response:
        return Response(trade_detail(book=book, trade=trade))


class FillsView(APIView):
    """The newest executions of one book, oldest first."""

    permission_classes = (CanRead,)

    @extend_schema(
        operation_id="book_fills", parameters=[OpenApiParameter("symbol", str)], responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, book: str) -> Response:
        row = book_of(book)
        symbol = request.query_params.get("symbol", "")
        return Response({"fills": selectors.fills(book=row, symbol=symbol, limit=selectors.MAX_MARKERS)})
