"""The symbols that are known by name: shares and funds of the universe, futures, indexes, currency pairs."""

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache

import msgspec

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import INDEXES, asset_class_of, normalize_symbol
from engine.instruments.forex import CURRENCIES, HOME
from engine.instruments.futures import ROOTS
from engine.instruments.instrument import AssetClass
from marketdata.universe.assets import Asset, BuiltIn
from marketdata.universe.filters import reason_against
from marketdata.universe.services import default_source

KEPT_S = 60.0  # lists of assets change once a day
INDEX_NAMES = {
    "SPX": "S&P 500 index", "XSP": "Mini-S&P 500 index", "NDX": "Nasdaq-100 index", "RUT": "Russell 2000 index",
    "VIX": "Volatility index of the S&P 500", "DJX": "1/100 Dow Jones Industrial Average",
}  # fmt: skip


class Known(msgspec.Struct, frozen=True):
    """One symbol. `doubt` is why it is no plain share to trade, empty where it is or is something else."""

    symbol: str
    name: str
    asset_class: AssetClass
    venue: str = ""
    doubt: str = ""


def known_symbols() -> Mapping[str, Known]:
    """Everything that has a name here, by symbol; read again once a minute."""
    return _known(int(time.monotonic() // KEPT_S))


def names() -> Mapping[str, str]:
    """Symbol → name."""
    return _names(int(time.monotonic() // KEPT_S))


@lru_cache(maxsize=1)
def _known(minute: int) -> Mapping[str, Known]:
    return {each.symbol: each for each in _all()}


@lru_cache(maxsize=1)
def _names(minute: int) -> Mapping[str, str]:
    return {symbol: each.name for symbol, each in _known(minute).items()}


def _all() -> Iterator[Known]:
    """Later ones win: a future before the share of the same letters."""
    for asset in _assets():
        yield _share(asset)
    for root in ROOTS.values():
        yield Known(f"/{root.root}", root.name, AssetClass.FUTURE, root.venue)
    for index in sorted(INDEXES):
        yield Known(index, INDEX_NAMES.get(index, ""), AssetClass.INDEX)
    for base in CURRENCIES[: CURRENCIES.index(HOME)]:
        yield Known(f"{base}/{HOME}", f"{base} in {HOME}", AssetClass.FOREX)


def _assets() -> list[Asset]:
    """The universe's own list; where that cannot be read, the one that comes with the product."""
    try:
        return default_source().assets()
    except (FortifiedError, OSError):
        return BuiltIn().assets()


def _share(asset: Asset) -> Known:
    doubt = reason_against(asset) or ""
    try:
        symbol = normalize_symbol(asset.symbol)
    except InvalidInput:
        symbol, doubt = asset.symbol, doubt or "its symbol has a form that no order takes"
    if symbol != asset.symbol and asset_class_of(symbol) is not AssetClass.EQUITY:
        symbol, doubt = asset.symbol, f"{asset.symbol} means {symbol} here"
    return Known(symbol, asset.name, AssetClass.EQUITY, asset.exchange, doubt)
