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
