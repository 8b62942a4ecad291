"""An option chain at one moment, as a value that can be stored with the decision it led to."""

from collections.abc import Iterable

import msgspec

from engine.instruments.options import OptionContract
from engine.model.market import NAN, Quote


class Greeks(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a price moves by: a point of the underlying (`delta`, `gamma`), a day (`theta`), a percent of volatility
    (`vega`). `volatility` is a year's, implied by the price, as a fraction. nan where the source does not tell."""

    delta: float = NAN
    gamma: float = NAN
    theta: float = NAN
    vega: float = NAN
    volatility: float = NAN


class ChainEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One listed contract with its quote; a side that nobody quotes is nan. `ts` is the quote's own time (UTC ns; 0
    where the source gives none)."""

    contract: OptionContract
    bid: float = NAN
    ask: float = NAN
    last: float = NAN
    ts: int = 0
    greeks: Greeks | None = None


class OptionChain(msgspec.Struct, frozen=True, omit_defaults=True):
    """The contracts on one underlying as of `ts` (UTC ns). `spot` is the underlying's price by the same source."""

    underlying: str
    ts: int
    entries: tuple[ChainEntry, ...]
    source: str = ""
    spot: float = NAN

    def quoted(self, quotes: Iterable[Quote]) -> "OptionChain":
        """The same chain with newer quotes of some of its contracts."""
        newer = {quote.symbol: quote for quote in quotes}
        entries = tuple(
            entry
            if (quote := newer.get(entry.contract.symbol)) is None
            else msgspec.structs.replace(entry, bid=quote.bid, ask=quote.ask, ts=quote.ts)
            for entry in self.entries
        )
        return msgspec.structs.replace(self, entries=entries, ts=max([self.ts, *(each.ts for each in newer.values())]))

    def near(self, spot: float, strikes: int) -> tuple[ChainEntry, ...]:
        """What is listed at the `strikes` strikes nearest to `spot`, by strike, calls before puts."""
        listed = sorted({entry.contract.strike for entry in self.entries}, key=lambda strike: abs(float(strike) - spot))
        kept = set(listed[:strikes])
        chosen = [entry for entry in self.entries if entry.contract.strike in kept]
        return tuple(sorted(chosen, key=lambda entry: (entry.contract.strike, entry.contract.right)))
