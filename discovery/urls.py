"""Routes of discovery, below /api/."""

from django.urls import include, path

from discovery import api, fingerprint_api

urlpatterns = [
    path("discovery/mining", api.MiningRuns.as_view(), name="mining-runs"),
    path("discovery/mining/<int:run>", api.OneMiningRun.as_view(), name="mining-run"),
    path("discovery/mining/<int:run>/cancel", api.CancelMiningRun.as_view(), name="mining-run-cancel"),
    path("discovery/mining/<int:run>/rules", api.MiningRunRules.as_view(), name="mining-run-rules"),
    path("discovery/fingerprints", fingerprint_api.Fingerprints.as_view(), name="fingerprints"),
    path("discovery/fingerprints/<int:run>", fingerprint_api.OneFingerprint.as_view(), name="fingerprint"),
    path(
        "discovery/fingerprints/<int:run>/cancel",
        fingerprint_api.CancelFingerprint.as_view(),
        name="fingerprint-cancel",
    ),
    path(
        "discovery/fingerprints/<int:run>/seeds", fingerprint_api.FingerprintSeeds.as_view(), name="fingerprint-seeds"
    ),
    path("discovery/rules/<int:rule>", api.OneRule.as_view(), name="discovered-rule"),
    path("", include("discovery.lifecycle_urls")),
]
