"""A search for rules as it is asked for over HTTP or kept in the database: the data, the span, and how to search."""

import re
from collections.abc import Mapping
from functools import reduce
from typing import Any

import msgspec

from backtest.simulation.options import parse_fees, parse_slippage
from discovery.bars_asked import BarsAsked, checked
from discovery.mining.asked import MiningSpec
from discovery.mining.learned import model_library
from engine.errors import InvalidInput
from engine.rules.rule import parse_rules

_PATH = re.compile(r" - at `\$\.([^`]+)`$")


class MiningRequest(BarsAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bars, and how rules are looked for in them."""

    search: MiningSpec = MiningSpec()


def parse_request(document: Mapping[str, Any]) -> MiningRequest:
    """In canonical spelling; `InvalidInput` names the field that is wrong as the search does: `grid.stop[1]`."""
    try:
        asked = msgspec.convert(dict(document), MiningRequest, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(error, document) from error
    asked = checked(asked)
    _check(asked.search)
    return asked


def _check(search: MiningSpec) -> None:
    parse_fees(search.fees), parse_slippage(search.slippage)
    search.grid.made(bar_s=60.0, before_close_s=None)  # how many there are
    for least, most in search.gaps:
        if least > most:
            raise InvalidInput(f"gaps: bars as [least, most] were expected, found [{least}, {most}]", field="gaps")
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
