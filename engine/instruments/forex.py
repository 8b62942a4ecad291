"""Currency pairs: how they are spelt, their price grid, and which of them books in dollars can carry."""

import re
from decimal import Decimal
from typing import NamedTuple

from engine.errors import InvalidInput

HOME = "USD"  # what accounts are kept in
# The market names a pair by the one that stands first here.
CURRENCIES = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")
TICK_SIZE = Decimal("0.00005")  # half a pip, as Interactive Brokers takes prices
_PAIR = re.compile(rf"(?P<base>{'|'.join(CURRENCIES)})[/.]?(?P<quote>{'|'.join(CURRENCIES)})")


class Pair(NamedTuple):
    """So many of `quote` for one of `base`; a quantity is of `base`."""

    base: str
    quote: str

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def ibkr(self) -> dict[str, str]:
        return {"secType": "CASH", "symbol": self.base, "exchange": "IDEALPRO", "currency": self.quote}


def is_pair(text: str) -> bool:
    """Whether it is the name of two currencies in any spelling: "EUR/USD", "EURUSD", "EUR.USD"."""
    found = _PAIR.fullmatch(text)
    return found is not None and found["base"] != found["quote"]


def parse_pair(text: str) -> Pair:
    """`InvalidInput` for a pair that the market names the other way round, and for one whose gains are no dollars: they
    would be booked as some."""
    found = _PAIR.fullmatch(text)
    if found is None or found["base"] == found["quote"]:
        raise InvalidInput(f"symbol: expected a currency pair like EUR/USD; found {text!r}", field="symbol")
    pair = Pair(found["base"], found["quote"])
    if CURRENCIES.index(pair.base) > CURRENCIES.index(pair.quote):
        raise InvalidInput(f"symbol: the market's name of this pair is {pair.quote}/{pair.base}", field="symbol")
    if pair.quote != HOME:
        raise InvalidInput(
            f"symbol: {pair.symbol} gains and loses {pair.quote}, and the books are kept in {HOME}: "
            f"only pairs like EUR/{HOME} are traded",
            field="symbol",
        )
    return pair
