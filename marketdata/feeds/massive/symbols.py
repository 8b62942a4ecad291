"""Our symbols in Massive's spelling, market by market."""

from functools import lru_cache

from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import rolls_version
from engine.instruments.instrument import AssetClass
from engine.instruments.options import parse_option
from engine.instruments.rolls import contract_of
from marketdata.feeds.symbols import quarter_of_now

_MARKETS = {
    AssetClass.EQUITY: "stocks",
    AssetClass.OPTION: "options",
    AssetClass.INDEX: "indices",
    AssetClass.FUTURE: "futures",
}


def massive_symbol(symbol: str, market: str) -> str | None:
    """ "BRK/B" → "BRK.B" (stocks), "SPX" → "I:SPX" (indices), "/NQ" → "NQZ6" (futures), an option →
    "O:SPXW261120C06000000"; None for a symbol of another market."""
    return _massive_symbol(symbol, market, quarter_of_now(), rolls_version())


@lru_cache(maxsize=8_192)
def _massive_symbol(symbol: str, market: str, ts: int, version: int) -> str | None:
    try:
        name = normalize_symbol(symbol)
    except InvalidInput:
        return None
    found = asset_class_of(name)
    if _MARKETS.get(found) != market:
        return None
    if found is AssetClass.FUTURE:
        return contract_of(name, ts).databento
    if found is AssetClass.OPTION:
        return parse_option(name).polygon
    return f"I:{name}" if found is AssetClass.INDEX else name.replace("/", ".")
