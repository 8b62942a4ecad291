"""The market as a page and over HTTP: what moves, quotes, and the search for symbols."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import market, symbol_search
from dashboard.views import PolicyMixin
from engine.errors import InvalidInput
from infra.web.permissions import allowed_by


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


class FoundTradeOutput(serializers.Serializer[Any]):
    at = serializers.ListField(child=serializers.CharField(), help_text="Accounts; empty: it cannot be traded.")
    problems = serializers.ListField(child=serializers.CharField(), help_text="Why not at others.")
    doubt = serializers.CharField(allow_blank=True, help_text="What the universe holds against it.")


class FoundFeedOutput(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True)
    state = serializers.CharField(help_text="fresh, stale, gapped, suspect or unknown; none: no feed has it.")
    reason = serializers.CharField(allow_blank=True)


class FoundOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    asset_class = serializers.CharField()
    venue = serializers.CharField(allow_blank=True)
    trade = FoundTradeOutput()
    feed = FoundFeedOutput()
    has_daily_options = serializers.BooleanField()
    strategies = serializers.ListField(child=serializers.CharField(), help_text="That have it among their tickers.")


class SearchOutput(serializers.Serializer[Any]):
    q = serializers.CharField()
    count = serializers.IntegerField(help_text="All that fit, shown or not.")
    results = FoundOutput(many=True)
    problem = serializers.CharField(allow_blank=True, help_text="Why there is none.")


class QuoteOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    asset_class = serializers.CharField()
    state = serializers.CharField(help_text="fresh, stale, gapped, suspect or unknown.")
    reason = serializers.CharField(allow_blank=True)
    opens_at = serializers.DateTimeField(allow_null=True, help_text="When regular hours begin; null while they last.")
    feed = serializers.CharField(allow_blank=True)
    last = serializers.FloatField(allow_null=True)
    size = serializers.FloatField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True, help_text="The venue's time of the last print.")
    age_s = serializers.IntegerField(allow_null=True, help_text="Since it came, by our clock.")
    is_old = serializers.BooleanField(help_text="Do not take the last price for the present one.")
    bid = serializers.FloatField(allow_null=True)
    ask = serializers.FloatField(allow_null=True)
    is_quote_old = serializers.BooleanField()
    timeframes = serializers.ListField(child=serializers.CharField(), help_text="Of which there are charts.")


class QuotesOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    quotes = QuoteOutput(many=True)


class SymbolSearchView(APIView):
    """Symbols that fit, the best first, each with where it can be traded and which feed has it, or why not."""

    permission_classes = (allowed_by("brokers.view_brokeraccount", "strategies.view_ticker"),)  # it names both

    @extend_schema(operation_id="market_search", parameters=[SearchQuery], responses=SearchOutput)
    def get(self, request: Request) -> Response:
        query = SearchQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(symbol_search.search(query.validated_data["q"], limit=query.validated_data["limit"]))


class QuotesView(APIView):
    """Last price, bid and ask of symbols, and whether they may be believed; `/ws/market` says the same as it moves."""

    @extend_schema(
        operation_id="market_quotes",
        parameters=[OpenApiParameter("symbols", str, description="Between commas; 40 at most.")],
        responses=QuotesOutput,
    )
    def get(self, request: Request) -> Response:
        seen = market.watched({"symbols": request.query_params.get("symbols", "")})
        return Response(market.quote_rows(seen.symbols))
