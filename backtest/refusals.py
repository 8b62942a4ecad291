"""What msgspec refuses of a document from outside, in words of ours: the field by its path, expected, found."""

import re
import reprlib
from collections.abc import Mapping
from functools import reduce
from typing import Any

import msgspec

from engine.errors import InvalidInput

_PATH = re.compile(r" - at `\$\.([^`]+)`$")


def refusal_at(error: msgspec.ValidationError, document: Mapping[str, Any], *, within: str = "") -> InvalidInput:
    """`field` is the path without `within`, as `strategies[1].name`. What was found is told by its beginning: it may
    be thousands."""
    message = str(error)
    match = _PATH.search(message)
    if match is None:
        return InvalidInput(message, field=None)
    expected = message[: match.start()].replace("`", "")
    found = f"; found {reprlib.repr(_at(document, match[1]))}" if "required" not in expected else ""
    field = match[1].removeprefix(within)
    return InvalidInput(f"{field}: {expected[0].lower()}{expected[1:]}{found}", field=field)


def _at(document: Any, path: str) -> Any:
    """What lies there; None where nothing does."""

    def inner(found: Any, step: str) -> Any:
        if isinstance(found, Mapping):
            return found.get(step)
        return found[int(step)] if isinstance(found, list) and step.isdigit() and int(step) < len(found) else None

    return reduce(inner, re.split(r"[.\[\]]+", path.rstrip("]")), document)
