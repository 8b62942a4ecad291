"""What the truth gate says over HTTP: each symbol's state, by timeframe, with the reason."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.model.time import iso
from marketdata import selectors
from marketdata.selectors import SymbolState


class TimeframeStateOutput(serializers.Serializer[Any]):
    state = serializers.CharField(help_text="fresh, stale, gapped, suspect or unknown.")
    reason = serializers.CharField(allow_blank=True)


class SymbolStateOutput(TimeframeStateOutput):
    """Anything but fresh blocks entries."""

    symbol = serializers.CharField()
    feed = serializers.CharField()
    venue_symbol = serializers.CharField()
    since = serializers.CharField(help_text="ISO 8601 UTC: when this state began.", allow_null=True)
    last_received = serializers.CharField(help_text="When anything last came.", allow_null=True)
    last_print = serializers.CharField(help_text="The venue's time of the last print.", allow_null=True)
    timeframes = serializers.DictField(child=TimeframeStateOutput())


class FeedStatesView(APIView):
    """May the data be believed, symbol by symbol."""

    @extend_schema(responses=SymbolStateOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([_row(state) for state in selectors.all_symbol_states()])


def _row(state: SymbolState) -> dict[str, Any]:
    return {
        "symbol": state.symbol,
        "state": state.state,
        "reason": state.reason,
        "feed": state.feed,
        "venue_symbol": state.venue_symbol,
        "since": _moment(state.since),
        "last_received": _moment(state.last_recv),
        "last_print": _moment(state.last_tick_ts),
        "timeframes": {name: {"state": each.state, "reason": each.reason} for name, each in state.timeframes.items()},
    }


def _moment(ts: int) -> str | None:
    return iso(ts) if ts else None
