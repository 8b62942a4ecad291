"""Schwab's symbols in the simulated market's spelling."""

from engine.errors import FortifiedError
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import ROOTS, active_contract, parse_contract
from engine.instruments.instrument import AssetClass
from engine.instruments.options import is_option, parse_option
from engine.model.time import to_datetime


def market_name(symbol: str, ts: int) -> str:
    """ "$SPX" → "SPX", "/ES" → the contract active at `ts`, "SPXW  261120C06000000" → ".SPXW261120C6000"; what is no
    symbol at all stays as it is."""
    try:
        return _market_name(symbol, ts)
    except FortifiedError:
        return symbol


def class_of(symbol: str) -> AssetClass:
    """The asset class that Schwab's spelling says: "ES" is the stock, "/ES" the future, "$SPX" the index."""
    if symbol.startswith("$"):
        return AssetClass.INDEX
    return asset_class_of(symbol) if symbol.startswith("/") or is_option(symbol) else AssetClass.EQUITY


def _market_name(symbol: str, ts: int) -> str:
    match class_of(symbol):
        case AssetClass.FUTURE:
            day = to_datetime(ts).date()
            is_root = symbol.removeprefix("/") in ROOTS
            return (active_contract(symbol, day) if is_root else parse_contract(symbol, as_of=day)).streamer
        case AssetClass.OPTION:
            return parse_option(symbol).streamer
        case AssetClass.INDEX:
            return normalize_symbol(symbol)
        case _:
            return normalize_symbol(symbol, AssetClass.EQUITY).replace(".", "/")
