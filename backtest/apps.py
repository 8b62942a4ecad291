"""The Django app of this package."""

from django.apps import AppConfig


class BacktestConfig(AppConfig):
    name = "backtest"
