"""Measures sweeps: 100 parameter pairs over 100,000 bars in one process, trade lists included, against vectorbt and
against a bare compiled loop that only counts money; and a single run over a million bars."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from backtest.sweeping import RunConfig, RunOutcome, SweepJob, run_chunk, sweep
from benchmarks import peers
from engine.bars.columns import BarColumns
from engine.exits.config import Distance, ExitConfig, Target

Row = dict[str, Any]
BARS, MANY, ROUNDS = 100_000, 1_000_000, 7
START, SEED, MINUTE = 1_700_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000, 7, 60_000_000_000
FAST, SLOW = range(5, 15), range(20, 70, 5)
PAIRS = [(fast, slow) for fast in FAST for slow in SLOW]
GRID = [{"period_1": fast, "period_2": slow} for fast, slow in PAIRS]
TARGET_S, COLD_S, SINGLE_MS = 0.1, 3.0, 30.0


def run() -> list[Row]:
    """Ours and the bare loop in turns, the best of several rounds; then the peer, with the same trades."""
    data = made_bars(BARS)
    job = SweepJob(strategy="ema", params=GRID, keep_trades=True)
    runs = run_chunk(job, data)  # compiles, or loads what was compiled
    pairs = np.array(PAIRS)
    bare = numba.njit("float64[::1](float64[::1], float64[::1], int64[:, ::1])", error_model="numpy")(bare_pairs)
    ours, limit = best(partial(run_chunk, job, data), partial(bare, data.open, data.close, pairs))
    many = made_bars(MANY)
    one = SweepJob(strategy="ema", params=[{"period_1": 9, "period_2": 21}], keep_trades=True)
    single, _ = best(partial(run_chunk, one, many), lambda: None)
    cores, _ = best(partial(sweep, data, strategy="ema", grid=GRID, keep_trades=True), lambda: None)
    return [
        row("sweep_100x100k_s", ours, "s", TARGET_S),
        row("trades", sum(len(each.trades) for each in runs), "trades"),
        row("cold_s", cold_seconds(), "s", COLD_S),
        row("single_1m_ms", single * 1_000, "ms", SINGLE_MS),
        row("all_cores_100x100k_s", cores, "s"),
        row("limit_100x100k_s", limit, "s"),
        row("ratio_to_limit", ours / limit, "x"),
        *against_vectorbt(data, runs, ours),
        *with_costs(data),
    ]


def row(name: str, value: float | None, unit: str, target: float | None = None, reason: str = "") -> Row:
    met = None if value is None or target is None else (value >= target if unit == "x" else value <= target)
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met} | (
        {"reason": reason} if reason else {}
    )


def best(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    """The least seconds of each over some rounds, in turns."""
    found = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for place, call in enumerate((first, second)):
            started = time.perf_counter()
            call()
            found[place] = min(found[place], time.perf_counter() - started)
    return found[0], found[1]


def made_bars(count: int) -> BarColumns:
    """A random walk on the cent grid around 5,000; each bar opens where the last one closed."""
    steps = np.random.default_rng(SEED).integers(-6, 7, size=(count, 3)).cumsum(axis=1)
    opened = 500_000 + np.concatenate(([0], steps[:-1, 2].cumsum()))
    path = np.column_stack((opened, opened[:, None] + steps))
    ts_open = START + np.arange(count, dtype=np.int64) * MINUTE
    open_, high, low, close = (column / 100 for column in (path[:, 0], path.max(axis=1), path.min(axis=1), path[:, 3]))
    return BarColumns(
        "SPY", "1", ts_open, ts_open + MINUTE, open_, high, low, close, np.full(count, 1_000.0),
        np.zeros(count, np.int64), np.full(count, np.nan), np.ones(count, np.bool_),
    )  # fmt: skip


def bare_pairs(open_: Any, close: Any, pairs: Any) -> Any:
    """What a loop without orders, ledger, reasons and trade lists needs: two averages, a cross, a sum of money."""
    earned = np.zeros(len(pairs))
    for pair in range(len(pairs)):
        a, b = 2.0 / (pairs[pair, 0] + 1), 2.0 / (pairs[pair, 1] + 1)
        fast = slow = close[0]
        held, entry = 0, 0.0
        for i in range(1, len(close) - 1):
            before = fast - slow
            fast += a * (close[i] - fast)
            slow += b * (close[i] - slow)
            now = fast - slow
            if i >= pairs[pair, 1] and ((now > 0.0 and before <= 0.0) or (now < 0.0 and before >= 0.0)):
                wanted = 1 if now > 0.0 else -1
                if wanted != held:
                    earned[pair] += held * (open_[i + 1] - entry)
                    held, entry = wanted, open_[i + 1]
    return earned


_COLD = """
from benchmarks.sweep import BARS, GRID, made_bars
from backtest.sweeping import SweepJob, run_chunk
runs = run_chunk(SweepJob(strategy="ema", params=GRID, keep_trades=True), made_bars(BARS))
assert len(runs) == 100
"""


def cold_seconds() -> float:
    """A new process from its start to its end: imports, machine code from disk, bars, 100 runs."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", _COLD], check=True, cwd=peers.ROOT)
    return time.perf_counter() - started


