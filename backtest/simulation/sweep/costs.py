"""What the fills of a compiled run cost: the very fee schedules of the venue, asked once for equal fills."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.sweep.job import BROKER
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderIntent, Side
from engine.model.orders import Order
from engine.portfolio.lots import on_grid
from engine.venue.fees import (
    ByAssetClass,
    Fees,
    FuturesFees,
    NoFees,
    OpeningFees,
    PerUnitFees,
    ProportionalFees,
    RegulatoryFees,
    TotalFees,
)

ZERO = Decimal(0)
Table = NDArray[Any]  # of `records.TRADE`
Ints = NDArray[np.int64]
Kinds = tuple[NDArray[np.intp], list[Decimal]]  # the kind of each row, and what every kind paid
_MEMORYLESS = (NoFees, PerUnitFees, ProportionalFees, RegulatoryFees, FuturesFees, OpeningFees)


def is_memoryless(fees: Fees) -> bool:
    """Whether equal fills cost the same, whatever was filled before."""
    return all(type(part) in _MEMORYLESS for part in _parts(fees))


def ignores_price(fees: Fees) -> bool:
    """Whether fills of one size cost the same at any price."""
    return not any(
        isinstance(part, ProportionalFees)
        or (isinstance(part, PerUnitFees) and part.max_rate is not None)
        or (isinstance(part, RegulatoryFees) and bool(part.sec_rate))
        for part in _parts(fees)
    )


def _parts(fees: Fees) -> list[Fees]:
    if isinstance(fees, ByAssetClass):
        return [part for schedule in fees.schedules.values() for part in _parts(schedule)]
    if isinstance(fees, TotalFees):
        return [part for each in fees.parts for part in _parts(each)]
    return [fees]


def _is_by_class(fees: Fees) -> TypeGuard[ByAssetClass]:
    return isinstance(fees, ByAssetClass)


class Costs:
    """Fees of the runs of a sweep. `make_fees` gives a schedule that has seen nothing; `unit` is the size of every
    entry, in steps of the instrument's size grid."""

    def __init__(self, make_fees: Callable[[], Fees], instrument: Instrument, unit: int) -> None:
        self._make_fees, self._instrument, self._unit = make_fees, instrument, unit
        self._fees = make_fees()
        self._is_memoryless = is_memoryless(self._fees)
        self._at_any_price = self._is_memoryless and ignores_price(self._fees)
        self._known: dict[tuple[Any, ...], Decimal] = {}
        self.is_free = isinstance(self._fees, NoFees)

    def of_trades(self, rows: Table) -> list[Decimal]:
        """What each trade paid, as the ledger splits it: a fill that turns a position pays for both its trades,
        and an entry that is closed in parts pays in parts."""
        # A schedule that remembers begins anew with every run, and is nobody else's meanwhile.
        own = self if self._is_memoryless else Costs(self._make_fees, self._instrument, self._unit)
        return own._walk(rows)

    def _walk(self, rows: Table) -> list[Decimal]:
        found: list[Decimal] = []
        lot, left, entry = -1, 0, ZERO  # the entry that is being closed: its order, its size and its fees that are left
        turned_into, opening = -1, ZERO  # the order that turned the position, and its share for the new one
        for row in rows:
            if row["entry_order"] != lot:
                lot, left = row["entry_order"], self._unit
                entry = opening if turned_into == lot else self._entry(row)
            size = int(row["qty"])
            paid = entry if size == left else on_grid(entry * (self._size(size) / self._size(left)))
            entry, left = entry - paid, left - size
            whole = self._exit(row)
            share = self._share(whole, size, self._exit_size(row))
            if row["exit_turned"]:
                turned_into, opening = row["exit_order"], whole - share
            found.append(paid + share)
        return found

    def by_value(self, rows: Table) -> tuple[Ints, Decimal] | None:
        """What trades paid as whole multiples of an amount, where a fee is a fraction of the value and comes out within
        the eight decimals of the ledger; None elsewhere."""
        fees = self._fees.schedules.get(self._instrument.asset_class) if _is_by_class(self._fees) else self._fees
        if not isinstance(fees, ProportionalFees) or fees.minimum:
            return None
        instrument = self._instrument
        amount = instrument.notional(price=instrument.tick_size, quantity=instrument.quantity_step) * fees.rate
        if int(amount.as_tuple().exponent) < -8 or (rows["qty"] != self._unit).any():
            return None
        return (rows["entry_ticks"] + rows["exit_ticks"]) * self._unit, amount

    def by_kind(self, rows: Table) -> tuple[Kinds, Kinds] | None:
        """What entries and exits paid, told apart by a few numbers; None where what was filled before matters."""
        if not self._is_memoryless or (rows["qty"] != self._unit).any():
            return None
        return (
            self._kinds(rows, "entry", self._opening),
            self._kinds(rows, "exit", self._closing),
        )

    def _kinds(self, rows: Table, end: str, ask: Callable[[Any], Decimal]) -> Kinds:
        key = rows["sign"] + 2 + 4 * rows[f"{end}_turned"]
        if not self._at_any_price:
            key = key + 16 * rows[f"{end}_ticks"]
        _, at, kinds = np.unique(key, return_index=True, return_inverse=True)
        return kinds, [ask(rows[i]) for i in at]

    def _opening(self, row: Any) -> Decimal:
        """What the new position pays of its entry's fill."""
        whole = self._entry(row)
        return whole - self._share(whole, self._unit, 2 * self._unit) if row["entry_turned"] else whole

    def _closing(self, row: Any) -> Decimal:
        return self._share(self._exit(row), int(row["qty"]), self._exit_size(row))

    def _exit_size(self, row: Any) -> int:
        """A fill that turns the position closes it and opens a whole one."""
        return int(row["qty"]) + (self._unit if row["exit_turned"] else 0)

    def _share(self, fee: Decimal, size: int, whole: int) -> Decimal:
        return fee if size == whole or not fee else on_grid(fee * self._size(size) / self._size(whole))

    def _entry(self, row: Any) -> Decimal:
        intent = OrderIntent.REVERSAL if row["entry_turned"] else OrderIntent.ENTRY
        return self._fill(
            row["sign"] > 0, 2 * self._unit if row["entry_turned"] else self._unit, row["entry_ticks"], intent
        )

    def _exit(self, row: Any) -> Decimal:
        intent = OrderIntent.REVERSAL if row["exit_turned"] else OrderIntent.EXIT
        return self._fill(row["sign"] < 0, self._exit_size(row), row["exit_ticks"], intent)

    def _fill(self, buys: bool, size: int, price: Any, intent: OrderIntent) -> Decimal:
        ticks = int(price)
        key = (buys, size, intent, 0 if self._at_any_price else ticks)
        fee = self._known.get(key) if self._is_memoryless else None
        if fee is None:
            fee = self._known[key] = self._ask(buys, size, ticks, intent)
        return fee

    def _ask(self, buys: bool, size: int, ticks: int, intent: OrderIntent) -> Decimal:
        quantity, symbol = self._size(size), self._instrument.symbol
        order = Order("", "", symbol, BROKER, Side.BUY if buys else Side.SELL, quantity, intent=intent)
        price = ticks * self._instrument.tick_size
        return self._fees.fee(instrument=self._instrument, order=order, quantity=quantity, price=price, before=ZERO)

    def _size(self, steps: int) -> Decimal:
        return steps * self._instrument.quantity_step
