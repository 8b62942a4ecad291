"""Fingerprints over HTTP: start, watch, cancel, and take their seeds."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtest.api import document_of, person
from discovery import fingerprint_services as services
from discovery import jobs
from discovery.models import FingerprintRun
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by

CanRead = allowed_by("discovery.view_fingerprintrun")
CanRun = allowed_by("discovery.add_fingerprintrun")


class FingerprintLine(serializers.ModelSerializer[FingerprintRun]):
    """One fingerprint in a list."""

    class Meta:
        model = FingerprintRun
        fields: tuple[str, ...] = (
            "id", "name", "symbol", "timeframe", "state", "done", "total", "bars", "days", "error", "created_at",
            "finished_at",
        )  # fmt: skip


class FingerprintOutput(FingerprintLine):
    """One fingerprint; `result` is there when it is done."""

    class Meta(FingerprintLine.Meta):
        fields = (
            *FingerprintLine.Meta.fields, "is_cancelling", "spec", "attempts", "dataset", "versions", "result",
            "started_at",
        )  # fmt: skip


class Fingerprints(APIView):
    """Every fingerprint, newest first; POST starts one."""

    def get_permissions(self) -> list[Any]:
        return [CanRun()] if self.request.method == "POST" else [CanRead()]

    @extend_schema(
        operation_id="discovery_fingerprints_list", parameters=PAGE_PARAMETERS, responses=paged(FingerprintLine)
    )
    def get(self, request: Request) -> Response:
        return Response(page_of(FingerprintRun.objects.defer("spec", "result"), request, FingerprintLine))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: FingerprintOutput})
    def post(self, request: Request) -> Response:
        run = services.create_fingerprint(user=person(request), document=document_of(request))
        return Response(FingerprintOutput(run).data, status=201)


class OneFingerprint(APIView):
    """One fingerprint with its result."""

    permission_classes = (CanRead,)

    @extend_schema(responses=FingerprintOutput)
    def get(self, request: Request, run: int) -> Response:
        return Response(FingerprintOutput(jobs.find(FingerprintRun, run)).data)


class CancelFingerprint(APIView):
    """End it; nothing of it is kept."""

    permission_classes = (CanRun,)

    @extend_schema(request=None, responses=FingerprintOutput)
    def post(self, request: Request, run: int) -> Response:
        return Response(FingerprintOutput(services.cancel_fingerprint(number=run)).data)


class FingerprintSeeds(APIView):
    """Its seeds as the miner reads them: a list of {"rule", "source"}, as a file."""

    permission_classes = (CanRead,)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, run: int) -> Response:
        name = f'attachment; filename="seeds-{run}.json"'
        return Response(services.seeds_of_run(run), headers={"Content-Disposition": name})
