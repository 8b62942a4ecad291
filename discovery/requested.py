"""A search for rules as it is asked for over HTTP or kept in the database: the data, the span, and how to search."""

from collections.abc import Mapping
from typing import Any

import msgspec

from backtest.simulation.options import parse_fees, parse_quantity, parse_slippage
from discovery.bars_asked import BarsAsked, checked, converted
from discovery.mining.asked import MiningSpec
from discovery.mining.learned import model_library
from engine.errors import InvalidInput
from engine.rules.rule import parse_rules


class MiningRequest(BarsAsked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bars, and how rules are looked for in them."""

    search: MiningSpec = MiningSpec()


def parse_request(document: Mapping[str, Any]) -> MiningRequest:
    """In canonical spelling; `InvalidInput` names the field that is wrong as the search does: `grid.stop[1]`."""
    asked = checked(converted(document, MiningRequest))
    _check(asked.search)
    return asked


def _check(search: MiningSpec) -> None:
    parse_quantity(str(search.quantity)), parse_fees(search.fees), parse_slippage(search.slippage)
    search.grid.made(bar_s=60.0, before_close_s=None)  # how many there are
    for least, most in search.gaps:
        if least > most:
            raise InvalidInput(f"gaps: bars as [least, most] were expected, found [{least}, {most}]", field="gaps")
    for number, seed in enumerate(search.seeds, start=1):
        parse_rules([msgspec.to_builtins(seed.rule)], field=f"seeds, rule {number}")
    if search.learned:
        model_library()
