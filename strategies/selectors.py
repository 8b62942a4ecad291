"""Reading the configuration."""

from django.db.models import QuerySet

from strategies.models import Ticker
from strategies.registry import STRATEGIES


def tickers(*, strategy: str = "") -> QuerySet[Ticker]:
    """The tickers of `strategy`, or all; `NotFound` for a strategy that there is not."""
    if not strategy:
        return Ticker.objects.all()
    return Ticker.objects.filter(strategy=STRATEGIES.canonical(strategy))
