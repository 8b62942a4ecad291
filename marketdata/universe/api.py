"""The universe over HTTP: which symbols a feed streams, which are polled, which are left out and why."""

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketdata.models import FeedSource
from marketdata.selectors import wanted_pairs
from marketdata.universe.carried import carried


class ExcludedOutput(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    reason = serializers.CharField()


class CarriedOutput(serializers.Serializer[Any]):
    """One feed's universe."""

    feed = serializers.CharField()
    universe = serializers.CharField(help_text="The mode: popular, all, large, mid, small or custom.")
    timeframe = serializers.CharField()
    streamed = serializers.ListField(child=serializers.CharField())
    polled = serializers.ListField(child=serializers.CharField())
    excluded = ExcludedOutput(many=True)
    summary = serializers.CharField()


class UniverseView(APIView):
    """Every feed that carries a universe beside the symbols of its tickers."""

    @extend_schema(responses=CarriedOutput(many=True))
    def get(self, request: Request) -> Response:
        feeds = FeedSource.objects.filter(~Q(universe=""), is_enabled=True)
        return Response([_document(feed) for feed in feeds])


def _document(feed: FeedSource) -> dict[str, Any]:
    streaming = {symbol for symbol, _ in wanted_pairs(feed.name)}
    found = carried(feed)
    return {
        "feed": feed.name,
        "universe": feed.universe,
        "timeframe": feed.universe_timeframe,
        "streamed": sorted(streaming),
        "polled": sorted({*found.streamed, *found.polled} - streaming),
        "excluded": [each._asdict() for each in found.excluded],
        "summary": found.summary,
    }
