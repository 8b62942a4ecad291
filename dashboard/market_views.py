"""The market as a page and over HTTP: what moves, quotes, and the search for symbols."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import market, symbol_search
from dashboard.views import PolicyMixin
from engine.errors import InvalidInput


@method_decorator(ensure_csrf_cookie, name="dispatch")
class MarketPage(PolicyMixin, LoginRequiredMixin, TemplateView):
    """Quotes of the symbols in the address (else of those that strategies trade), movers, and the search."""

    template_name = "dashboard/market.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked, problem = self.request.GET.dict(), ""
        try:
            seen = market.watched(asked)
        except InvalidInput as error:
            seen, problem = market.Watched(()), error.detail
        return {
            **super().get_context_data(**kwargs),
            "problem": problem,
            "feeds": market.feed_names(),
            "windows": market.WINDOWS,
            "seen": seen,
            "page": {
                "symbols": seen.symbols or symbol_search.symbols_of_interest(market.MOST_SYMBOLS),
                "is_chosen": "symbols" in asked and not problem,
                "most": market.MOST_SYMBOLS,
                "feed": seen.feed,
                "minutes": seen.minutes,
            },
        }


class SearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(
        help_text="A symbol in any spelling, or part of a name.", max_length=symbol_search.LONGEST
    )
    limit = serializers.IntegerField(required=False, default=symbol_search.MOST, min_value=1, max_value=100)


class SymbolSearchView(APIView):
    """Symbols that fit, the best first, each with where it can be traded and which feed has it, or why not."""

    @extend_schema(operation_id="market_search", parameters=[SearchQuery], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        query = SearchQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(symbol_search.search(query.validated_data["q"], limit=query.validated_data["limit"]))


class QuotesView(APIView):
    """Last price, bid and ask of symbols, and whether they may be believed; `/ws/market` says the same as it moves."""

    @extend_schema(
        operation_id="market_quotes",
        parameters=[OpenApiParameter("symbols", str, description="Between commas; 40 at most.")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        seen = market.watched({"symbols": request.query_params.get("symbols", "")})
        return Response(market.quote_rows(seen.symbols))
