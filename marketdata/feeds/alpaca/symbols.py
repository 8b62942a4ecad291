"""Our symbols in Alpaca's spelling: stocks only, share classes with a point."""

from functools import lru_cache

from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.instrument import AssetClass


@lru_cache(maxsize=8_192)
def alpaca_symbol(symbol: str) -> str | None:
    """ "BRK/B" → "BRK.B"; None for what Alpaca has no stream of: futures, options, indexes."""
    try:
        name = normalize_symbol(symbol)
    except InvalidInput:
        return None
    return name.replace("/", ".") if asset_class_of(name) is AssetClass.EQUITY else None
