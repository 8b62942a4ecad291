"""Why a symbol is left out: one rule a function, each with its reason in words."""

import re
from collections.abc import Callable

from marketdata.universe.assets import Asset

EXCHANGES = ("NYSE", "NASDAQ", "AMEX", "ARCA")  # ARCA is the NYSE's market of funds: SPY is listed there
LOWEST_PRICE, HIGHEST_PRICE = 1.0, 10_000.0

Reason = str | None

# NASDAQ marks rights, units and warrants by the FIFTH letter of a symbol. SNOW, UBER or PLTR end in such a letter too
# and are shares: a symbol of four letters says nothing. https://www.nasdaqtrader.com/Trader.aspx?id=CQSsymbolconvention
_FIFTH = {"W": "a warrant", "R": "a right", "U": "a unit"}
_SUFFIX = re.compile(r"[./ +=^-](?P<mark>WS?[A-Z]?|RTS?|R|UN?|PRF?[A-Z]?|P[A-Z]?|\+|=)$")
_SUFFIX_WORDS = {
    "W": "a warrant",
    "R": "a right",
    "U": "a unit",
    "P": "a preferred share",
    "+": "a warrant",
    "=": "a unit",
}
_NAMED = (
    (re.compile(r"\bwarrants?\b", re.I), "a warrant"),
    (re.compile(r"\brights?\b(?! management)", re.I), "a right"),
    (re.compile(r"\bunits?\b(?!ed)", re.I), "a unit"),
    (re.compile(r"\b(preferred|preference|depositary shares? each representing)\b", re.I), "a preferred share"),
)
_SPAC = re.compile(r"\b(acquisition (corp|co|company|ltd|limited|inc|holdings)|blank check)\b", re.I)
_TEST = re.compile(r"^(Z[A-Z]?ZZ?T|Z[A-Z]{0,2}XT|[A-Z]?TEST[A-Z]?|Z[BCJVWX][A-Z]?Z{1,2}[TX])([./].*)?$")
_TEST_NAME = re.compile(r"\btest (stock|symbol|security|issue)\b", re.I)
_COMPLEX = re.compile(
    r"(?<![\w.])-?[1-5](\.\d+)?x\b|\bultra(pro|short)\b|\bproshares ultra\b|\binverse\b|\bleveraged?\b|\betns?\b"
    r"|\bexchange[- ]traded notes?\b|\bdaily\b.*\b(bull|bear)\b",
    re.I,
)


def is_active(asset: Asset) -> Reason:
    return None if asset.is_active else "it is not active"


def is_tradable(asset: Asset) -> Reason:
    return None if asset.is_tradable else "it cannot be traded"


def is_equity(asset: Asset) -> Reason:
    return None if asset.asset_class in ("us_equity", "equity", "etf") else f"it is {asset.asset_class}, no US share"


def is_listed(asset: Asset) -> Reason:
    if not asset.exchange or asset.exchange in EXCHANGES:
        return None
    return f"it is listed on {asset.exchange}, not on {', '.join(EXCHANGES)}"


def is_no_test(asset: Asset) -> Reason:
    is_test = _TEST.match(asset.symbol) or _TEST_NAME.search(asset.name)
    return "it is a test symbol of the exchange" if is_test else None


def is_share(asset: Asset) -> Reason:
    """Warrants, rights, units and preferred shares, by the exchange's mark or by the name."""
    match = _SUFFIX.search(asset.symbol)
    if match:
        return f"it is {_SUFFIX_WORDS[match['mark'][0]]} (suffix {match['mark']})"
    is_nasdaq = asset.exchange in ("NASDAQ", "")
    if is_nasdaq and re.fullmatch(r"[A-Z]{4}[WRU]", asset.symbol):
        return f"it is {_FIFTH[asset.symbol[4]]} (fifth letter {asset.symbol[4]})"
    named = next((what for pattern, what in _NAMED if pattern.search(asset.name)), None)
    return f"it is {named} (by its name)" if named else None


def is_no_spac(asset: Asset) -> Reason:
    return "it is a company to acquire another (SPAC)" if _SPAC.search(asset.name) else None


def is_simple(asset: Asset) -> Reason:
    return "it is leveraged, inverse or a note" if _COMPLEX.search(asset.name) else None


def is_priced(asset: Asset) -> Reason:
    if asset.price is None or LOWEST_PRICE <= asset.price <= HIGHEST_PRICE:
        return None
    return f"its price of {asset.price:g} is outside {LOWEST_PRICE:g} to {HIGHEST_PRICE:g}"


FILTERS: tuple[Callable[[Asset], Reason], ...] = (
    is_active, is_tradable, is_equity, is_no_test, is_listed, is_share, is_no_spac, is_simple, is_priced,
)  # fmt: skip


def reason_against(asset: Asset) -> Reason:
    """The first rule that `asset` breaks, in words; None where it is a share or fund to trade."""
    return next((reason for rule in FILTERS if (reason := rule(asset)) is not None), None)
