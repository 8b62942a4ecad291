"""Bars for tests of sweeps: seeded walks on the price grid, as columns."""

import dataclasses
import random

import numpy as np

from engine.bars.columns import BarColumns

MINUTE = 60_000_000_000
START = 1_709_303_400_000_000_000  # 2024-03-01 14:30 UTC


def off_grid(data: BarColumns, *, seed: int, part: float) -> BarColumns:
    """The same bars with prices between the ticks: each bar moved by some `part`s of price."""
    moved = np.random.default_rng(seed).integers(-3, 4, len(data)) * part
    spread = np.abs(moved)
    return dataclasses.replace(
        data, open=data.open + moved, high=data.high + spread, low=data.low - spread, close=data.close + moved
    )


def walk(count: int, *, seed: int = 1, symbol: str = "SPY", tick: float = 0.01, step: int = 6) -> BarColumns:
    """Minute bars of a random walk around 100,000 ticks that gap at times."""
    rng = random.Random(seed)
    rows, at, scale = [], round(500 / tick) if tick < 1 else 5_000, round(1 / tick)
    for _ in range(count):
        opened = at + (rng.randrange(-step, step + 1) if rng.random() < 0.3 else 0)
        path = [opened, *(opened + rng.randrange(-step, step + 1) for _ in range(3))]
        rows.append((opened / scale, max(path) / scale, min(path) / scale, path[-1] / scale, rng.randrange(1, 5_000)))
        at = path[-1]
    columns = np.array(rows, dtype=np.float64).reshape(count, 5)
    open_, high, low, close, volume = (np.ascontiguousarray(columns[:, k]) for k in range(5))
    ts_open = START + np.arange(count, dtype=np.int64) * MINUTE
    return BarColumns(
        symbol, "1", ts_open, ts_open + MINUTE, open_, high, low, close, volume,
        np.zeros(count, np.int64), np.full(count, np.nan), np.ones(count, np.bool_),
    )  # fmt: skip
