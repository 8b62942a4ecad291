"""The configuration over HTTP, in both dialects, and what strategies there are."""

from typing import Any, cast

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from engine.errors import InvalidInput
from infra.web.actor import Actor
from infra.web.permissions import allowed_by
from strategies import dialects, selectors, services
from strategies.registry import STRATEGIES

CanRead = allowed_by("strategies.view_ticker")
CanSave = allowed_by("strategies.add_ticker", "strategies.change_ticker")
CanDelete = allowed_by("strategies.delete_ticker")


class NestedConfig(serializers.Serializer[Any]):
    """Further keys are parameters of the strategy."""

    timeframe = serializers.CharField(help_text="Any spelling: 5, 5m, 5Min, 1h, 144t.")
    quantity = serializers.FloatField(required=False, help_text="For the default account.")
    enabled = serializers.BooleanField(required=False)
    quantities = serializers.DictField(child=serializers.CharField(), required=False)
    params = serializers.DictField(required=False)
    exits = serializers.DictField(required=False)
    feed = serializers.CharField(required=False, allow_blank=True)


class NestedTicker(serializers.Serializer[Any]):
    strategy = serializers.CharField()
    ticker = serializers.CharField()
    config = NestedConfig()


class FlatTicker(serializers.Serializer[Any]):
    """Further keys are parameters of the strategy (period_1, trend_line_1 …) or `{account}_quantity`."""

    strategy = serializers.CharField()
    symbol = serializers.CharField()
    timeframe = serializers.CharField()
    schwab_quantity = serializers.FloatField(required=False)
    tastytrade_quantity = serializers.FloatField(required=False)
    trade_enabled = serializers.BooleanField(required=False)


class TickerName(serializers.Serializer[Any]):
    strategy = serializers.CharField()
    symbol = serializers.CharField()


class StrategyOutput(serializers.Serializer[Any]):
    """`params` is the JSON schema of the strategy's parameters."""

    name = serializers.CharField()
    description = serializers.CharField()
    params = serializers.DictField()


_STRATEGY = OpenApiParameter("strategy", OpenApiTypes.STR, required=False)


def _actor(request: Request) -> Actor:
    return cast("Actor", request.user)


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise InvalidInput(f"A JSON object was expected, found {type(request.data).__name__}.")
    return dict(request.data)


class Tickers(APIView):
    """Save a ticker, nested dialect: 201 when it is new, 200 when it was changed."""

    permission_classes = (CanSave,)

    @extend_schema(request=NestedTicker, responses={200: NestedTicker, 201: NestedTicker})
    def post(self, request: Request) -> Response:
        ticker, is_new = services.save_ticker(user=_actor(request), **dialects.from_nested(_body(request)))
        return Response(dialects.to_nested(ticker), status=201 if is_new else 200)


class StrategyTickers(APIView):
    """The tickers of one strategy, nested dialect."""

    permission_classes = (CanRead,)

    @extend_schema(responses=NestedTicker(many=True))
    def get(self, request: Request, strategy: str) -> Response:
        return Response([dialects.to_nested(ticker) for ticker in selectors.tickers(strategy=strategy)])


class OneTicker(APIView):
    """Remove one ticker."""

    permission_classes = (CanDelete,)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, strategy: str, symbol: str) -> Response:
        services.delete_ticker(user=_actor(request), strategy=strategy, symbol=symbol)
        return Response(status=204)


class AddTicker(APIView):
    """Save a ticker, flat dialect: 201 when it is new, 200 when it was changed."""

    permission_classes = (CanSave,)

    @extend_schema(request=FlatTicker, responses={200: FlatTicker, 201: FlatTicker})
    def post(self, request: Request) -> Response:
        ticker, is_new = services.save_ticker(user=_actor(request), **dialects.from_flat(_body(request)))
        return Response(dialects.to_flat(ticker), status=201 if is_new else 200)


class GetTicker(APIView):
    """The tickers of `strategy`, or all, flat dialect."""

    permission_classes = (CanRead,)

    @extend_schema(parameters=[_STRATEGY], responses=FlatTicker(many=True))
    def get(self, request: Request) -> Response:
        found = selectors.tickers(strategy=request.query_params.get("strategy", ""))
        return Response([dialects.to_flat(ticker) for ticker in found])


class DeleteTicker(APIView):
    """Remove one ticker, named in the body or the query; 404 when absent."""

    permission_classes: tuple[type[BasePermission], ...] = (CanDelete,)

    @extend_schema(request=TickerName, parameters=[TickerName], responses={200: OpenApiTypes.OBJECT})
    def delete(self, request: Request) -> Response:
        given = {**request.query_params.dict(), **_body(request)}
        data = TickerName(data={**given, "symbol": given.get("symbol", given.get("ticker"))})
        data.is_valid(raise_exception=True)
        services.delete_ticker(user=_actor(request), **data.validated_data)
        return Response({"success": True, **data.validated_data})


class Strategies(APIView):
    """Every registered strategy with the schema of its parameters: forms are built from it."""

    permission_classes = (CanRead,)

    @extend_schema(responses=StrategyOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([_strategy_document(name) for name in STRATEGIES])


def _strategy_document(name: str) -> dict[str, Any]:
    kind = STRATEGIES[name]
    schema = msgspec.json.schema(kind.Params)
    params = schema["$defs"][kind.Params.__name__]["properties"]
    return {"name": name, "description": (kind.__doc__ or "").strip().split("\n")[0], "params": params}
