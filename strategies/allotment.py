"""Giving tickers new sizes in one step: all of them or none, each change recorded with its author."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction

from engine.errors import Conflict, NotFound
from engine.instruments.catalog import instrument_for
from infra.web.actor import Actor
from strategies.models import Ticker
from strategies.services import update_ticker

Name = tuple[str, str]  # strategy, symbol


@transaction.atomic
def scale_quantities(
    *, user: Actor, factors: Mapping[Name, float], traded: Mapping[Name, Decimal]
) -> list[tuple[Ticker, dict[str, str]]]:
    """Each ticker's quantities times its factor, rounded down to the size grid: the tickers, with what they were.

    `traded` are the sizes that the factors were worked out from: `Conflict` where a ticker has others by now (so that
    nothing is scaled twice), where a size would come to nothing, and for who may not change tickers.
    """
    if not user.has_perm("strategies.change_ticker"):
        raise Conflict(f"{user.email} may not change tickers: the permission strategies.change_ticker is needed.")
    return [_scaled(user, name, factor, traded[name]) for name, factor in sorted(factors.items())]


def _scaled(user: Actor, name: Name, factor: float, traded: Decimal) -> tuple[Ticker, dict[str, str]]:
    strategy, symbol = name
    ticker = Ticker.objects.select_for_update().filter(strategy=strategy, symbol=symbol).first()
    if ticker is None:
        raise NotFound(f"{strategy} has no ticker {symbol}.", field="symbol")
    before = {account: Decimal(size) for account, size in ticker.quantities.items()}
    largest = max(before.values(), default=Decimal(0))
    if largest != traded:
        raise Conflict(
            f"{strategy} on {symbol}: weights of sizes of {largest} were expected, as the ticker has, found {traded}",
            field="quantities",
        )
    step = instrument_for(symbol).quantity_step
    after = {account: _times(size, factor, step) for account, size in before.items()}
    lost = [account for account, size in before.items() if size and not after[account]]
    if lost:
        raise Conflict(
            f"{strategy} on {symbol}: {before[lost[0]]} times {factor:.3f} is less than {step}; give it more capital, "
            "a floor, or take it out by hand",
            field="quantities",
        )
    wanted = {account: format(size, "f") for account, size in after.items()}
    was = dict(ticker.quantities)
    return update_ticker(user=user, ticker=ticker, quantities=wanted), was


def _times(size: Decimal, factor: float, step: Decimal) -> Decimal:
    return int(float(size) * factor / float(step) + 1e-9) * step
