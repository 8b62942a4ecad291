"""What each broker can do, for pages and clients."""

from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.registry import FEATURES


class FeaturesOutput(serializers.Serializer[Any]):
    """The capability table of one venue."""

    broker = serializers.CharField()
    title = serializers.CharField()
    asset_classes = serializers.ListField(child=serializers.CharField())
    order_types = serializers.ListField(child=serializers.CharField())
    time_in_force = serializers.ListField(child=serializers.CharField())
    has_paper = serializers.BooleanField()
    extended_hours = serializers.BooleanField()
    one_cancels_other = serializers.BooleanField()
    client_order_ids = serializers.BooleanField()
    linked_reversal = serializers.ListField(child=serializers.CharField())
    fractional = serializers.ListField(child=serializers.CharField())
    fraction_step = serializers.CharField()
    orders_per_minute = serializers.IntegerField(allow_null=True)
    paired_exits = serializers.ListField(child=serializers.CharField())
    moves_stops = serializers.BooleanField()
    needs_gateway = serializers.BooleanField()
    reasons = serializers.DictField(child=serializers.CharField())


def features_document(broker: str) -> dict[str, Any]:
    """JSON of one venue's capabilities; sets as sorted lists."""
    document: dict[str, Any] = msgspec.to_builtins(FEATURES[broker], str_keys=True)
    lists = {name: sorted(value) for name, value in document.items() if isinstance(value, list | set | frozenset)}
    return {"broker": broker, **document, **lists}


class BrokerFeatures(APIView):
    """The capability table of every venue."""

    @extend_schema(responses=FeaturesOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([features_document(broker) for broker in FEATURES])
