"""Routes of studies, below /api/."""

from django.urls import path

from backtest import api

urlpatterns = [
    path("backtests", api.Studies.as_view(), name="studies"),
    path("backtests/preview", api.PreviewTicker.as_view(), name="preview-ticker"),
    path("backtests/<int:study>", api.OneStudy.as_view(), name="study"),
    path("backtests/<int:study>/cancel", api.CancelStudy.as_view(), name="study-cancel"),
    path("backtests/<int:study>/retry", api.RetryStudy.as_view(), name="study-retry"),
    path("backtests/<int:study>/runs", api.StudyRuns.as_view(), name="study-runs"),
    path("backtests/<int:study>/runs/<int:number>", api.StudyRun.as_view(), name="study-run"),
    path("backtests/<int:study>/runs/<int:number>/trades", api.RunTrades.as_view(), name="study-run-trades"),
    path("backtests/<int:study>/runs/<int:number>/apply", api.ApplyRun.as_view(), name="study-run-apply"),
]
