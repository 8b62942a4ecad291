"""Lots: what one entry order still holds, and what closing a part of it earned."""

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

ZERO = Decimal(0)
_GRID = Decimal("1e-8")


def on_grid(value: Decimal) -> Decimal:
    """`value` with at most eight decimals, so that a third of a lot stays a finite number."""
    if value.as_tuple().exponent < -8:  # type: ignore[operator]
        return value.quantize(_GRID, rounding=ROUND_HALF_EVEN)
    return value


class Lot(msgspec.Struct):
    """The part of one entry order that is still held.

    `cost` is the sum of quantity times price (no multiplier), so nothing is lost to an average. `low` and `high`
    are the extremes seen while it was held, as observed prices.
    """

    order: str
    sign: int  # +1 long, −1 short
    quantity: Decimal  # > 0, what is left
    cost: Decimal
    price: Decimal  # average entry price
    fees: Decimal
    ts: int
    bar_ts: int
    reason: str
    low: float
    high: float

    def add(self, *, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """A further fill of the same entry order."""
        self.quantity += quantity
        self.cost += quantity * price
        self.price = on_grid(self.cost / self.quantity)
        self.fees += fee
        self.see(float(price))

    def see(self, price: float) -> None:
        """A price that was reached while the lot was held."""
        if price < self.low:
            self.low = price
        if price > self.high:
            self.high = price

    def take(self, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Remove `quantity` (≤ what is left); the cost and the fees that belong to it.

        Shares are rounded to eight decimals and the remainder stays in the lot, so the shares always add up.
        """
        if quantity == self.quantity:
            cost, fees = self.cost, self.fees
        else:
            share = quantity / self.quantity
            cost, fees = on_grid(self.cost * share), on_grid(self.fees * share)
        self.quantity -= quantity
        self.cost -= cost
        self.fees -= fees
        return cost, fees
