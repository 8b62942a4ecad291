"""An EMA 9/21 crossover, always in the market, filled at the next open, on real minutes: the trades of two independent
engines. They live in an environment of their own (`./run bench --peers`); without it these tests are skipped."""

import dataclasses
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtest.parity import both, difference
from backtest.sweeping import RunConfig
from benchmarks import peers
from engine.bars.columns import BarColumns, cut
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.model.positions import TradeClosed
from tests.parity.data import minutes

BARS, RATE = 8_000, 0.0002
PRICES = ("open", "high", "low", "close")
CROSS = {"period_1": 9, "period_2": 21}

_BEGIN = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
"""
_END = """
print(json.dumps([trades_of(case) for case in json.load(sys.stdin)]))
"""

_BACKTESTING = """
from backtesting import Backtest, Strategy

def average(values, period):
    return pd.Series(values).ewm(span=period, adjust=False).mean()

class Cross(Strategy):
    def init(self):
        self.a, self.b = self.I(average, self.data.Close, 9), self.I(average, self.data.Close, 21)

    def next(self):
        if len(self.data) < 22:
            return
        a, b, a1, b1 = self.a[-1], self.b[-1], self.a[-2], self.b[-2]
        if a > b and a1 <= b1 and not self.position.is_long:
            self.buy(size=20 if self.position.is_short else 10)
        elif a < b and a1 >= b1 and not self.position.is_short:
            self.sell(size=20 if self.position.is_long else 10)

def trades_of(case):
    frame = pd.DataFrame({name.capitalize(): case[name] for name in ("open", "high", "low", "close")})
    test = Backtest(frame, Cross, cash=1e9, commission=case["rate"], exclusive_orders=False, finalize_trades=False)
    closed = test.run()["_trades"].sort_values(["EntryBar", "ExitBar"])
    return [
        [int(t.EntryBar), int(t.ExitBar), int(np.sign(t.Size)), t.EntryPrice, t.ExitPrice, t.PnL, t.Commission]
        for t in closed.itertuples()
    ]
"""

_VECTORBT = """
import vectorbt as vbt

def trades_of(case):
    close = np.array(case["close"])
    a, b = (pd.Series(close).ewm(span=period, adjust=False).mean().to_numpy() for period in (9, 21))
    ready = np.arange(len(close)) >= 21
    up = np.r_[False, (a[1:] > b[1:]) & (a[:-1] <= b[:-1])] & ready
    down = np.r_[False, (a[1:] < b[1:]) & (a[:-1] >= b[:-1])] & ready
    # decided at the close of a bar, filled at the open of the next
    up, down = np.r_[False, up[:-1]], np.r_[False, down[:-1]]
    portfolio = vbt.Portfolio.from_signals(
        close, entries=up, short_entries=down, price=np.array(case["open"]), size=10.0, size_type="amount",
        fees=case["rate"], init_cash=1e9, upon_opposite_entry="reverse", freq="1min",
    )
    return [
        [int(t["entry_idx"]), int(t["exit_idx"]), 1 if t["direction"] == 0 else -1, float(t["entry_price"]),
         float(t["exit_price"]), float(t["pnl"]), float(t["entry_fees"] + t["exit_fees"])]
        for t in portfolio.trades.closed.values
    ]
"""
CASES = [(source, rate) for source in ("SPY", "ES") for rate in (0.0, RATE)]


@pytest.mark.parametrize("code", [_BACKTESTING, _VECTORBT], ids=["backtesting.py", "vectorbt"])
def test_bars_prices_and_money_are_those_of_an_independent_engine(shared_data, code):
    given = [
        (on_grid(cut(minutes(shared_data, source), 0, BARS), instrument_for(source)), rate) for source, rate in CASES
    ]
    payload = [{name: getattr(data, name).tolist() for name in PRICES} | {"rate": rate} for data, rate in given]
    found, reason = peers.run(_BEGIN + code + _END, payload)
    if found is None:
        pytest.skip(reason)
    for (data, rate), theirs in zip(given, found, strict=True):
        fixed = RunConfig(quantity=Decimal(10), fees=f"rate:{rate}" if rate else "none")
        compiled, engine = both(data, "ema", CROSS, fixed)
        assert difference(compiled, engine) == ""
        assert_equal(data, compiled.trades.closed(), theirs)


def assert_equal(data: BarColumns, ours: list[TradeClosed], theirs: list[list[Any]]) -> None:
    """The same bars, sides, prices, fees and P&L; the others count per share, so times the multiplier."""
    assert len(ours) == len(theirs) > 100
    starts = {int(ts): number for number, ts in enumerate(data.ts_open)}
    point = float(instrument_for(data.symbol).multiplier)
    for trade, (entry, leave, side, entry_price, exit_price, pnl, fees) in zip(ours, theirs, strict=True):
        assert (starts[trade.entry_ts], starts[trade.exit_ts]) == (entry, leave)
        assert (1 if trade.side.value == "long" else -1) == side
        assert (float(trade.entry_price), float(trade.exit_price)) == pytest.approx(
            (entry_price, exit_price), rel=1e-12
        )
        assert float(trade.fees) == pytest.approx(fees * point, rel=1e-9, abs=1e-7)
        assert float(trade.pnl) == pytest.approx(pnl * point, rel=1e-9, abs=1e-6)


def on_grid(data: BarColumns, instrument: Instrument) -> BarColumns:
    """Prices on the grid: we fill between two ticks at the worse of them, which no other engine does."""
    tick = float(instrument.tick_size)
    columns = {name: np.rint(getattr(data, name) / tick) / round(1 / tick) for name in PRICES}
    return dataclasses.replace(data, **columns)
