"""What the feeds say over HTTP: each symbol's state, by timeframe, with the reason; and which symbols move."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.model.time import iso
from marketdata import selectors
from marketdata.selectors import FeedStatus, MoverFound, SymbolState


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
        return Response([_row(state) for state in selectors.carried_symbol_states()])


class FeedLimitsOutput(serializers.Serializer[Any]):
    """What a feed's vendor allows it, as it is configured, and what it makes of that; null where nothing is stated."""

    feed = serializers.CharField()
    kind = serializers.CharField()
    symbols = serializers.IntegerField(allow_null=True)
    symbols_each = serializers.CharField(help_text="What the limit of symbols is counted for: connection, service.")
    symbols_carried = serializers.IntegerField()
    refused = serializers.DictField(
        child=serializers.CharField(), help_text="Symbols that it does not get, with why; a hundred at most."
    )
    connections = serializers.IntegerField(allow_null=True, help_text="Streams of one login at a time.")
    line = serializers.CharField(allow_blank=True, help_text="What the connections are counted for.")
    symbols_a_message = serializers.IntegerField(allow_null=True)
    message_bytes = serializers.IntegerField(allow_null=True)
    requests_per_minute = serializers.IntegerField(allow_null=True, help_text="For history.")
    history_days = serializers.DictField(
        child=serializers.IntegerField(), help_text="How far back bars are kept, by timeframe; 0: none."
    )
    history_since = serializers.CharField(allow_blank=True)


class FeedLimitsView(APIView):
    """What each feed's vendor allows, and which symbols find no place."""

    @extend_schema(responses=FeedLimitsOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([_limits(status) for status in selectors.feed_statuses()])


class MoverOutput(serializers.Serializer[Any]):
    ts = serializers.CharField(help_text="ISO 8601 UTC, by the venue's clock.")
    symbol = serializers.CharField()
    feed = serializers.CharField(allow_blank=True, help_text="That found it.")
    mover = serializers.ChoiceField(choices=("fast", "slow"))
    direction = serializers.IntegerField(help_text="1 up, -1 down, 0 neither.")
    price = serializers.FloatField()
    change = serializers.FloatField(help_text="A fraction.")
    volume_ratio = serializers.FloatField(allow_null=True, help_text="Of the usual volume; slow ones only.")


class MoversQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=("fast", "slow"), required=False, default="")
    feed = serializers.CharField(required=False, default="", help_text="What this feed alone found.")
    minutes = serializers.FloatField(required=False, default=5.0, min_value=0.1, max_value=1_440)


class MoversView(APIView):
    """Symbols that run away (fast), or in which trading picked up after a quiet time (slow): the newest first."""

    @extend_schema(parameters=[MoversQuery], responses=MoverOutput(many=True))
    def get(self, request: Request) -> Response:
        query = MoversQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        found = selectors.movers(kind=wanted["kind"], feed=wanted["feed"], since_s=wanted["minutes"] * 60)
        return Response([mover_row(each) for each in found])


def _limits(status: FeedStatus) -> dict[str, Any]:
    return {
        "feed": status.name,
        "kind": status.kind,
        **msgspec.to_builtins(status.limits),
        "symbols_carried": status.carried,
        "refused": status.refused,
    }


def mover_row(found: MoverFound) -> dict[str, Any]:
    """As the API and the page of the market tell it."""
    event = found.event
    return {
        "ts": iso(event.ts),
        "symbol": event.symbol,
        "feed": found.feed,
        "mover": event.mover,
        "direction": event.direction,
        "price": event.price,
        "change": event.change,
        "volume_ratio": event.volume_ratio if event.volume_ratio == event.volume_ratio else None,
    }


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
