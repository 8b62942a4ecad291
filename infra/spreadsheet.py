"""Texts as cells of a spreadsheet, which takes what begins in some ways for a formula and would run it."""

import re
from typing import Any

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def cell(value: Any) -> Any:
    """A text that would be a formula, marked as text; numbers and everything else as they are."""
    if not isinstance(value, str) or not value.startswith(_BEGINS_A_FORMULA) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
