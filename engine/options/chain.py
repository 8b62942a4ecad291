"""An option chain at one moment, as a value that can be stored with the decision it led to."""

import msgspec

from engine.instruments.options import OptionContract
from engine.model.market import NAN


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

    def near(self, spot: float, strikes: int) -> tuple[ChainEntry, ...]:
        """What is listed at the `strikes` strikes nearest to `spot`, by strike, calls before puts."""
        listed = sorted({entry.contract.strike for entry in self.entries}, key=lambda strike: abs(float(strike) - spot))
        kept = set(listed[:strikes])
        chosen = [entry for entry in self.entries if entry.contract.strike in kept]
        return tuple(sorted(chosen, key=lambda entry: (entry.contract.strike, entry.contract.right)))
