"""Routes of stored history, below /api/."""

from django.urls import path

from marketdata import history_api, truth_api
from marketdata.backfill import api as backfill_api
from marketdata.universe import api as universe_api

urlpatterns = [
    # A symbol may hold a slash ("/NQ").
    path("history/<path:symbol>", history_api.HistoryView.as_view(), name="api-history"),
    path("symbols", history_api.SymbolsView.as_view(), name="api-symbols"),
    path("ohlcv/<path:symbol>", history_api.OhlcvView.as_view(), name="api-ohlcv"),
    path("stats/<path:symbol>", history_api.StatsView.as_view(), name="api-stats"),
    path("feeds/states", truth_api.FeedStatesView.as_view(), name="api-feed-states"),
    path("feeds/limits", truth_api.FeedLimitsView.as_view(), name="api-feed-limits"),
    path("movers", truth_api.MoversView.as_view(), name="api-movers"),
    path("backfills", backfill_api.BackfillsView.as_view(), name="api-backfills"),
    path("backfills/depths", backfill_api.BackfillDepthsView.as_view(), name="api-backfill-depths"),
    path("backfills/<int:job_id>", backfill_api.BackfillView.as_view(), name="api-backfill"),
    path("universe", universe_api.UniverseView.as_view(), name="api-universe"),
]
