"""The bars that a search or a fingerprint asks for, in canonical spelling."""

import re
import reprlib
from collections.abc import Mapping
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol

_PATH = re.compile(r" - at `\$\.([^`]+)`$")


class BarsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` is what the record is called. `data` is a file of bars or prints; empty: the archive. `time_is` says what
    the stamps of a file's bars mean where it does not say so itself. `start` and `end` are days, both included."""

    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    timeframe: str = "5"
    data: str = ""
    time_is: Literal["open", "close"] | None = None
    adjust: Literal["none", "splits"] = "none"
    start: date | None = None
    end: date | None = None


Some = TypeVar("Some", bound=BarsAsked)


def converted(document: Mapping[str, Any], kind: type[Some]) -> Some:
    """What is asked for; `InvalidInput` names the field that cannot be read by its path: `strategies[1].name`."""
    try:
        return msgspec.convert(dict(document), kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(error, document) from error


def checked(asked: Some) -> Some:
    """In canonical spelling; `InvalidInput` names the field that is wrong."""
    asked = msgspec.structs.replace(asked, symbol=normalize_symbol(asked.symbol), timeframe=canonical(asked.timeframe))
    instrument_for(asked.symbol)
    if asked.start and asked.end and asked.end < asked.start:
        raise InvalidInput(f"end: {asked.start} or later was expected, found {asked.end}", field="end")
    if asked.data and not Path(asked.data).is_file():
        raise InvalidInput(f"data: a file was expected, found nothing at {asked.data!r}", field="data")
    return asked


def _refusal(error: msgspec.ValidationError, document: Mapping[str, Any]) -> InvalidInput:
    """What msgspec says, with the path of the field and what was found there: its beginning, it may be thousands."""
    message = str(error)
    match = _PATH.search(message)
    if match is None:
        return InvalidInput(message, field=None)
    expected = message[: match.start()].replace("`", "")
    found = f"; found {reprlib.repr(_at(document, match[1]))}" if "required" not in expected else ""
    field = match[1].removeprefix("search.")
    return InvalidInput(f"{field}: {expected[0].lower()}{expected[1:]}{found}", field=field)


def _at(document: Any, path: str) -> Any:
    """What lies there; None where nothing does."""

    def inner(found: Any, step: str) -> Any:
        if isinstance(found, Mapping):
            return found.get(step)
        return found[int(step)] if isinstance(found, list) and step.isdigit() and int(step) < len(found) else None

    return reduce(inner, re.split(r"[.\[\]]+", path.rstrip("]")), document)
