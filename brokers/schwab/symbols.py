"""Symbols between us and Schwab: pure spelling."""

from datetime import date

from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import ROOTS, active_contract, parse_contract
from engine.instruments.instrument import AssetClass


def venue_symbol(symbol: str, day: date) -> str:
    """ "SPX" → "$SPX", "BRK.B" → "BRK/B", "/ES" → the contract that is active on `day`; an option is its OCC symbol."""
    match asset_class_of(symbol):
        case AssetClass.INDEX:
            return f"${symbol}"
        case AssetClass.FUTURE:
            is_root = symbol.removeprefix("/") in ROOTS
            return (active_contract(symbol, day) if is_root else parse_contract(symbol, as_of=day)).schwab
        case AssetClass.OPTION:
            return symbol
        case _:
            return symbol.replace(".", "/")


def our_symbol(text: str, asset_type: str) -> str:
    """The same back; `asset_type` is Schwab's word for the instrument, so that "ES" is Eversource and not a future.
    What we have no spelling for, such as a bond, keeps Schwab's."""
    try:
        return normalize_symbol(text, None if asset_type in ("OPTION", "INDEX", "FUTURE") else AssetClass.EQUITY)
    except InvalidInput:
        return text
