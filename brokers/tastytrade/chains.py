"""Option chains from tastytrade, for whoever must choose a contract."""

import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from brokers.tastytrade.client import Client
from brokers.venue import NotUnderstood, VenueSetup
from engine.errors import InvalidInput
from engine.instruments.options import OptionContract, parse_option
from engine.model.market import NAN, Quote
from engine.model.time import from_datetime
from engine.options.chain import ChainEntry, OptionChain

T = TypeVar("T")
QUOTES_PATH = "/market-data/by-type"
AT_ONCE = 100  # symbols in one question, by the venue's limit
STRIKES = 40  # around the spot: two calls with calls and puts


class StrikeDoc(msgspec.Struct, rename="kebab"):
    strike_price: Decimal
    call: str
    put: str


class ExpirationDoc(msgspec.Struct, rename="kebab"):
    expiration_date: date
    strikes: list[StrikeDoc]


class ChainDoc(msgspec.Struct, rename="kebab"):
    """One root's contracts: SPX has two, itself (the third Friday's morning) and SPXW."""

    root_symbol: str
    expirations: list[ExpirationDoc]


class QuoteDoc(msgspec.Struct, rename="kebab"):
    """The venue writes the names of this document in two ways; what we need has one word."""

    symbol: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    last: Decimal | None = None
    updated_at: datetime | None = None


class TastytradeChains:
    """A `ChainSource`. `OrderRefused` and `OutcomeUnknown` as the client raises them, `NotUnderstood` for what is no
    chain."""

    def __init__(self, client: Client, *, strikes: int = STRIKES) -> None:
        self._client = client
        self._strikes = strikes

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        """The contracts near the money that expire on `expiry`, quoted; one without contracts is empty. `ts` is that of
        its newest quote."""
        items = await self._client.items(f"/option-chains/{underlying}/nested")
        listed = _contracts(_read(items, list[ChainDoc]), expiry)
        if not listed:
            return OptionChain(underlying, time.time_ns(), (), "tastytrade")
        spot = await self._spot(underlying)
        near = _near(listed, spot, self._strikes)
        quotes = await self._quotes(contract.symbol for contract in near)
        entries = tuple(
            ChainEntry(contract, _price(quote.bid), _price(quote.ask), _price(quote.last), _stamp(quote))
            for contract in near
            if (quote := quotes.get(contract.symbol)) is not None
        )
        newest = max((_stamp(quote) for quote in quotes.values()), default=0)
        return OptionChain(underlying, newest or time.time_ns(), entries, "tastytrade", float(spot))

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """Those of the contracts that somebody quotes."""
        found = await self._quotes(symbols)
        return [
            Quote(_stamp(quote) or time.time_ns(), symbol, _price(quote.bid), _price(quote.ask))
            for symbol, quote in found.items()
        ]

    async def close(self) -> None:
        await self._client.close()

    async def _spot(self, underlying: str) -> Decimal:
        kinds = ("index", "equity")
        for kind in kinds:
            for quote in _read(await self._client.items(QUOTES_PATH, {kind: underlying}), list[QuoteDoc]):
                found = quote.mark or quote.last
                if found:
                    return found
        raise NotUnderstood(f"{QUOTES_PATH}: a price of {underlying} was expected, found none")

    async def _quotes(self, symbols: Iterable[str]) -> dict[str, QuoteDoc]:
        wanted, found = list(symbols), dict[str, QuoteDoc]()
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            items = await self._client.items(QUOTES_PATH, {"equity-option": some})
            found |= {quote.symbol: quote for quote in _read(items, list[QuoteDoc])}
        return found


def make(setup: VenueSetup) -> TastytradeChains:
    """The chains that an account's login may ask for."""
    return TastytradeChains(Client(setup))


def _contracts(chains: Sequence[ChainDoc], expiry: date) -> list[OptionContract]:
    """Those that settle on the day's close: an AM-settled root does not trade on its last day."""
    try:
        found = [
            parse_option(symbol)
            for chain in chains
            for expiration in chain.expirations
            if expiration.expiration_date == expiry
            for strike in expiration.strikes
            for symbol in (strike.call, strike.put)
        ]
    except InvalidInput as error:
        raise NotUnderstood(f"an option chain: {error.detail}") from error
    return [contract for contract in found if not contract.is_am_settled]


def _near(contracts: Sequence[OptionContract], spot: Decimal, strikes: int) -> list[OptionContract]:
    by_distance = sorted({contract.strike for contract in contracts}, key=lambda strike: (abs(strike - spot), strike))
    chosen = set(by_distance[:strikes])
    return [contract for contract in contracts if contract.strike in chosen]


def _stamp(quote: QuoteDoc) -> int:
    """When it was quoted; 0 where the venue does not say."""
    return from_datetime(quote.updated_at) if quote.updated_at is not None else 0


def _price(value: Decimal | None) -> float:
    """A side that nobody quotes is missing or 0."""
    return float(value) if value else NAN


def _read(items: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(items, kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"an option chain or its quotes: {error}") from error
