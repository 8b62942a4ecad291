"""What an address asks for, read from its text; what cannot be is refused with the name of the field."""

from datetime import date
from decimal import Decimal, InvalidOperation

from engine.errors import InvalidInput


def day_in(text: str, field: str) -> date | None:
    """A day such as 2026-11-20; None where nothing is asked."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput(f"{field}: a day such as 2026-11-20 was expected, found {text!r}", field=field) from error


def capital_in(text: str) -> Decimal | None:
    """An amount above 0; None where nothing is asked."""
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise InvalidInput(f"capital: an amount above 0 was expected, found {text!r}", field="capital")
    return value
