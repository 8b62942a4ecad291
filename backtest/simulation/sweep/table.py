"""The closed trades of one compiled run as columns: exact sums of them, and each of them as the engine tells it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.simulation.driver import Totals
from backtest.simulation.sweep import kernel as k
from backtest.simulation.sweep.costs import Kinds
from backtest.simulation.sweep.job import BROKER
from backtest.simulation.sweep.numbers import DEADLINES
from engine.instruments.instrument import Instrument
from engine.model.enums import PositionSide
from engine.model.ids import slug
from engine.model.positions import TradeClosed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SAFE = 1 << 62  # a sum of whole numbers that machine words hold
ZERO = Decimal(0)
_GUARDS = {k.BY_STOP: "stop", k.BY_TRAIL: "trailing", k.BY_BREAK_EVEN: "break_even"}


def exactly(whole: Ints, unit: Decimal, fees: Sequence[Kinds]) -> tuple[NDArray[Any], NDArray[Any], Decimal]:
    """whole · unit − fees, and fees, as whole multiples of one unit: machine words where those can hold them."""
    values = [value for _, table in fees for value in table]
    exponent = min(int(value.as_tuple().exponent) for value in (unit, *values))
    scale = int(unit.scaleb(-exponent))
    largest = int(np.abs(whole).max(initial=0)) * scale + 2 * int(max(values, default=Decimal(0)).scaleb(-exponent))
    kind: Any = np.int64 if largest * max(len(whole), 1) < SAFE else object
    costs = np.zeros(len(whole), dtype=kind)
    for kinds, table in fees:
        costs = costs + np.array([int(value.scaleb(-exponent)) for value in table], dtype=kind)[kinds]
    return whole.astype(kind) * scale - costs, costs, Decimal(1).scaleb(exponent)


class TradeTable(msgspec.Struct, frozen=True, kw_only=True):
    """One row for each closed trade; `Trades` of a compiled run."""

    run: str
    strategy: str
    instrument: Instrument
    reasons: dict[int, str]  # words of the strategy for its numbers
    rows: NDArray[Any]  # of `kernel.TRADE`
    entry_ts: Ints
    exit_ts: Ints
    entry_bar_ts: Ints
    exit_bar_ts: Ints
    pnl: NDArray[Any]
    fees: NDArray[Any]
    unit: Decimal  # of `pnl` and `fees`

    def __len__(self) -> int:
        return len(self.rows)

    def exits(self) -> tuple[Ints, Floats]:
        """When each was closed (UTC ns), and its net P&L as an observed number."""
        return self.exit_ts, self.pnl.astype(np.float64) * float(self.unit)

    def totals(self) -> Totals:
        """Exact sums."""
        pnl = self.pnl
        total = np.cumsum(pnl)
        peak = np.maximum(np.maximum.accumulate(total), 0) if len(total) else total
        won, lost = pnl[pnl > 0], pnl[pnl < 0]
        return Totals(
            len(pnl),
            len(won),
            len(lost),
            self._cash(pnl.sum()),
            self._cash(self.fees.sum()),
            self._cash(won.sum()),
            self._cash(lost.sum()),
            self._cash((peak - total).max(initial=0)),
        )

    def closed(self) -> list[TradeClosed]:
        """As the engine tells them."""
        prefix = f"{self.run}-{self.strategy}-{slug(self.instrument.symbol)}"
        return [self._trade(at, row, prefix) for at, row in enumerate(self.rows)]

    def _cash(self, amount: Any) -> Decimal:
        return int(amount) * self.unit

    def _trade(self, at: int, row: Any, prefix: str) -> TradeClosed:
        instrument, exit_ts = self.instrument, int(self.exit_ts[at])
        size = row["qty"] * instrument.quantity_step
        entry_order, exit_order = f"{prefix}-{row['entry_order']:06d}", f"{prefix}-{row['exit_order']:06d}"
        code = row["exit_code"]
        worst, best = self._excursions(row, size * instrument.multiplier)
        return TradeClosed(
            exit_ts,
            f"{entry_order}>{exit_order}/1",
            self.strategy,
            instrument.symbol,
            BROKER,
            PositionSide.LONG if row["sign"] > 0 else PositionSide.SHORT,
            size,
            int(self.entry_ts[at]),
            row["entry_ticks"] * instrument.tick_size,
            exit_ts,
            row["exit_ticks"] * instrument.tick_size,
            int(self.pnl[at]) * self.unit,
            int(self.fees[at]) * self.unit,
            entry_order,
            exit_order,
            self._reason(row["entry_code"]),
            self._reason(code),
            int(self.entry_bar_ts[at]),
            int(self.exit_bar_ts[at]),
            bool(row["is_ambiguous"]),
            worst,
            best,
        )

    def _reason(self, code: int) -> str:
        if code < k.BY_STOP:
            return self.reasons[code]
        if code >= k.BY_DEADLINE:
            return DEADLINES[code - k.BY_DEADLINE]
        return _GUARDS.get(code) or f"target_{code - k.BY_TARGET}"

    def _excursions(self, row: Any, size: Decimal) -> tuple[Decimal, Decimal]:
        """Worst open loss and best open profit in cash, both ≥ 0."""
        lowest, highest = (self.instrument.price(float(row[name])) for name in ("low", "high"))
        entry = row["entry_ticks"] * self.instrument.tick_size
        down, up = max(entry - lowest, ZERO) * size, max(highest - entry, ZERO) * size
        return (down, up) if row["sign"] > 0 else (up, down)
