"""Our symbols in dxFeed's spelling: a root is its active contract today."""

from datetime import UTC, datetime
from functools import lru_cache

from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import ROOTS, active_contract, parse_contract
from engine.instruments.instrument import AssetClass
from engine.instruments.options import parse_option


def streamer_symbol(symbol: str) -> str:
    """ "/NQ" → "/NQZ26:XCME" (the contract that is traded today), an option → ".SPXW261120C6000", "SPY" → "SPY"."""
    return _streamer_symbol(symbol, datetime.now(tz=UTC).date().toordinal())


@lru_cache(maxsize=8192)
def _streamer_symbol(symbol: str, day: int) -> str:
    name = normalize_symbol(symbol)
    found = asset_class_of(name)
    if found is AssetClass.FUTURE:
        is_root = name.removeprefix("/") in ROOTS
        today = datetime.fromordinal(day).date()
        return (active_contract(name, today) if is_root else parse_contract(name, as_of=today)).streamer
    if found is AssetClass.OPTION:
        return parse_option(name).streamer
    return name.replace(".", "/") if found is AssetClass.EQUITY else name
