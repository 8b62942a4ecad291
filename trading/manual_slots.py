"""Which symbols are traded by hand: every one that a strategy trades, unless its ticker is switched off."""

from decimal import Decimal

from engine.instruments.catalog import asset_class_of
from engine.instruments.instrument import AssetClass
from strategies.models import Ticker
from strategies.services import create_ticker
from trading.manual_entry import MANUAL
from users.models import User


def complete_tickers(*, user: User | None) -> None:
    """A ticker of `manual` for each symbol that has none: on the bars and at the accounts of the strategies there, with
    the greatest of their quantities. An index is not traded itself."""
    known = set(Ticker.objects.filter(strategy=MANUAL).values_list("symbol", flat=True))
    found: dict[str, list[Ticker]] = {}
    for ticker in Ticker.objects.exclude(strategy=MANUAL).exclude(symbol__in=known).order_by("strategy"):
        if asset_class_of(ticker.symbol) is not AssetClass.INDEX:
            found.setdefault(ticker.symbol, []).append(ticker)
    for symbol, tickers in sorted(found.items()):
        create_ticker(
            user=user, strategy=MANUAL, symbol=symbol, timeframe=tickers[0].timeframe, quantities=_quantities(tickers)
        )


def _quantities(tickers: list[Ticker]) -> dict[str, str]:
    most: dict[str, Decimal] = {}
    for ticker in tickers:
        for account, quantity in ticker.quantities.items():
            most[account] = max(most.get(account, Decimal(0)), Decimal(quantity))
    return {account: str(quantity) for account, quantity in most.items()}
