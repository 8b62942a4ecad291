"""Routes of the pages and of what they load."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import api, report_views, views

urlpatterns = [
    path("", views.BookPage.as_view(), name="home"),
    path("book/<slug:book>", views.BookPage.as_view(), name="book"),
    path("book/<slug:book>/report", report_views.BookReport.as_view(), name="book-report"),
    path("backtests", views.StudiesPage.as_view(), name="studies-page"),
    path("backtests/<int:study>", views.StudyPage.as_view(), name="study-page"),
    path("backtests/<int:study>/runs/<int:number>/report", views.RunReport.as_view(), name="run-report"),
    path("login", views.SignIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    # A symbol may hold a slash ("/NQ"): the timeframe is what follows the last one.
    path("api/charts/<path:symbol>/<str:timeframe>", api.ChartView.as_view(), name="chart"),
    path("api/book/<slug:book>/overview", api.OverviewView.as_view(), name="book-overview"),
    path("api/book/<slug:book>/trades/<int:trade>", api.TradeDetailView.as_view(), name="book-trade"),
    path("api/book/<slug:book>/fills", api.FillsView.as_view(), name="book-fills"),
]
