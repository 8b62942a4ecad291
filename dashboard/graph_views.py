"""The page of what strategies compute."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard.graph import drawing
from dashboard.views import PolicyMixin
from engine.errors import FortifiedError
from strategies.computed import Graph, computed
from strategies.models import Ticker
from strategies.registry import STRATEGIES


@method_decorator(ensure_csrf_cookie, name="dispatch")
class GraphPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Prices, indicators and the decision of a strategy, with a ticker's parameters or the defaults."""

    template_name = "dashboard/graph.html"
    permission_required = "strategies.view_ticker"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked, symbol = request.GET.get("strategy", ""), request.GET.get("symbol", "")
        context: dict[str, Any] = {"names": list(STRATEGIES), "asked": asked, "symbol": symbol}
        context["tickers"] = Ticker.objects.order_by("strategy", "symbol")
        try:
            figures = _figures(asked, symbol) if asked else None
        except FortifiedError as error:
            return self.render_to_response(self.get_context_data(**context, problem=error.detail), status=400)
        return self.render_to_response(self.get_context_data(**context, figures=figures))


def _figures(strategy: str, symbol: str) -> list[dict[str, Any]]:
    name = STRATEGIES.canonical(strategy)
    ticker = Ticker.objects.filter(strategy=name, symbol=symbol).first()
    own = f"{ticker.symbol} {ticker.timeframe}" if ticker else "default parameters"
    graphs = computed(name, ticker.params if ticker else {})
    return [_figure(name, graph, graph.timeframe or own) for graph in graphs if graph.boxes]


def _figure(strategy: str, graph: Graph, where: str) -> dict[str, Any]:
    rows = [
        {
            "name": box.name,
            "kind": box.kind,
            "ready": box.ready,
            "reads": ", ".join(f"{name}.{output}" if output else name for name, output in box.reads),
        }
        for box in graph.boxes
    ]
    return {"where": where, "rows": rows, "svg": drawing(graph, name=f"What {strategy} computes on {where}")}
