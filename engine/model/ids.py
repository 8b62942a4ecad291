"""Names of orders and trades: derived from the run and a counter, never random."""

import re

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9.]+")


def slug(text: str) -> str:
    """`text` with everything but letters, digits and dots dropped: "/NQ" → "NQ"."""
    return _NOT_ALLOWED.sub("", text)


def client_order_id(*, run: str, strategy: str, symbol: str, counter: int) -> str:
    """ "r7-ema-NQ-000042": the same run and counter always name the same order."""
    return f"{run}-{strategy}-{slug(symbol)}-{counter:06d}"
