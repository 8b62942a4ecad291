"""One instrument: its price grid, its multiplier, and the one place where observed prices become money."""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec


class AssetClass(StrEnum):
    """The class decides what an order may be: quantity steps, sessions, brokers."""

    EQUITY = "equity"
    FUTURE = "future"
    OPTION = "option"
    INDEX = "index"


class Instrument(msgspec.Struct, frozen=True):
    """`tick_size` is the price grid, `multiplier` the cash per point and unit, `quantity_step` the size grid."""

    symbol: str
    asset_class: AssetClass
    tick_size: Decimal = Decimal("0.01")
    multiplier: Decimal = Decimal(1)
    quantity_step: Decimal = Decimal(1)
    calendar: str = "XNYS"
    currency: str = "USD"

    def price(self, observed: float, *, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        """`observed` snapped to the tick grid. The only crossing from observed to committed prices."""
        if observed != observed:
            raise ValueError(f"{self.symbol}: a price was expected, found nan")
        steps = (Decimal(repr(observed)) / self.tick_size).to_integral_value(rounding=rounding)
        return steps * self.tick_size

    def quantity(self, wanted: Decimal) -> Decimal:
        """`wanted` rounded down to the size grid, toward zero."""
        sign = -1 if wanted < 0 else 1
        steps = (abs(wanted) / self.quantity_step).to_integral_value(rounding=ROUND_FLOOR)
        return sign * steps * self.quantity_step

    def notional(self, *, price: Decimal, quantity: Decimal) -> Decimal:
        """Cash value of `quantity` at `price`, ≥ 0."""
        return abs(quantity) * price * self.multiplier
