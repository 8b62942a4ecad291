"""Backfills over HTTP: ask for one, see how far each has come, and how far back one goes by itself."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infra.web.permissions import allowed_by
from marketdata.backfill import services
from marketdata.backfill.plan import depths, source_of
from marketdata.feed_lines import limits_of
from marketdata.models import BackfillJob

_LISTED = 50
_SOURCE = "A feed, or archive; else the default feed."
CanBackfill = allowed_by("marketdata.add_backfilljob")


# `source` is a field here, not what DRF calls so.


class BackfillInput(serializers.Serializer[Any]):
    symbols = serializers.ListField(child=serializers.CharField(), allow_empty=False)
    timeframe = serializers.CharField(default="1d")
    days = serializers.IntegerField(required=False, min_value=1, help_text="How far back; else as the depths say.")
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False)
    source = serializers.CharField(default="", allow_blank=True, help_text=_SOURCE)  # type: ignore[assignment]


class BackfillOutput(serializers.Serializer[Any]):
    job = serializers.IntegerField()
    state = serializers.CharField(help_text="queued, running, done or failed.")
    source = serializers.CharField()  # type: ignore[assignment]
    timeframe = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    note = serializers.CharField(allow_blank=True, help_text="What the source cannot give of what was asked.")
    symbols = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    bars = serializers.IntegerField(help_text="Received.")
    added = serializers.IntegerField(help_text="New in the archive.")
    error = serializers.CharField(allow_blank=True)


class DepthsQuery(serializers.Serializer[Any]):
    source = serializers.CharField(required=False, default="", help_text=_SOURCE)  # type: ignore[assignment]


class DepthOutput(serializers.Serializer[Any]):
    timeframe = serializers.CharField(help_text="It and all that are longer, up to the next one; ticks, volume: all.")
    days = serializers.IntegerField(help_text="How far back a backfill goes unless somebody says so.")
    kept_since = serializers.DateTimeField(allow_null=True, help_text="Since when the source has it; null: not known.")


class BackfillsView(APIView):
    """The last backfills, the newest first; a new one is worked off by the workers."""

    def get_permissions(self) -> Sequence[Any]:
        return [CanBackfill()] if self.request.method == "POST" else super().get_permissions()

    @extend_schema(responses=BackfillOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([_document(job) for job in BackfillJob.objects.all()[:_LISTED]])

    @extend_schema(request=BackfillInput, responses={202: BackfillOutput})
    def post(self, request: Request) -> Response:
        data = BackfillInput(data=request.data)
        data.is_valid(raise_exception=True)
        job = services.create_job(user_id=request.user.pk, **data.validated_data)
        return Response(_document(job), status=202)


class BackfillView(APIView):
    """One backfill."""

    @extend_schema(responses=BackfillOutput)
    def get(self, request: Request, job_id: int) -> Response:
        return Response(_document(services.get_job(job_id)))


class BackfillDepthsView(APIView):
    """How far back a backfill goes by itself, and since when the source has such history."""

    @extend_schema(parameters=[DepthsQuery], responses=DepthOutput(many=True))
    def get(self, request: Request) -> Response:
        feed, now = source_of(request.query_params.get("source", "")), timezone.now()
        limits = limits_of(feed) if feed else None
        rows = [
            {"timeframe": name, "days": days, "kept_since": limits.kept_since(name, now) if limits else None}
            for name, days in depths().items()
        ]
        return Response(DepthOutput(rows, many=True).data)


def _document(job: BackfillJob) -> dict[str, Any]:
    spans = {"start": job.start, "end": job.end, "note": job.note, "error": job.error}
    return dict(BackfillOutput({**services.progress_of(job), **spans}).data)
