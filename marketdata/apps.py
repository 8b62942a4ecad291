"""The Django app of this package."""

from django.apps import AppConfig

from engine.registry import discover
from marketdata import feeds


class MarketdataConfig(AppConfig):
    name = "marketdata"

    def ready(self) -> None:
        """Every file in `feeds` registers the kind of feed it holds."""
        discover(feeds)
