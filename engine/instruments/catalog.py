"""From a symbol as people and venues write it to the one we store, and to what we know of the instrument."""

import re
from datetime import date, time
from decimal import Decimal
from functools import lru_cache

from engine.errors import InvalidInput
from engine.instruments import forex
from engine.instruments.futures import ROOTS, is_future, root_of
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import INDEX_ROOTS, MULTIPLIER, is_option, parse_option
from engine.instruments.sessions import Session, SessionOf, from_new_york, session_of

INDEXES = frozenset({*INDEX_ROOTS.values(), "DJX"})
_EQUITY = re.compile(r"(?P<name>[A-Z][A-Z0-9]{0,7})(?:[./ ](?P<share>[A-Z0-9]{1,3}))?")


def normalize_symbol(text: str, asset_class: AssetClass | None = None) -> str:
    """The spelling we store: "/MES" for "MES", "/NQZ26" for "/NQZ26:XCME", "SPX" for "$SPX", "BRK.B" for "BRK/B",
    the OCC's 21 characters for an option, "EUR/USD" for "EURUSD".

    A bare futures root is the future, also where a stock has the same ticker ("ES" is /ES, not Eversource; "CL" is
    /CL, not Colgate): the stock is meant only where `asset_class` says equity.
    """
    raw = text if text.startswith(".") else text.strip().upper()
    if is_option(raw):
        return parse_option(raw).symbol
    if asset_class in (None, AssetClass.FUTURE) and (raw.startswith("/") or is_future(raw)):
        return _future_symbol(raw)
    if asset_class in (None, AssetClass.FOREX) and forex.is_pair(raw):
        return forex.parse_pair(raw).symbol
    bare = raw.removeprefix("$").removeprefix("I:")
    if bare in INDEXES and asset_class in (None, AssetClass.INDEX):
        return bare
    match = _EQUITY.fullmatch(raw)
    if match is None or asset_class not in (None, AssetClass.EQUITY):
        kind = asset_class or "symbol"
        raise InvalidInput(
            f"symbol: expected a {kind} like /NQ, SPY, BRK.B, $SPX or EUR/USD; found {text!r}", field="symbol"
        )
    return f"{match['name']}.{match['share']}" if match["share"] else match["name"]


def asset_class_of(symbol: str) -> AssetClass:
    """The class of a symbol in the spelling we store."""
    if symbol.startswith("/"):
        return AssetClass.FUTURE
    if is_option(symbol):
        return AssetClass.OPTION
    if "/" in symbol and forex.is_pair(symbol):
        return AssetClass.FOREX
    return AssetClass.INDEX if symbol in INDEXES else AssetClass.EQUITY


@lru_cache(maxsize=4096)
def instrument_for(symbol: str, asset_class: AssetClass | None = None) -> Instrument:
    """The instrument of `symbol` in any spelling. Options on an index have the fine grid of low prices; the coarser
    one from 3.00 on is `OptionContract.tick_size`."""
    name = normalize_symbol(symbol, asset_class)
    found = asset_class or asset_class_of(name)
    if found is AssetClass.FUTURE:
        product = root_of(name)
        return Instrument(
            name, found, tick_size=product.tick_size, multiplier=product.multiplier, calendar=product.calendar
        )
    if found is AssetClass.OPTION:
        option = parse_option(name)
        return Instrument(
            name, found, tick_size=option.tick_size(Decimal(0)), multiplier=MULTIPLIER, calendar=option.calendar
        )
    if found is AssetClass.FOREX:
        return Instrument(name, found, tick_size=forex.TICK_SIZE, calendar="FOREX")
    return Instrument(name, found)


def bar_session(symbol: str) -> SessionOf:
    """ts → the trading day that anchors day, tick and volume bars of `symbol`: for stocks with the hours before and
    after, for futures from evening to evening."""
    calendar = instrument_for(symbol).calendar
    return session_of("XNYS_EXTENDED" if calendar == "XNYS" else calendar)


def bar_day(symbol: str, day: date) -> Session:
    """The trading day of `symbol` that is booked under `day`: what its day bar spans."""
    return bar_session(symbol)(from_new_york(day, time(12)))


def market_hours(symbol: str) -> SessionOf:
    """ts → the hours in which silence of `symbol` means something: for stocks the regular ones."""
    return session_of(instrument_for(symbol).calendar)


def _future_symbol(raw: str) -> str:
    body = raw.removeprefix("/").split(":")[0]
    if body in ROOTS:
        return f"/{body}"
    if not is_future(raw):
        raise InvalidInput(f"symbol: expected a future of {', '.join(ROOTS)}; found {raw!r}", field="symbol")
    return f"/{root_of(raw).root}" if "." in body else f"/{body}"
