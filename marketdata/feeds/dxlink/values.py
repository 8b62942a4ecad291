"""Single values of the protocol, which writes what JSON has no number for in words."""

from typing import Any

from engine.model.market import NAN
from marketdata.feeds.facts import Value

_WORDS = {"NaN": NAN, "Infinity": float("inf"), "-Infinity": float("-inf")}


def number(value: Any) -> float:
    """A double of the protocol: a number, "NaN", "Infinity", "-Infinity", or nothing (nan)."""
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if value is None:
        return NAN
    found = _WORDS.get(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a number was expected, found {value!r}")
    return found


def amount(value: Any) -> float:
    """The same for sizes: an absent one is 0 (an index has none)."""
    found = number(value)
    return found if found == found else 0.0


def fact(value: Any) -> Value:
    """A number as float, anything else as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return _WORDS.get(str(value), str(value))
