"""One slot of a book: a strategy on a symbol and timeframe, with its parameters, quantities and exits."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.decision.sizing import AnySizing
from engine.exits.config import ExitConfig


class SlotConfig(msgspec.Struct, frozen=True):
    """Frozen at start. `quantities` maps a broker account's key to what one unit of target trades there; 0 means
    that broker does not trade the slot. `exits` None is the explicit "none"."""

    strategy: str  # the slot's name in the book
    symbol: str
    timeframe: str
    params: dict[str, Any]
    quantities: dict[str, Decimal]
    exits: ExitConfig | None = None
    trade_enabled: bool = True
    kind: str = ""  # the strategy's key in the registry where it differs from `strategy`
    sizing: AnySizing | None = None  # None: `quantities` as they are
    run: int = 0  # which start of the strategy it belongs to: a stop does not outlast it

    @property
    def registered(self) -> str:
        """The strategy's key in the registry."""
        return self.kind or self.strategy

    @property
    def key(self) -> tuple[str, str]:
        return self.strategy, self.symbol
