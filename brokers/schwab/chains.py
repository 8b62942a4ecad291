"""Option chains from Schwab, for whoever must choose a contract."""

import time
from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from brokers.schwab.client import SchwabClient
from brokers.schwab.symbols import venue_symbol
from brokers.venue import NotUnderstood, VenueSetup
from engine.errors import InvalidInput
from engine.instruments.options import OptionContract, parse_option
from engine.model.market import NAN, Quote
from engine.model.time import NS_PER_MS
from engine.options.chain import ChainEntry, Greeks, OptionChain

PATH = "/marketdata/v1/chains"
QUOTES_PATH = "/marketdata/v1/quotes"
_UNKNOWN = -999.0
STRIKES = 80  # around the spot: an index asked for as a whole is more than Schwab's gateway lets through


class ContractDoc(msgspec.Struct, rename="camel"):
    symbol: str
    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    quote_time_in_long: int = 0
    delta: float | str | None = None
    gamma: float | str | None = None
    theta: float | str | None = None
    vega: float | str | None = None
    volatility: float | str | None = None  # in percent


_Side = dict[str, dict[str, list[ContractDoc]]]  # expiry → strike → contracts


class ChainDoc(msgspec.Struct, rename="camel"):
    status: str = ""
    underlying_price: float | None = None
    call_exp_date_map: _Side = {}
    put_exp_date_map: _Side = {}


class QuoteDoc(msgspec.Struct, rename="camel"):
    bid_price: float | None = None
    ask_price: float | None = None
    quote_time: int = 0


class QuotedDoc(msgspec.Struct):
    """One symbol's answer; symbols that are not known come under the name "errors", without a quote."""

    quote: QuoteDoc | None = None


class SchwabChains:
    """A `ChainSource`. `OrderRefused` and `OutcomeUnknown` as the client raises them."""

    def __init__(self, client: SchwabClient, *, strikes: int = STRIKES) -> None:
        self._client = client
        self._strikes = strikes

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        """Every contract near the money that expires on `expiry`; `ts` is that of its newest quote."""
        asked = time.time_ns()
        params = {
            "symbol": venue_symbol(underlying, expiry),
            "contractType": "ALL",
            "strikeCount": str(self._strikes),
            "fromDate": expiry.isoformat(),
            "toDate": expiry.isoformat(),
        }
        response = await self._client.send("GET", PATH, params=params)
        return read_chain(response.content, underlying, expiry, asked=asked)

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        """Those of the contracts that Schwab knows."""
        asked = time.time_ns()
        response = await self._client.send("GET", QUOTES_PATH, params={"symbols": ",".join(symbols)})
        return read_quotes(response.content, symbols, asked=asked)

    async def close(self) -> None:
        await self._client.close()


def make(setup: VenueSetup) -> SchwabChains:
    """The chains that an account's login may ask for."""
    client = SchwabClient(api_url=setup.api_url, access_token=setup.access_token, token_refused=setup.token_refused)
    return SchwabChains(client)


def read_quotes(content: bytes, symbols: Sequence[str], *, asked: int) -> list[Quote]:
    """`NotUnderstood` for what is no answer to a question for quotes."""
    try:
        found = msgspec.json.decode(content, type=dict[str, QuotedDoc])
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"{QUOTES_PATH}: quotes were expected: {error}") from error
    told = [(symbol, found[symbol].quote) for symbol in symbols if symbol in found]
    return [
        Quote(quote.quote_time * NS_PER_MS or asked, symbol, _quote(quote.bid_price), _quote(quote.ask_price))
        for symbol, quote in told
        if quote is not None
    ]


def read_chain(content: bytes, underlying: str, expiry: date, *, asked: int) -> OptionChain:
    """`NotUnderstood` for what is no chain. One without contracts is empty, as of when it was asked for."""
    try:
        doc = msgspec.json.decode(content, type=ChainDoc)
        found = [(each, parse_option(each.symbol)) for each in _contracts(doc)]
    except (msgspec.DecodeError, InvalidInput) as error:
        raise NotUnderstood(f"{PATH}: a chain of {underlying} was expected: {error}") from error
    chosen = [(each, contract) for each, contract in found if contract.expiry == expiry]
    newest = max((each.quote_time_in_long for each, _ in chosen), default=0)
    entries = tuple(_entry(each, contract) for each, contract in chosen)
    return OptionChain(underlying, newest * NS_PER_MS or asked, entries, "schwab", _quote(doc.underlying_price))


def _entry(doc: ContractDoc, contract: OptionContract) -> ChainEntry:
    return ChainEntry(
        contract,
        _quote(doc.bid),
        _quote(doc.ask),
        _quote(doc.last),
        doc.quote_time_in_long * NS_PER_MS,
        Greeks(
            delta=_known(doc.delta),
            gamma=_known(doc.gamma),
            theta=_known(doc.theta),
            vega=_known(doc.vega),
            volatility=_known(doc.volatility, percent=True),
        ),
    )


def _known(value: float | str | None, *, percent: bool = False) -> float:
    """What Schwab cannot work out is "NaN", or −999."""
    if value is None or isinstance(value, str) or value == _UNKNOWN:
        return NAN
    return value / 100 if percent else value


def _contracts(doc: ChainDoc) -> Iterator[ContractDoc]:
    for side in (doc.call_exp_date_map, doc.put_exp_date_map):
        for strikes in side.values():
            for contracts in strikes.values():
                yield from contracts


def _quote(price: float | None) -> float:
    """A side that nobody quotes comes as 0."""
    return price if price else NAN
