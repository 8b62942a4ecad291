"""Our symbols in dxFeed's spelling: a root is its active contract today."""

from datetime import UTC, date, datetime
from functools import lru_cache

from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import ROOTS, active_contract, parse_contract, rolls_version
from engine.instruments.instrument import AssetClass
from engine.instruments.options import parse_option


def streamer_symbol(symbol: str) -> str:
    """ "/NQ" → "/NQZ26:XCME" (the contract that is traded today), an option → ".SPXW261120C6000", "SPY" → "SPY"."""
    return _streamer_symbol(symbol, datetime.now(tz=UTC).date(), rolls_version())


@lru_cache(maxsize=8192)
def _streamer_symbol(symbol: str, day: date, version: int) -> str:
    name = normalize_symbol(symbol)
    found = asset_class_of(name)
    if found is AssetClass.FUTURE:
        is_root = name.removeprefix("/") in ROOTS
        return (active_contract(name, day) if is_root else parse_contract(name, as_of=day)).streamer
    if found is AssetClass.OPTION:
        return parse_option(name).streamer
    return name.replace(".", "/") if found is AssetClass.EQUITY else name
