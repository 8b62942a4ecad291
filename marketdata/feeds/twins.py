"""Symbols of ours that are one thing at the venue, as "/ES" and "/ESZ26" are until the roll."""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.model.event import Event
from engine.model.market import TickCorrected
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.registry import Frame


class Twins:
    """What comes of one symbol is told of its twins too: upstream there is one subscription for all of them."""

    def __init__(self) -> None:
        self._others: dict[str, tuple[str, ...]] = {}

    def learn(self, symbols: Mapping[str, str]) -> None:
        """`symbols`: ours and what the venue calls them now."""
        groups: dict[str, list[str]] = {}
        for symbol, venue_name in symbols.items():
            groups.setdefault(venue_name, []).append(symbol)
        self._others = {
            symbol: tuple(other for other in group if other != symbol)
            for group in groups.values()
            if len(group) > 1
            for symbol in group
        }

    def of(self, symbol: str) -> tuple[str, ...]:
        """The other names of what `symbol` is."""
        return self._others.get(symbol, ())

    def spread(self, frame: Frame) -> Frame:
        """`frame` with each event of a symbol repeated for its twins, right behind it."""
        others = self._others
        if not others:
            return frame
        found: list[Event | SymbolFacts] = []
        for event in frame:
            found.append(event)
            found += [_renamed(event, other) for other in others.get(event.symbol, ())]  # type: ignore[union-attr]
        return found


def give_up(wanted: dict[str, str], symbol: str) -> tuple[str, str | None]:
    """Take `symbol` out of `wanted`: what the venue calls it, and another of our symbols that is called so too."""
    venue_name = wanted.pop(symbol)
    return venue_name, next((each for each, name in wanted.items() if name == venue_name), None)


def _renamed(event: Any, symbol: str) -> Any:
    if isinstance(event, TickCorrected):
        replacement = event.replacement
        return msgspec.structs.replace(
            event,
            symbol=symbol,
            original=msgspec.structs.replace(event.original, symbol=symbol),
            replacement=None if replacement is None else msgspec.structs.replace(replacement, symbol=symbol),
        )
    return msgspec.structs.replace(event, symbol=symbol)
