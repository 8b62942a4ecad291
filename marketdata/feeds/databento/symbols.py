"""Our symbols in Databento's spelling: a futures root is the exchange's name of its active contract."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of
from engine.instruments.futures import ROOTS, parse_contract
from engine.instruments.instrument import AssetClass
from engine.instruments.options import is_option
from marketdata.feeds.databento.options import DatabentoOptions

FUTURES_DATASET, OPTIONS_DATASET = "GLBX.MDP3", "OPRA.PILLAR"
_CONTINUOUS = re.compile(r"[A-Z0-9]+\.[cnv]\.[0-9]")


def stype_of(venue_name: str) -> str:
    """Which kind of symbol a name is to the vendor."""
    return "continuous" if _CONTINUOUS.fullmatch(venue_name) else "raw_symbol"


def venue_name_of(symbol: str, options: DatabentoOptions, resolve: Callable[[str], str]) -> str | None:
    """ "/NQ" → "NQZ6", or "NQ.v.0" where the vendor's rule is chosen; None where the dataset has no such thing.

    `resolve` names a future as dxFeed does, and so knows which contract is the active one.
    """
    kind = asset_class_of(symbol)
    if kind is AssetClass.FUTURE:
        return _future(symbol, options, resolve) if options.dataset == FUTURES_DATASET else None
    if kind is AssetClass.OPTION or is_option(symbol):
        return symbol if options.dataset == OPTIONS_DATASET else None
    is_stock = kind is AssetClass.EQUITY and options.dataset not in (FUTURES_DATASET, OPTIONS_DATASET)
    return symbol if is_stock else None


def _future(symbol: str, options: DatabentoOptions, resolve: Callable[[str], str]) -> str | None:
    root = symbol.removeprefix("/")
    if root in ROOTS and options.contract != "calendar":
        return f"{root}.{options.contract}.0"
    try:
        return parse_contract(resolve(symbol), as_of=datetime.now(tz=UTC).date()).databento
    except InvalidInput:
        return None
