"""The bars that a search or a fingerprint asks for, in canonical spelling."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from backtest.refusals import refusal_at
from engine.bars.timeframe import canonical
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol


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
        raise refusal_at(error, document, within="search.") from error


def checked(asked: Some) -> Some:
    """In canonical spelling; `InvalidInput` names the field that is wrong."""
    asked = msgspec.structs.replace(asked, symbol=normalize_symbol(asked.symbol), timeframe=canonical(asked.timeframe))
    instrument_for(asked.symbol)
    if asked.start and asked.end and asked.end < asked.start:
        raise InvalidInput(f"end: {asked.start} or later was expected, found {asked.end}", field="end")
    if asked.data and not Path(asked.data).is_file():
        raise InvalidInput(f"data: a file was expected, found nothing at {asked.data!r}", field="data")
    return asked
