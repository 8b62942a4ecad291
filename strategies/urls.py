"""Routes of the configuration, below /api/."""

from django.urls import path

from strategies import api

urlpatterns = [
    path("strategies", api.Strategies.as_view(), name="api-strategies"),
    path("tickers", api.Tickers.as_view(), name="api-tickers"),
    path("tickers/<str:strategy>", api.StrategyTickers.as_view(), name="api-strategy-tickers"),
    path("tickers/<str:strategy>/<path:symbol>", api.OneTicker.as_view(), name="api-ticker"),
    path("add-ticker", api.AddTicker.as_view(), name="api-add-ticker"),
    path("get-ticker", api.GetTicker.as_view(), name="api-get-ticker"),
    path("delete-ticker", api.DeleteTicker.as_view(), name="api-delete-ticker"),
]
