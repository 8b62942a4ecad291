"""One instrument: its price grid, its multiplier, and the one place where observed prices become money."""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import cached_property

import msgspec

KEEP_PRICES = 16_384  # observed prices an instrument remembers on its grid


class AssetClass(StrEnum):
    """The class decides what an order may be: quantity steps, sessions, brokers."""

    EQUITY = "equity"
    FUTURE = "future"
    OPTION = "option"
    INDEX = "index"
    FOREX = "forex"


ON_MARGIN = frozenset({AssetClass.FUTURE, AssetClass.FOREX})  # what an order binds is not what it is worth


class Instrument(msgspec.Struct, frozen=True, dict=True):
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
        known = self._prices.get((observed, rounding))
        return known if known is not None else self._on_grid(observed, rounding)

    def quantity(self, wanted: Decimal) -> Decimal:
        """`wanted` rounded down to the size grid, toward zero."""
        sign = -1 if wanted < 0 else 1
        steps = (abs(wanted) / self.quantity_step).to_integral_value(rounding=ROUND_FLOOR)
        return sign * steps * self.quantity_step

    def notional(self, *, price: Decimal, quantity: Decimal) -> Decimal:
        """Cash value of `quantity` at `price`, ≥ 0."""
        return abs(quantity) * price * self.multiplier

    @cached_property
    def _prices(self) -> dict[tuple[float, str], Decimal]:
        """The same prices come again and again: an order's reference, its stop, its fill, its mark."""
        return {}

    def _on_grid(self, observed: float, rounding: str) -> Decimal:
        # Plus nothing: −0.0 and whole numbers are the same keys as their floats, and must read the same.
        steps = (Decimal(repr(observed + 0.0)) / self.tick_size).to_integral_value(rounding=rounding)
        found = steps * self.tick_size
        if len(self._prices) >= KEEP_PRICES:
            self._prices.clear()
        self._prices[observed, rounding] = found
        return found
