"""Studies over HTTP: start, watch, cancel, look into, apply."""

from typing import Any, cast

from django.db.models import F
from django.db.models.expressions import OrderBy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtest import apply, services
from backtest.distributed.work import progress_of
from backtest.models import BacktestRun, Study
from engine.errors import InvalidInput
from infra.web.actor import Actor
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by

CanRead = allowed_by("backtest.view_study")
CanRun = allowed_by("backtest.add_study")
CanApply = allowed_by("backtest.apply_run")

_ORDERS = ("score", "-score", "number", "sharpe", "-sharpe")


class StudyOutput(serializers.ModelSerializer[Study]):
    """One study; `result` is there when it is over."""

    progress = serializers.SerializerMethodField()

    class Meta:
        model = Study
        fields = (
            "id", "name", "kind", "state", "is_cancelling", "spec", "total", "bars", "dataset", "versions", "progress",
            "result", "error", "created_at", "finished_at",
        )  # fmt: skip

    def get_progress(self, study: Study) -> dict[str, Any]:
        return progress_of(study.pk)


class StudyLine(serializers.ModelSerializer[Study]):
    """One study in a list."""

    class Meta:
        model = Study
        fields = ("id", "name", "kind", "state", "total", "created_at", "finished_at", "error")


class StudyRunOutput(serializers.ModelSerializer[BacktestRun]):
    """One run of a study."""

    class Meta:
        model = BacktestRun
        fields = (
            "number", "strategy", "symbol", "timeframe", "params", "stats", "score", "sharpe", "how", "why", "error",
        )  # fmt: skip


class Studies(APIView):
    """Every study, newest first; POST starts one."""

    def get_permissions(self) -> list[Any]:
        return [CanRun()] if self.request.method == "POST" else [CanRead()]

    @extend_schema(operation_id="backtests_list", parameters=PAGE_PARAMETERS, responses=paged(StudyLine))
    def get(self, request: Request) -> Response:
        return Response(page_of(Study.objects.all(), request, StudyLine))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: StudyOutput})
    def post(self, request: Request) -> Response:
        study = services.create_study(user=person(request), document=document_of(request))
        return Response(StudyOutput(study).data, status=201)


class OneStudy(APIView):
    """One study with its result."""

    permission_classes = (CanRead,)

    @extend_schema(responses=StudyOutput)
    def get(self, request: Request, study: int) -> Response:
        return Response(StudyOutput(services.get_study(study)).data)


class CancelStudy(APIView):
    """End it; what is done is added up."""

    permission_classes = (CanRun,)

    @extend_schema(request=None, responses=StudyOutput)
    def post(self, request: Request, study: int) -> Response:
        return Response(StudyOutput(services.cancel_study(number=study)).data)


class RetryStudy(APIView):
    """Run again what failed or was cancelled."""

    permission_classes = (CanRun,)

    @extend_schema(request=None, responses=StudyOutput)
    def post(self, request: Request, study: int) -> Response:
        return Response(StudyOutput(services.retry_study(number=study)).data)


class StudyRuns(APIView):
    """The runs of a study, the best first unless asked otherwise."""

    permission_classes = (CanRead,)

    @extend_schema(
        operation_id="backtests_runs_list",
        parameters=[*PAGE_PARAMETERS, OpenApiParameter("order", str, enum=_ORDERS)],
        responses=paged(StudyRunOutput),
    )
    def get(self, request: Request, study: int) -> Response:
        order = request.query_params.get("order", "-score")
        if order not in _ORDERS:
            raise InvalidInput(f"order: expected one of {', '.join(_ORDERS)}; found {order!r}", field="order")
        found = services.get_study(study).runs.all()
        # What has no score comes last, whichever way it goes.
        name = order.lstrip("-")
        rows = found.order_by(*([order] if name == "number" else [_none_last(order), "number"]))
        return Response(page_of(rows, request, StudyRunOutput))


class StudyRun(APIView):
    """One run: of a campaign with every day."""

    permission_classes = (CanRead,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, study: int, number: int) -> Response:
        run = apply.get_run(study=study, number=number)
        return Response({**StudyRunOutput(run).data, "days": run.days, "digest": run.digest})


class RunTrades(APIView):
    """The trades of one run of a sweep, made again from the same data."""

    permission_classes = (CanRead,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, study: int, number: int) -> Response:
        run = apply.get_run(study=study, number=number)
        found = apply.trades_of(run)
        return Response({"count": len(found), "results": [apply.trade_document(trade) for trade in found]})


class ApplyRun(APIView):
    """What would change for a ticker (`?preview=true`), or the change itself."""

    permission_classes = (CanApply,)

    @extend_schema(
        parameters=[OpenApiParameter("preview", bool), OpenApiParameter("sessions", int)],
        request=None,
        responses=OpenApiTypes.OBJECT,
    )
    def post(self, request: Request, study: int, number: int) -> Response:
        run = apply.get_run(study=study, number=number)
        ticker = apply.find_ticker(strategy=run.strategy, symbol=run.symbol)
        if request.query_params.get("preview", "").lower() in ("1", "true", "yes"):
            return Response(apply.preview_run(run=run, ticker=ticker, sessions=_whole(request, "sessions", 20)))
        changed = apply.apply_run(user=person(request), study=study, number=number, ticker=ticker)
        return Response({"strategy": changed.strategy, "symbol": changed.symbol, "params": changed.params,
                         "version": changed.version})  # fmt: skip


class PreviewTicker(APIView):
    """What other parameters would have done for a ticker over its last sessions; nothing is changed."""

    permission_classes = (CanRead,)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        document = _object(request)
        params = document.get("params")
        if not isinstance(params, dict):
            raise InvalidInput("params: an object of parameters was expected", field="params")
        ticker = apply.find_ticker(strategy=str(document.get("strategy", "")), symbol=str(document.get("symbol", "")))
        sessions = document.get("sessions", 20)
        if not isinstance(sessions, int):
            raise InvalidInput(f"sessions: a whole number was expected, found {sessions!r}", field="sessions")
        data = apply.inside(str(document.get("data") or ""))
        return Response(apply.preview(ticker=ticker, wanted=apply.Settings(params), sessions=sessions, data=data))


def document_of(request: Request) -> dict[str, Any]:
    """What is asked for; its `data` lies in the data folder."""
    document = _object(request)
    return {**document, "data": apply.inside(str(document.get("data") or ""))}


def person(request: Request) -> Actor:
    """Who asks; the permission classes let nobody else through."""
    return cast("Actor", request.user)


def _object(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise InvalidInput("A JSON object was expected.", field=None)
    return dict(request.data)


def _none_last(order: str) -> OrderBy:
    column = F(order.lstrip("-"))
    return column.desc(nulls_last=True) if order.startswith("-") else column.asc(nulls_last=True)


def _whole(request: Request, field: str, default: int) -> int:
    raw = request.query_params.get(field) or str(default)
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise InvalidInput(f"{field}: a whole number was expected, found {raw!r}", field=field)
    return int(raw)
