"""Routes of the pages and of what they load."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import (
    analytics_views,
    api,
    chain_views,
    data_views,
    discovery_views,
    fingerprint_views,
    graph_views,
    lifecycle_views,
    market_views,
    portfolio_views,
    report_views,
    risk_views,
    study_views,
    views,
)

urlpatterns = [
    path("", views.BookPage.as_view(), name="home"),
    path("book/<slug:book>", views.BookPage.as_view(), name="book"),
    path("book/<slug:book>/report", report_views.BookReport.as_view(), name="book-report"),
    path("portfolio", portfolio_views.PortfolioPage.as_view(), name="portfolio"),
    path("analytics", analytics_views.AnalyticsPage.as_view(), name="analytics"),
    path("risk", risk_views.RiskPage.as_view(), name="risk"),
    path("options", chain_views.ChainPage.as_view(), name="options"),
    path("options/<str:symbol>", chain_views.ChainPage.as_view(), name="options-on"),
    path("market", market_views.MarketPage.as_view(), name="market"),
    path("strategies/graph", graph_views.GraphPage.as_view(), name="strategy-graph"),
    path("data", data_views.DataPage.as_view(), name="data"),
    path("backtests", study_views.StudiesPage.as_view(), name="studies-page"),
    path("backtests/<int:study>", study_views.StudyPage.as_view(), name="study-page"),
    path("backtests/<int:study>/days/<str:day>", study_views.StudyDayPage.as_view(), name="study-day-page"),
    path("backtests/<int:study>/runs/<int:number>", study_views.StudyRunPage.as_view(), name="study-run-page"),
    path("backtests/<int:study>/runs/<int:number>/report", report_views.RunReport.as_view(), name="run-report"),
    path("discovery/fingerprints", fingerprint_views.FingerprintsPage.as_view(), name="fingerprints-page"),
    path("discovery/fingerprints/<int:run>", fingerprint_views.FingerprintPage.as_view(), name="fingerprint-page"),
    path("discovery", discovery_views.DiscoveryPage.as_view(), name="discovery"),
    path("discovery/<int:run>", discovery_views.MiningPage.as_view(), name="mining-page"),
    path("discovery/rules", lifecycle_views.RulesPage.as_view(), name="rules-page"),
    path("discovery/rules/<int:rule>/life", lifecycle_views.RuleLifePage.as_view(), name="rule-life-page"),
    path("discovery/rules/<int:rule>", discovery_views.RulePage.as_view(), name="rule-page"),
    path("login", views.SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    # A symbol may hold a slash ("/NQ"): the timeframe is what follows the last one.
    path("api/charts/<path:symbol>/<str:timeframe>", api.ChartView.as_view(), name="chart"),
    path("api/market/search", market_views.SymbolSearchView.as_view(), name="api-market-search"),
    path("api/market/quotes", market_views.QuotesView.as_view(), name="api-market-quotes"),
    path("api/analytics", analytics_views.AnalyticsView.as_view(), name="api-analytics"),
    path("api/portfolio", portfolio_views.PortfolioView.as_view(), name="api-portfolio"),
    path("api/book/<slug:book>/overview", api.OverviewView.as_view(), name="book-overview"),
    path("api/book/<slug:book>/trades/<int:trade>", api.TradeDetailView.as_view(), name="book-trade"),
    path("api/book/<slug:book>/fills", api.FillsView.as_view(), name="book-fills"),
]
