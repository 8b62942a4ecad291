"""A search for rules as it is asked for over HTTP or kept in the database: the data, the span, and how to search."""

import re
from collections.abc import Mapping
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from backtest.distributed.spec import StudySpec
from backtest.simulation.options import parse_fees, parse_slippage
from discovery.mining.asked import MiningSpec
from discovery.mining.learned import model_library
from engine.bars.timeframe import canonical
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for, normalize_symbol
from engine.rules.rule import parse_rules

_PATH = re.compile(r" - at `\$\.([^`]+)`$")


class MiningRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`data` is a file of bars or prints; empty: the archive. `time_is` says what the stamps of a file's bars mean
    where it does not say so itself. `start` and `end` are days, both included."""

    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    timeframe: str = "5"
    data: str = ""
    time_is: Literal["open", "close"] | None = None
    adjust: Literal["none", "splits"] = "none"
    start: date | None = None
    end: date | None = None
    search: MiningSpec = MiningSpec()

    @property
    def bars(self) -> StudySpec:
        """What reads the bars, as studies do."""
        return StudySpec(
            symbol=self.symbol, timeframe=self.timeframe, data=self.data, time_is=self.time_is, adjust=self.adjust,
            start=self.start, end=self.end,
        )  # fmt: skip


def parse_request(document: Mapping[str, Any]) -> MiningRequest:
    """In canonical spelling; `InvalidInput` names the field that is wrong as the search does: `grid.stop[1]`."""
    try:
        asked = msgspec.convert(dict(document), MiningRequest, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(error, document) from error
    asked = msgspec.structs.replace(asked, symbol=normalize_symbol(asked.symbol), timeframe=canonical(asked.timeframe))
    _check(asked)
    return asked


def _check(asked: MiningRequest) -> None:
    search = asked.search
    instrument_for(asked.symbol)
    parse_fees(search.fees), parse_slippage(search.slippage)
    search.grid.made(bar_s=60.0, before_close_s=None)  # how many there are
    if asked.start and asked.end and asked.end < asked.start:
        raise InvalidInput(f"end: {asked.start} or later was expected, found {asked.end}", field="end")
    if asked.data and not Path(asked.data).is_file():
        raise InvalidInput(f"data: a file was expected, found nothing at {asked.data!r}", field="data")
    for number, seed in enumerate(search.seeds, start=1):
        parse_rules([msgspec.to_builtins(seed.rule)], field=f"seeds, rule {number}")
    if search.learned:
        model_library()


def _refusal(error: msgspec.ValidationError, document: Mapping[str, Any]) -> InvalidInput:
    """What msgspec says, with the path of the field and what was found there."""
    message = str(error)
    match = _PATH.search(message)
    if match is None:
        return InvalidInput(message, field=None)
    expected = message[: match.start()].replace("`", "")
    found = f"; found {_at(document, match[1])!r}" if "required" not in expected else ""
    field = match[1].removeprefix("search.")
    return InvalidInput(f"{field}: {expected[0].lower()}{expected[1:]}{found}", field=field)


def _at(document: Any, path: str) -> Any:
    """What lies there; None where nothing does."""

    def inner(found: Any, step: str) -> Any:
        if isinstance(found, Mapping):
            return found.get(step)
        return found[int(step)] if isinstance(found, list) and step.isdigit() and int(step) < len(found) else None

    return reduce(inner, re.split(r"[.\[\]]+", path.rstrip("]")), document)
