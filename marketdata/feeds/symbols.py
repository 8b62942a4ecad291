"""Our symbols in dxFeed's spelling: a root is its active contract now."""

from datetime import UTC, datetime
from functools import lru_cache

from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.futures import rolls_version
from engine.instruments.instrument import AssetClass
from engine.instruments.options import parse_option
from engine.instruments.rolls import contract_of
from engine.model.time import NS_PER_MINUTE, from_datetime

_QUARTER_NS = 15 * NS_PER_MINUTE  # sessions end at none but whole quarters of an hour


def quarter_of_now() -> int:
    """When the present quarter of an hour began: names are the same within one."""
    now = from_datetime(datetime.now(tz=UTC))
    return now - now % _QUARTER_NS


def streamer_symbol(symbol: str) -> str:
    """ "/NQ" → "/NQZ26:XCME" (the contract that is active now), an option → ".SPXW261120C6000", "SPY" → "SPY"."""
    return _streamer_symbol(symbol, quarter_of_now(), rolls_version())


@lru_cache(maxsize=8192)
def _streamer_symbol(symbol: str, ts: int, version: int) -> str:
    name = normalize_symbol(symbol)
    found = asset_class_of(name)
    if found is AssetClass.FUTURE:
        return contract_of(name, ts).streamer
    if found is AssetClass.OPTION:
        return parse_option(name).streamer
    return name.replace(".", "/") if found is AssetClass.EQUITY else name
