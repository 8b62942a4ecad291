"""What Massive calls the simulated market's symbols, market by market."""

import re

_CONTRACT = re.compile(r"^/(?P<root>[A-Z0-9]{1,3})(?P<month>[FGHJKMNQUVXZ])\d(?P<year>\d)(?::X[A-Z]{3})?$")


def ticker(symbol: str, market: str) -> str | None:
    """ "SPX" → "I:SPX" (indices), "/ESZ26:XCME" → "ESZ6" (futures); None where that market does not have it."""
    contract = _CONTRACT.match(symbol)
    if market.startswith("futures"):
        return f"{contract['root']}{contract['month']}{contract['year']}" if contract else None
    if market == "indices":
        return f"I:{symbol}" if symbol == "SPX" else None
    return symbol if market == "stocks" and contract is None and symbol != "SPX" else None
