"""One run of a sweep as a compiled scan: wishes over columns, then fills and exits, then exact money."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.driver import figures, money
from backtest.simulation.options import parse_fees
from backtest.simulation.sweep import records as k
from backtest.simulation.sweep.compiled import bar_scan
from backtest.simulation.sweep.costs import Costs
from backtest.simulation.sweep.job import BROKER, COMPILED, RunConfig, RunOutcome
from backtest.simulation.sweep.numbers import config_of, deadlines_of
from backtest.simulation.sweep.table import Paid, TradeTable, exactly
from engine.bars.columns import BarColumns
from engine.core.build import exit_specs
from engine.core.slots import Slot
from engine.errors import InvariantBroken
from engine.exits.config import ExitConfig
from engine.exits.plan import uses_atr
from engine.indicators.spec import Spec
from engine.indicators.table import ColumnCache
from engine.instruments.instrument import Instrument
from engine.strategy.base import Strategy
from engine.strategy.decision import StepStrategy
from engine.strategy.scan import scan_rules, wire_decision
from engine.strategy.slot import SlotConfig

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MOST_BYTES = 512 << 20  # of shared columns
ROOM = 65_536  # trades before more room is needed
NONE = np.empty(0)


class Scratch:
    """Memory that one thread uses for run after run. Trades that are kept stay where they were written."""

    def __init__(self, bars: int) -> None:
        self.wishes = np.empty(bars)
        self.make_room(ROOM)

    def make_room(self, trades: int) -> None:
        """For at least that many closed trades."""
        self._trades, self._moves, self._used = np.empty(trades, k.TRADE), np.empty(trades, np.int64), 0

    @property
    def room(self) -> tuple[Any, Ints]:
        """Where the next run may write."""
        return self._trades[self._used :], self._moves[self._used :]

    def keep(self, trades: int) -> None:
        """That many at the beginning of the room are not overwritten."""
        self._used += trades


class Shared:
    """The bars, and the indicator columns over them, that all runs read. Columns are computed by one thread at a time
    (`lock`) and forgotten when there are too many."""

    def __init__(
        self,
        data: BarColumns,
        instrument: Instrument,
        *,
        cache_dir: Path | None = None,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.data, self.instrument, self.cache_dir = data, instrument, cache_dir
        # Stored columns are often read-only, which is another type to compiled code.
        self.ts, self.ts_open = (np.require(c, np.int64, ["C", "W"]) for c in (data.ts, data.ts_open))
        self._lock = lock or nullcontext()
        self._deadlines: dict[tuple[Any, ...], tuple[Ints, Ints]] = {}
        self._columns = self._fresh()
        self.prices = [self._columns.column(name) for name in ("open", "high", "low", "close", "volume")]

    def ready(self, specs: Iterable[str | Spec]) -> ColumnCache:
        """The cache, with these in it."""
        with self._lock:
            if self._columns.size > MOST_BYTES:
                self._columns = self._fresh()
            for spec in specs:
                self._columns.column(spec)
            return self._columns

    def deadlines(self, exits: ExitConfig | None) -> tuple[Ints, Ints]:
        """As `deadlines_of`; exits that differ in prices only share them."""
        key = () if exits is None else (exits.max_hold_s, exits.before_close_s, exits.cut_off)
        with self._lock:
            if key not in self._deadlines:
                self._deadlines[key] = deadlines_of(exits, self.instrument, self.ts_open)
            return self._deadlines[key]

    def _fresh(self) -> ColumnCache:
        return ColumnCache(columns_of(self.data), cache_dir=self.cache_dir)


class Scanner:
    """Runs with one configuration over shared bars. Threads may share it, each with its own `Scratch`."""

    def __init__(self, shared: Shared, fixed: RunConfig) -> None:
        self._shared, self._fixed, self._instrument = shared, fixed, shared.instrument
        self._ts, self._ts_open, self._prices = shared.ts, shared.ts_open, shared.prices
        self._cache_dir = shared.cache_dir
        self._config, self._tiers = config_of(fixed, self._instrument)
        self._deadlines = shared.deadlines(fixed.exits)
        self._costs = Costs(lambda: parse_fees(fixed.fees), self._instrument, int(self._config["unit"][0]))
        self._gross = self._instrument.tick_size * self._instrument.quantity_step * self._instrument.multiplier
        exits = fixed.exits
        atr = [f"atr({exits.atr_period})"] if exits is not None and uses_atr(exits) else []
        self._atr = shared.ready(atr).column(atr[0]) if atr else NONE

    def run(
        self, key: str, kind: type[Strategy], params: dict[str, Any], *, number: int, shown: dict[str, Any],
        keep_trades: bool, scratch: Scratch,
    ) -> RunOutcome:  # fmt: skip
        """The run with these parameters (`shown` are those that the grid set), which were checked before."""
        strategy, first = self._strategy(key, kind, params)
        ts = self._ts.tolist() if strategy.needs_movers != "any" else None
        loop = wire_decision(strategy, first - 1)
        columns = self._shared.ready(loop.columns)
        wishes, codes = scan_rules(
            strategy, columns, first=first, ts=ts, cache_dir=self._cache_dir, wishes=scratch.wishes, loop=loop
        )
        state, table = self.trade(key, strategy.reasons, wishes, codes, first=first, scratch=scratch)
        if keep_trades:
            scratch.keep(len(table))
        return RunOutcome(
            number=number,
            params=shown,
            stats=figures(table.totals(self._cache_dir)) | self._counts(key, state),
            how=COMPILED,
            trades=table if keep_trades else None,
        )

    def trade(
        self, key: str, reasons: Mapping[int, str], wishes: Floats, codes: Floats, *, first: int, scratch: Scratch
    ) -> tuple[Any, TradeTable]:
        """The state at the end, and the trades of these wishes, of which the one of bar number `first` (from 1) is the
        first. The trades are in the scratch until its next use."""
        state = self._scan(wishes, codes, first - 1, scratch)
        return state, self._table(key, reasons, state, scratch)

    def _strategy(self, key: str, kind: type[Strategy], params: dict[str, Any]) -> tuple[StepStrategy, int]:
        """A fresh strategy, and how many bars its slot must have seen when it decides for the first time."""
        timeframe = self._shared.data.timeframe
        slot = slot_of(key, kind, params, symbol=self._instrument.symbol, timeframe=timeframe, fixed=self._fixed)
        if not isinstance(slot.strategy, StepStrategy):
            raise InvariantBroken(f"{key} has no step to compile")
        return slot.strategy, slot.need[timeframe]

    def _scan(self, wishes: Floats, codes: Floats, first: int, scratch: Scratch) -> Any:
        """The state at the end; the trades are in the scratch."""
        config = self._config.copy()
        config["first"] = first
        while True:
            state, (trades, moves) = np.zeros(1, k.STATE), scratch.room
            bar_scan(self._cache_dir)(
                self._ts, *self._prices, wishes, codes, self._atr, *self._deadlines, config, self._tiers.copy(), state,
                trades, moves,
            )  # fmt: skip
            if state[0]["trades"] <= len(trades):
                return state[0]
            scratch.make_room(max(2 * int(state[0]["trades"]), ROOM))

    def _table(self, key: str, reasons: Mapping[int, str], state: Any, scratch: Scratch) -> TradeTable:
        rows, moves = (part[: state["trades"]] for part in scratch.room)
        pnl, fees, unit = exactly(moves, self._gross, self._paid(rows))
        return TradeTable(
            run=self._fixed.name,
            strategy=key,
            instrument=self._instrument,
            reasons=dict(reasons),
            rows=rows,
            pnl=pnl,
            fees=fees,
            unit=unit,
            ts=self._ts,
            ts_open=self._ts_open,
            high=self._prices[1],
            low=self._prices[2],
            config=self._config,
        )

    def _paid(self, rows: Any) -> Paid:
        if self._costs.is_free or not len(rows):
            return Paid()
        multiples = self._costs.by_value(rows)
        if multiples is not None:
            return Paid(multiples=multiples)
        return Paid(self._costs.by_kind(rows) or [(np.arange(len(rows)), self._costs.of_trades(rows))])

    def _counts(self, key: str, state: Any) -> dict[str, Any]:
        """The part of the statistics that is not about money."""
        return {
            "signals": int(state["signals"]),
            "suppressed": 0,
            "orders": int(state["orders"]),
            "denied": 0,
            "faults": [],
            "open_positions": [self._position(key, state)] if state["qty"] else [],
        }

    def _position(self, key: str, state: Any) -> dict[str, Any]:
        return {
            "strategy": key,
            "symbol": self._instrument.symbol,
            "broker": BROKER,
            "side": "long" if state["sign"] > 0 else "short",
            "quantity": money(int(state["qty"]) * self._instrument.quantity_step),
            "average_price": money(int(state["entry_ticks"]) * self._instrument.tick_size),
        }


def slot_of(
    key: str, kind: type[Strategy], params: dict[str, Any], *, symbol: str, timeframe: str, fixed: RunConfig
) -> Slot:
    """The engine's slot of one run: its strategy, and how many bars of each timeframe it must have seen (`need`)."""
    config = SlotConfig(key, symbol, timeframe, params, {BROKER: fixed.quantity}, fixed.exits)
    return Slot(config, kind, exit_specs(config))


def columns_of(data: BarColumns) -> dict[str, Any]:
    """The bars as indicators read them."""
    names = ("ts", "open", "high", "low", "close", "volume", "trade_count", "vwap")
    return {name: getattr(data, name) for name in names}
