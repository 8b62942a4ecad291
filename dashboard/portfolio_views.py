"""The portfolio as a page and over HTTP."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.portfolio import portfolio
from dashboard.views import PolicyMixin
from infra.web.permissions import allowed_by

CanRead = allowed_by("trading.view_position", "trading.view_accountcheck")


@method_decorator(ensure_csrf_cookie, name="dispatch")
class PortfolioPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Every account: what it holds, owns and risks."""

    template_name = "dashboard/portfolio.html"
    permission_required = ("trading.view_position", "trading.view_accountcheck")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), **portfolio()}


class PortfolioView(APIView):
    """Every account with its positions, exposure, cash and what was earned, and the sums per mode. A figure that is not
    known is null."""

    permission_classes = (CanRead,)

    @extend_schema(operation_id="portfolio", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(portfolio())
