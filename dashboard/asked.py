"""What an address asks for, read from its text; what cannot be is refused with the name of the field."""

from datetime import date
from decimal import Decimal

from backtest.simulation.options import parse_amount
from engine.errors import InvalidInput

EARLIEST, LATEST = date(1900, 1, 1), date(9000, 1, 1)  # a day more or a zone away is still a day
MOST_DAYS = 36_500


def day_in(text: str, field: str) -> date | None:
    """A day such as 2026-11-20; None where nothing is asked."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= LATEST:
        raise InvalidInput(f"{field}: a day such as 2026-11-20 was expected, found {text!r}", field=field)
    return day


def days_in(text: str) -> int | None:
    """How many days; None where nothing is asked."""
    if not text:
        return None
    if not (text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_DAYS):
        raise InvalidInput(f"days: a whole number from 1 to {MOST_DAYS} was expected, found {text!r}", field="days")
    return int(text)


def capital_in(text: str) -> Decimal | None:
    """An amount above 0; None where nothing is asked."""
    return parse_amount(text, field="capital") if text else None
