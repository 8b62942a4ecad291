"""The analytics as a page, as files, and over HTTP."""

import json
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtest.report.export import zipped
from dashboard import analytics_page
from dashboard.analytics import MODES, SIDES, Asked, analytics, asked_for, choices
from dashboard.report_views import WAYS, attached
from dashboard.views import PolicyMixin
from engine.errors import InvalidInput
from infra.web.permissions import allowed_by

READING = ("trading.view_trade", "trading.view_position")
CanRead = allowed_by(*READING)


@method_decorator(ensure_csrf_cookie, name="dispatch")
class AnalyticsPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Closed trades as a curve and broken down; what is asked for wrongly is answered on the page. `?as=csv` and
    `?as=json` give the same as files."""

    template_name = "dashboard/analytics.html"
    permission_required = READING

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        way = request.GET.get("as", "")
        try:
            if way and way not in WAYS:
                raise InvalidInput(f"as: {' or '.join(WAYS)} was expected, found {way!r}", field="as")
            asked = asked_for(request.GET.dict())
        except InvalidInput as error:
            context = self.get_context_data(problem=error.detail, field=error.field, choices=choices())
            return self.render_to_response(context, status=400)
        return _file(asked, way) if way else self.render_to_response(self._context(asked))

    def _context(self, asked: Asked) -> dict[str, Any]:
        return self.get_context_data(**analytics_page.view(analytics(asked), asked))


class AnalyticsView(APIView):
    """Closed trades: the total, figures, the curve, and every grouping's parts; beside them what is open. Money is
    exact text; what cannot be told is null."""

    permission_classes = (CanRead,)

    @extend_schema(
        operation_id="analytics",
        parameters=[
            OpenApiParameter("mode", str, enum=MODES, description="Real money where there is any, else paper."),
            *(OpenApiParameter(name, str) for name in ("book", "strategy", "symbol", "account")),
            OpenApiParameter("side", str, enum=SIDES),
            *(
                OpenApiParameter(name, OpenApiTypes.DATE, description="New York's day of the exit, included.")
                for name in ("start", "end")
            ),
            OpenApiParameter("capital", OpenApiTypes.DECIMAL, description="What ratios are of; else the most held."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        return Response(analytics(asked_for(request.query_params.dict())))


def _file(asked: Asked, way: str) -> HttpResponse:
    document = analytics(asked)
    if way == "json":
        return attached("analytics.json", json.dumps(document, allow_nan=False).encode(), "application/json")
    return attached("analytics.zip", zipped(analytics_page.sheets(document, asked)), "application/zip")
