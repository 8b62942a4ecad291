"""The closed trades of one compiled run as columns: exact sums of them, and each of them as the engine tells it."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.simulation.driver import Totals
from backtest.simulation.sweep import kernel
from backtest.simulation.sweep import records as k
from backtest.simulation.sweep.compiled import extremes_fold, summing
from backtest.simulation.sweep.costs import Kinds
from backtest.simulation.sweep.job import BROKER, TradeList
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


class Paid(msgspec.Struct, frozen=True):
    """What each trade paid: the sum of what its `kinds` paid, and whole multiples of an amount."""

    kinds: Sequence[Kinds] = ()
    multiples: tuple[Ints, Decimal] | None = None


def exactly(moves: Ints, unit: Decimal, paid: Paid) -> tuple[NDArray[Any], NDArray[Any] | None, Decimal]:
    """moves · unit − fees, and fees (None: nothing), as whole multiples of one unit: machine words where those hold
    every sum of them."""
    times, amount = paid.multiples or (moves[:0], unit)
    values = [unit, amount, *(value for _, table in paid.kinds for value in table)]
    exponent = min(int(value.as_tuple().exponent) for value in values)
    whole = [int(value.scaleb(-exponent)) for value in values]
    largest = _most(moves) * whole[0] + _most(times) * whole[1] + 2 * max(whole[2:], default=0)
    kind: Any = np.int64 if largest * max(len(moves), 1) < SAFE else object
    if kind is np.int64 and not paid.kinds and paid.multiples is None:
        return moves, None, unit
    costs = times.astype(kind) * whole[1] if paid.multiples else np.zeros(len(moves), dtype=kind)
    for kinds, table in paid.kinds:
        costs = costs + np.array([int(value.scaleb(-exponent)) for value in table], dtype=kind)[kinds]
    return moves.astype(kind) * whole[0] - costs, costs, Decimal(1).scaleb(exponent)


def _most(numbers: Ints) -> int:
    return int(np.abs(numbers).max(initial=0))


class TradeTable(msgspec.Struct, frozen=True, kw_only=True):
    """One row for each closed trade; `Trades` of a compiled run."""

    run: str
    strategy: str
    instrument: Instrument
    reasons: dict[int, str]  # words of the strategy for its numbers
    rows: NDArray[Any]  # of `records.TRADE`
    pnl: NDArray[Any]
    fees: NDArray[Any] | None  # None: nothing
    unit: Decimal  # of `pnl` and `fees`
    ts: Ints  # of the bars: closes
    ts_open: Ints
    high: Floats
    low: Floats
    config: NDArray[Any]  # `records.CONFIG`

    def __len__(self) -> int:
        return len(self.rows)

    def exits(self) -> tuple[Ints, Floats]:
        """When each was closed (UTC ns), and its net P&L as an observed number."""
        return self._exit_ts(), self.pnl.astype(np.float64) * float(self.unit)

    def totals(self, cache_dir: Path | None = None) -> Totals:
        """Exact sums."""
        found = np.zeros(6, self.pnl.dtype)
        (summing(cache_dir) if self.pnl.dtype == np.int64 else kernel.sum_up)(self.pnl, found)
        wins, losses, won, lost, net, fall = found.tolist()
        paid = ZERO if self.fees is None else self._cash(self.fees.sum())
        cash = self._cash
        return Totals(len(self.pnl), wins, losses, cash(net), paid, cash(won), cash(lost), cash(fall))

    def closed(self) -> list[TradeClosed]:
        """As the engine tells them."""
        prefix = f"{self.run}-{self.strategy}-{slug(self.instrument.symbol)}"
        exit_ts = self._exit_ts().tolist()
        lowest, highest = np.empty(len(self.rows)), np.empty(len(self.rows))
        extremes_fold()(self.rows, self.low, self.high, self.config, lowest, highest)
        seen = list(zip(lowest.tolist(), highest.tolist(), strict=True))
        return [self._trade(at, row, prefix, exit_ts[at], seen[at]) for at, row in enumerate(self.rows)]

    def __reduce__(self) -> tuple[Any, ...]:
        """Between processes the trades travel alone, without the bars."""
        return TradeList, (self.closed(),)

    def _exit_ts(self) -> Ints:
        bars = self.rows["exit_bar"]
        found: Ints = np.where(self.rows["is_inside"] > 0, self.ts[bars], self.ts_open[bars])
        return found

    def _cash(self, amount: Any) -> Decimal:
        return int(amount) * self.unit

    def _trade(self, at: int, row: Any, prefix: str, exit_ts: int, seen: tuple[float, float]) -> TradeClosed:
        instrument, code, at_bar = self.instrument, int(row["exit_code"]), int(row["entry_bar"])
        size = row["qty"] * instrument.quantity_step
        entry_order, exit_order = f"{prefix}-{row['entry_order']:06d}", f"{prefix}-{row['exit_order']:06d}"
        worst, best = self._excursions(row, seen, size * instrument.multiplier)
        return TradeClosed(
            exit_ts,
            f"{entry_order}>{exit_order}/1",
            self.strategy,
            instrument.symbol,
            BROKER,
            PositionSide.LONG if row["sign"] > 0 else PositionSide.SHORT,
            size,
            int(self.ts_open[at_bar]),
            row["entry_ticks"] * instrument.tick_size,
            exit_ts,
            row["exit_ticks"] * instrument.tick_size,
            self._cash(self.pnl[at]),
            ZERO if self.fees is None else self._cash(self.fees[at]),
            entry_order,
            exit_order,
            self._reason(row["entry_code"]),
            self._reason(code),
            int(self.ts[at_bar - 1]),
            int(self.ts[int(row["exit_bar"]) - 1]) if code < k.BY_STOP else 0,
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

    def _excursions(self, row: Any, seen: tuple[float, float], size: Decimal) -> tuple[Decimal, Decimal]:
        """Worst open loss and best open profit in cash, both ≥ 0."""
        lowest, highest = (self.instrument.price(price) for price in seen)
        entry = row["entry_ticks"] * self.instrument.tick_size
        down, up = max(entry - lowest, ZERO) * size, max(highest - entry, ZERO) * size
        return (down, up) if row["sign"] > 0 else (up, down)
