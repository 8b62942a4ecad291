"""Measures mining: conditions × bars a second of a screening (where each holds, and the trades of entering there)
against the same in plain pandas and NumPy, and trials a second of a whole search."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.sweep import best, made_bars, row
from discovery.mining.asked import ExitGrid, MiningSpec
from discovery.mining.market import Market
from discovery.mining.mine import mine
from discovery.mining.truths import Truths, unpacked
from engine.bars.columns import BarColumns
from engine.exits.config import ExitConfig
from engine.rules.conditions import Compare, Condition, Cross, Mover, NewExtreme, Streak

Row = dict[str, Any]
Series = Callable[[pd.DataFrame], Any]
BARS, SEARCHED, HOLD = 100_000, 20_000, 15
APART = 0.001  # of the bars may differ: averages are rounded otherwise


def ema(d: pd.DataFrame, span: int) -> Any:
    return d.close.ewm(span=span, adjust=False).mean()


PAIRS: tuple[tuple[Condition, Series], ...] = (
    (Compare("close", ">", "open"), lambda d: d.close > d.open),
    (Compare("close", ">", "ema(close,20)"), lambda d: d.close > ema(d, 20)),
    (Compare("ema(close,9)", "<", "ema(close,50)"), lambda d: ema(d, 9) < ema(d, 50)),
    (Compare("close", "<", "bollinger(20,2).lower"), lambda d: d.close < below(d)),
    (
        Cross("close", "up", "ema(close,9)"),
        lambda d: (d.close > ema(d, 9)) & (d.close.shift() <= ema(d, 9).shift()),
    ),
    (NewExtreme("high", 20), lambda d: d.high > d.high.rolling(20).max().shift()),
    (NewExtreme("low", 60), lambda d: d.low < d.low.rolling(60).min().shift()),
    (Compare("momentum(close,5)", ">", 0.0251), lambda d: d.close.diff(5) > 0.0251),
    (Mover("up", 10, 0.00005), lambda d: d.close / d.low.rolling(10).min() - 1 >= 0.00005),
    (Mover("down", 10, 0.00005), lambda d: d.close / d.high.rolling(10).max() - 1 <= -0.00005),
    (Streak("close", "up", 3), lambda d: (d.close.diff() > 0).rolling(3).sum() == 3),
    (Streak("close", "down", 2), lambda d: (d.close.diff() < 0).rolling(2).sum() == 2),
)


def below(d: pd.DataFrame) -> Any:
    window = d.close.rolling(20)
    return window.mean() - 2 * window.std(ddof=0)


def run() -> list[Row]:
    """Both screen the same conditions in turns, the best of several rounds; then one search."""
    data = made_bars(BARS)
    ours_s, plain_s = best(lambda: screened(data), lambda: plainly(data))
    truths_s, pandas_s = best(lambda: held(data), lambda: held_plainly(data))
    cells = len(PAIRS) * BARS
    compared(data)
    part = made_bars(SEARCHED)
    spec = MiningSpec(depth=2, patterns=6, keep=5, grid=ExitGrid(stop=(2.0,), target=(None, 2.0), trail=(None,)))
    mine(part, spec)  # compiles, or loads what was compiled
    started = time.perf_counter()
    found = mine(part, spec)
    seconds = time.perf_counter() - started
    return [
        row("condition_bars_per_s", cells / ours_s, "/s"),
        row("plain_condition_bars_per_s", cells / plain_s, "/s"),
        row("ratio_to_plain", plain_s / ours_s, "x", 1.0),
        row("conditions_alone_per_s", cells / truths_s, "/s"),
        row("conditions_alone_ratio_to_plain", pandas_s / truths_s, "x", 1.0),
        row("search_trials", found.trials, "trials"),
        row("search_trials_per_s", found.trials / seconds, "/s"),
        row("search_s", seconds, "s"),
    ]


def held(data: BarColumns) -> Truths:
    """On which bars each condition holds."""
    return Truths(data, [condition for condition, _ in PAIRS], memory_mb=512)


def held_plainly(data: BarColumns) -> list[Any]:
    """The same in pandas."""
    d = table(data)
    return [np.asarray(series(d), dtype=bool) for _, series in PAIRS]


def screened(data: BarColumns) -> list[tuple[int, float]]:
    """Trades and P&L of entering long wherever each condition holds, and holding for `HOLD` bars."""
    market, truths = Market(data, MiningSpec(carry=True)), held(data)
    exits = ExitConfig(max_hold_s=HOLD * market.bar_s)
    made = (market.trade(unpacked(bits, len(data)), 1, exits) for bits in truths.rows)
    return [(len(trades), float(trades.pnl.sum())) for trades in made]


def plainly(data: BarColumns) -> list[tuple[int, float]]:
    """The same as one writes it without us."""
    opened, found = data.open, []
    for flags in held_plainly(data):
        trades, earned, free = 0, 0.0, 0
        for signal in np.flatnonzero(flags).tolist():
            if signal < free or signal + 1 + HOLD >= len(opened):
                continue
            trades, free = trades + 1, signal + 1 + HOLD
            earned += opened[free] - opened[signal + 1]
        found.append((trades, float(earned)))
    return found


def table(data: BarColumns) -> pd.DataFrame:
    return pd.DataFrame({name: getattr(data, name) for name in ("open", "high", "low", "close", "volume")})


def compared(data: BarColumns) -> None:
    """Both do the same work: on almost every bar they agree."""
    for (condition, _), bits, theirs in zip(PAIRS, held(data).rows, held_plainly(data), strict=True):
        ours = unpacked(bits, len(data))
        if not theirs.any() or (ours != theirs)[100:].mean() > APART:
            raise AssertionError(f"{condition.text}: {(ours != theirs).sum()} of {len(data)} bars differ")
    for (condition, _), mine_, plain in zip(PAIRS, screened(data), plainly(data), strict=True):
        if abs(mine_[0] - plain[0]) > 2 + 0.02 * plain[0]:
            raise AssertionError(f"{condition.text}: {mine_[0]} trades against {plain[0]}")
