"""The same routes without /api, as older clients know them; left out of the API's description."""

from django.urls import path

from marketdata import history_api

urlpatterns = [
    path("history/<path:symbol>", history_api.HistoryView.as_view(schema=None)),
    path("symbols", history_api.SymbolsView.as_view(schema=None)),
    path("ohlcv/<path:symbol>", history_api.OhlcvView.as_view(schema=None)),
    path("stats/<path:symbol>", history_api.StatsView.as_view(schema=None)),
]
