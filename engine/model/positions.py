"""What is held, and closed round trips."""

from decimal import Decimal

import msgspec

from engine.model.enums import PositionSide
from engine.model.event import Event


class PositionChanged(Event, frozen=True):
    """The holding of one strategy in one symbol at one broker, after a fill. `quantity` is signed."""

    strategy: str
    symbol: str
    broker: str
    quantity: Decimal
    average_price: Decimal  # 0 when flat
    realized_pnl: Decimal  # since the run began, fees not deducted
    fees: Decimal
    contract: str | msgspec.UnsetType = msgspec.UNSET  # of a futures root: the one that is held

    @property
    def side(self) -> PositionSide:
        if self.quantity == 0:
            return PositionSide.FLAT
        return PositionSide.LONG if self.quantity > 0 else PositionSide.SHORT


class TradeClosed(Event, frozen=True):
    """A round trip: an exit linked to the entry it closes. `pnl` is net of `fees` (entry's share and exit's)."""

    trade_id: str
    strategy: str
    symbol: str
    broker: str
    side: PositionSide  # of the position: long or short
    quantity: Decimal
    entry_ts: int
    entry_price: Decimal
    exit_ts: int
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    entry_order: str
    exit_order: str
    entry_reason: str
    exit_reason: str
    entry_bar_ts: int = 0
    exit_bar_ts: int = 0
    is_ambiguous: bool = False
    mae: Decimal = Decimal(0)  # worst open loss, ≥ 0, in cash
    mfe: Decimal = Decimal(0)  # best open profit, ≥ 0, in cash


class ExitArmed(Event, frozen=True):
    """The exit that guards an open position moved or was set; `kind` is "none" where none was asked for."""

    strategy: str
    symbol: str
    broker: str
    kind: str
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    reason: str = ""