def with_costs(data: BarColumns) -> list[Row]:
    """The same with exits, fees and slippage: what they add."""
    exits = ExitConfig(stop=Distance(0.001), targets=(Target(Distance(0.002)),))
    found = []
    for name, fixed in (
        ("fees_and_slippage_100x100k_s", RunConfig(fees="unit:0.005", slippage="fixed:1")),
        ("stop_and_target_100x100k_s", RunConfig(exits=exits)),
        ("trailing_100x100k_s", RunConfig(exits=ExitConfig(trailing=Distance(0.001)))),
    ):
        job = SweepJob(strategy="ema", params=GRID, fixed=fixed, keep_trades=True)
        found.append(row(name, best(partial(run_chunk, job, data), lambda: None)[0], "s"))
    return found


# ---- the peer ---------------------------------------------------------------------------------------------


def against_vectorbt(data: BarColumns, runs: list[RunOutcome], ours: float) -> list[Row]:
    """No ratio when the trades differ."""
    payload = {"open": data.open.tolist(), "close": data.close.tolist(), "pairs": PAIRS, "rounds": 3}
    found, reason = peers.run(_VECTORBT, payload)
    if found is None:
        return [row("ratio_to_vectorbt", None, "x", 5.0, reason)]
    mine = [len(each.trades) for each in runs]
    if mine != found["trades"]:
        problem = next(pair for pair, one, other in zip(PAIRS, mine, found["trades"], strict=True) if one != other)
        return [row("ratio_to_vectorbt", None, "x", 5.0, f"the numbers of trades differ for {problem}")]
    return [
        row("ratio_to_vectorbt", found["seconds"] / ours, "x", 5.0),
        row("vectorbt_100x100k_s", found["seconds"], "s"),
    ]


_VECTORBT = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, vectorbt as vbt

given = json.load(sys.stdin)
opened, close = np.array(given["open"]), np.array(given["close"])
pairs = given["pairs"]
ready = np.arange(len(close))

def once():
    lines = {
        period: vbt.generic.nb.ewm_mean_1d_nb(close, period, minp=1, adjust=False)
        for period in sorted({p for pair in pairs for p in pair})
    }
    up, down = np.zeros((len(close), len(pairs)), bool), np.zeros((len(close), len(pairs)), bool)
    for k, (fast, slow) in enumerate(pairs):
        above = lines[fast] > lines[slow]
        below = lines[fast] < lines[slow]
        # a cross decides at the close of its bar and is filled at the open of the next
        up[1:, k][1:] = above[1:-1] & ~above[:-2] & (ready[1:-1] >= slow)
        down[1:, k][1:] = below[1:-1] & ~below[:-2] & (ready[1:-1] >= slow)
    portfolio = vbt.Portfolio.from_signals(
        close[:, None], entries=up, short_entries=down, price=opened[:, None], size=1.0, size_type="amount",
        init_cash=1e12, upon_opposite_entry="reverse", freq="1min", max_orders=1_000_000,
    )
    records = portfolio.trades.records_arr if hasattr(portfolio.trades, "records_arr") else portfolio.trades.values
    closed = records[records["status"] == 1]
    return np.bincount(closed["col"], minlength=len(pairs))

once()
best = 1e9
for _ in range(given["rounds"]):
    started = time.perf_counter()
    counts = once()
    best = min(best, time.perf_counter() - started)
print(json.dumps({"seconds": best, "trades": counts.tolist()}))
"""
