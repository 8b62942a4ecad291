"""The page of an option chain that moves."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.views.generic import TemplateView

from dashboard.views import PolicyMixin
from engine.errors import InvalidInput
from strategies.config import DAILY_OPTIONS
from strategies.models import Ticker
from strategies.registry import STRATEGIES, trades_options
from trading.options.boards import board_setup


class ChainPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Calls and puts around the money, as they are now; a symbol without options is answered in words."""

    template_name = "dashboard/chain.html"
    permission_required = "trading.view_book"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        symbol, source = kwargs.get("symbol", ""), self.request.GET.get("source", "")
        symbols = list(dict.fromkeys([*_traded(), *DAILY_OPTIONS]))
        found: dict[str, Any] = {"symbol": symbol or symbols[0], "symbols": symbols, "problem": ""}
        try:
            setup = board_setup(found["symbol"], source)
            found |= {"symbol": setup.symbol, "sources": setup.names, "source": setup.source}
            found["page"] = {"symbol": setup.symbol, "source": setup.source}
        except InvalidInput as error:
            found["problem"] = error.detail
        return {**super().get_context_data(**kwargs), **found}


def _traded() -> list[str]:
    """What tickers trade options on, so that the page begins with it."""
    rows = Ticker.objects.filter(strategy__in=list(STRATEGIES)).order_by("pk")
    return [row.symbol for row in rows if trades_options(row.strategy, row.params)]
