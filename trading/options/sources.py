"""Where a book's option chains come from: a login at a broker, or on paper a model."""

import time
from collections.abc import Callable, Sequence
from datetime import date

from brokers.adapters import VENUES
from brokers.connections import chains_of
from brokers.models import BrokerAccount
from engine.errors import InvalidInput, NotFound
from engine.instruments.options import underlying_of
from engine.model.market import Quote
from engine.options.chain import OptionChain
from engine.options.synthetic import MODEL, SyntheticChains, parse_chains
from engine.ports import ChainSource

PriceOf = Callable[[str], float]


class NoPrice(NotFound):
    """A model needs the price of what its options are on."""

    code = "no_price"


class ModelledChains:
    """A model as a `ChainSource`, around the price that the book itself sees; on paper only."""

    def __init__(self, chains: SyntheticChains, price_of: PriceOf, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._chains = chains
        self._price_of = price_of
        self._now_ns = now_ns

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        return self._chains.chain(underlying, spot=self._spot(underlying), ts=self._now_ns(), expiry=expiry)

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        now = self._now_ns()
        return [
            quote
            for symbol in symbols
            for quote in self._chains.quotes([symbol], spot=self._spot(underlying_of(symbol)), ts=now)
        ]

    async def close(self) -> None:
        """Nothing is open."""

    def _spot(self, underlying: str) -> float:
        spot = self._price_of(underlying)
        if spot != spot:
            raise NoPrice(f"{underlying} has no price yet, so its options have none")
        return spot


def chain_source(
    configured: str,
    *,
    is_real: bool,
    accounts: Sequence[str],
    price_of: PriceOf,
    now_ns: Callable[[], int] = time.time_ns,
) -> ChainSource | None:
    """What `configured` names: an account whose login may ask, or "synthetic" (with a volatility: "synthetic:0.2").

    Where nothing is configured: with real money the first of the book's own `accounts` that can tell, on paper none.
    """
    if configured.partition(":")[0] == MODEL:
        if is_real:
            raise InvalidInput(
                "chains: with real money prices of a model were refused; name an account", field="chains"
            )
        return ModelledChains(parse_chains(configured), price_of, now_ns=now_ns)
    if configured:
        return chains_of(_account(configured))
    if not is_real:
        return None
    able = (account for account in map(_account, accounts) if VENUES[account.broker].chains is not None)
    found = next(able, None)
    return chains_of(found) if found is not None else None


def _account(name: str) -> BrokerAccount:
    found = BrokerAccount.objects.filter(name=name).first()
    if found is None:
        raise InvalidInput(f"chains: an account or {MODEL!r} was expected, found {name!r}", field="chains")
    return found
