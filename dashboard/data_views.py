"""The page of market data: what each feed carries, and whether it may be believed."""

import time
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from dashboard.views import PolicyMixin
from engine.model.time import NS_PER_S, to_datetime
from marketdata import selectors
from marketdata.selectors import FeedStatus, SymbolState


class DataPage(PolicyMixin, LoginRequiredMixin, TemplateView):
    """Feeds, symbols with their timeframes and last prints; it loads itself anew."""

    template_name = "dashboard/data.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "feeds": [_feed(status) for status in selectors.feed_statuses()],
            "symbols": [_symbol(state) for state in selectors.carried_symbol_states()],
        }


def _feed(status: FeedStatus) -> dict[str, Any]:
    beat = status.beat
    if not status.is_running:
        now, tone = "not running", "bad" if status.is_enabled else ""
    elif beat.get("is_connected"):
        now, tone = "connected", "good"
    else:
        now, tone = f"not connected: {beat.get('last_error')}", "bad"
    return {"status": status, "beat": beat, "now": now, "tone": tone}


def _symbol(state: SymbolState) -> dict[str, Any]:
    age_s = (time.time_ns() - state.last_tick_recv) / NS_PER_S if state.last_tick_recv else None
    return {
        "state": state,
        "tone": {"fresh": "good", "unknown": ""}.get(state.state, "bad"),
        "last_print": to_datetime(state.last_tick_ts) if state.last_tick_ts else None,
        "age_s": age_s,
        "timeframes": [(name, each.state, each.reason) for name, each in state.timeframes.items()],
    }
