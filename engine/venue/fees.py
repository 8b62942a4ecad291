"""What a fill costs: commissions and fees, as venues and exchanges charge them."""

from decimal import Decimal
from typing import Protocol

from engine.instruments.instrument import Instrument
from engine.model.orders import Order

ZERO = Decimal(0)


class Fees(Protocol):
    """Cash charged for one fill, ≥ 0. `before` is what the same order filled earlier, for minimums and caps."""

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal: ...


class NoFees:
    """Nothing."""

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        return ZERO


class PerUnitFees:
    """A fixed amount per share or contract, with a minimum per order."""

    def __init__(self, per_unit: Decimal, minimum: Decimal = ZERO) -> None:
        self.per_unit, self.minimum = per_unit, minimum

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        return self._total(before + quantity) - (self._total(before) if before else ZERO)

    def _total(self, quantity: Decimal) -> Decimal:
        return max(quantity * self.per_unit, self.minimum)


class ProportionalFees:
    """A fraction of the traded value."""

    def __init__(self, rate: Decimal) -> None:
        self.rate = rate

    def fee(
        self, *, instrument: Instrument, order: Order, quantity: Decimal, price: Decimal, before: Decimal
    ) -> Decimal:
        return instrument.notional(price=price, quantity=quantity) * self.rate
