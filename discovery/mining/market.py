"""Tries signals on bars: which trades would have come of them, by the compiled kernel that sweeps run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.sweep.numbers import why_not, why_not_bars
from backtest.simulation.sweep.scanned import Scanner, Scratch, Shared
from discovery.mining.asked import MiningSpec
from discovery.mining.truths import Bools
from engine.bars.columns import BarColumns, sessions_in
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.exits.plan import uses_atr
from engine.indicators.graph import plan
from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import new_york, session_of
from engine.model.time import NS_PER_S

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
KEY = "rules"
REASONS: Mapping[int, str] = {1: "rule_long", -1: "rule_short"}


@dataclass(frozen=True, slots=True)
class Trades:
    """Closed trades as columns, in the order in which they were closed. `pnl` is net, in cash."""

    entry_bar: Ints  # at whose open it was entered
    exit_bar: Ints
    after: Ints  # the first bar on which it is not held any more
    sign: Ints
    pnl: Floats
    entry: Floats  # prices
    exit: Floats
    code: Ints  # why it was closed: `backtest.simulation.sweep.records`

    def __len__(self) -> int:
        return len(self.pnl)


class Market:
    """The bars of a search, cut into trading days (`day_of` each bar), and what trading them would have come to."""

    def __init__(self, bars: BarColumns, asked: MiningSpec) -> None:
        self.instrument = instrument_for(bars.symbol)
        self.bars, self._asked = bars, asked
        self.quantity = float(asked.quantity)
        if (problem := why_not_bars(bars)) is not None:
            raise InvalidInput(f"data: {problem}", field="data")
        self.day_of, self.days = trading_days(bars, self.instrument.calendar)
        # Of a bar: the usual one, because breaks between sessions make some seem long.
        self.bar_s = float(np.median(bars.ts - bars.ts_open)) / NS_PER_S
        self._shared = Shared(bars, self.instrument)
        self._scratch = Scratch(len(bars))
        self._scanners: dict[ExitConfig, Scanner] = {}

    def trade(self, signals: Bools, sign: int, exits: ExitConfig) -> Trades:
        """The trades of entering on that side, at the next open, wherever `signals` and nothing is held."""
        scanner = self._scanner(exits)
        wishes = self._scratch.wishes
        wishes.fill(np.nan)
        wishes[signals] = sign
        _, table = scanner.trade(KEY, REASONS, wishes, np.empty(0), first=first_decision(exits), scratch=self._scratch)
        rows, tick = table.rows, float(self.instrument.tick_size)
        return Trades(
            rows["entry_bar"].astype(np.int64),
            rows["exit_bar"].astype(np.int64),
            rows["exit_bar"] + rows["is_inside"].astype(np.int64),
            rows["sign"].astype(np.int64),
            table.pnl.astype(np.float64) * float(table.unit),
            rows["entry_ticks"] * tick,
            rows["exit_ticks"] * tick,
            rows["exit_code"].astype(np.int64),
        )

    def daily(self, trades: Trades) -> Floats:
        """The P&L of each trading day, by the day on which each trade was decided."""
        days = self.day_of[trades.entry_bar - 1]
        return np.bincount(days, weights=trades.pnl, minlength=len(self.days)).astype(np.float64)

    def _scanner(self, exits: ExitConfig) -> Scanner:
        found = self._scanners.get(exits)
        if found is None:
            fixed = self._asked.run_config(exits)
            if (problem := why_not(fixed, self.instrument)) is not None:
                raise InvalidInput(f"quantity: {problem}", field="quantity")
            found = self._scanners[exits] = Scanner(self._shared, fixed)
        return found


def first_decision(exits: ExitConfig) -> int:
    """The number of bars that a slot with these exits has seen when it may decide first; conditions that are not warm
    do not hold, so they do not delay it."""
    return max(1, plan([f"atr({exits.atr_period})"]).warmup) if uses_atr(exits) else 1


def trading_days(bars: BarColumns, calendar: str) -> tuple[Ints, list[date]]:
    """The number of the trading day that each bar began in, and the dates they are booked under."""
    day_of, days = np.empty(len(bars), np.int64), []
    for number, (first, after, _, close) in enumerate(sessions_in(bars.ts_open, session_of(calendar))):
        day_of[first:after] = number
        days.append(new_york(close - 1).date())
    return day_of, days
