"""Candle symbols: `SPY{=5m,tho=true}` to what it means, and to its one canonical spelling."""

import re
from typing import NamedTuple

from simulators.candles import CandleSpec

_CANDLE = re.compile(r"^(?P<base>[^{}]+?)(?:&(?P<exchange>\w))?\{(?P<attributes>[^{}]*)\}$")
_PERIOD = re.compile(r"^(?P<value>\d+)?(?P<unit>mo|[tsmhdwyovp]|pm|pr)$")
_DEFAULTS = {"price": "last", "tho": "false", "a": "m"}
_SERVED_UNITS = {"t", "s", "m", "h", "d", "w", "mo", "y"}


class CandleSymbol(NamedTuple):
    """`spec` is None where the symbol is well formed but this server has no such candles."""

    base: str
    canonical: str
    spec: CandleSpec | None


def parse_candle_symbol(text: str) -> CandleSymbol | None:
    """None where `text` is no candle symbol at all. Period 1 and attributes at their default are dropped, the
    others ordered: what comes back is what dxFeed echoes."""
    match = _CANDLE.match(text)
    if match is None:
        return None
    attributes = dict(part.partition("=")[::2] for part in match["attributes"].split(","))
    period = _PERIOD.match(attributes.pop("", ""))
    if period is None or not int(period["value"] or 1):
        return None
    kept = {key: value for key, value in sorted(attributes.items()) if _DEFAULTS.get(key) != value}
    value, unit = int(period["value"] or 1), period["unit"]
    spelled = ",".join([f"={value if value > 1 else ''}{unit}", *(f"{key}={found}" for key, found in kept.items())])
    exchange = f"&{match['exchange']}" if match["exchange"] else ""
    spec = CandleSpec(value, unit, kept.get("tho") == "true", kept.get("a") == "s")
    served = unit in _SERVED_UNITS and set(kept) <= {"tho", "a"}
    return CandleSymbol(match["base"], f"{match['base']}{exchange}{{{spelled}}}", spec if served else None)
