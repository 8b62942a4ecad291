"""An option chain at one moment, as a value that can be stored with the decision it led to."""

import msgspec

from engine.instruments.options import OptionContract
from engine.model.market import NAN


class ChainEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One listed contract with its quote; a side that nobody quotes is nan."""

    contract: OptionContract
    bid: float = NAN
    ask: float = NAN


class OptionChain(msgspec.Struct, frozen=True):
    """The contracts on one underlying as of `ts` (UTC ns)."""

    underlying: str
    ts: int
    entries: tuple[ChainEntry, ...]
    source: str = ""

    def near(self, spot: float, strikes: int) -> tuple[ChainEntry, ...]:
        """What is listed at the `strikes` strikes nearest to `spot`, by strike, calls before puts."""
        listed = sorted({entry.contract.strike for entry in self.entries}, key=lambda strike: abs(float(strike) - spot))
        kept = set(listed[:strikes])
        chosen = [entry for entry in self.entries if entry.contract.strike in kept]
        return tuple(sorted(chosen, key=lambda entry: (entry.contract.strike, entry.contract.right)))
