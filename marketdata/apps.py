"""The Django app of this package."""

from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    name = "marketdata"
