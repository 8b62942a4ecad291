"""Routes of discovery, below /api/."""

from django.urls import path

from discovery import api

urlpatterns = [
    path("discovery/mining", api.MiningRuns.as_view(), name="mining-runs"),
    path("discovery/mining/<int:run>", api.OneMiningRun.as_view(), name="mining-run"),
    path("discovery/mining/<int:run>/cancel", api.CancelMiningRun.as_view(), name="mining-run-cancel"),
    path("discovery/mining/<int:run>/rules", api.MiningRunRules.as_view(), name="mining-run-rules"),
    path("discovery/rules/<int:rule>", api.OneRule.as_view(), name="discovered-rule"),
]
