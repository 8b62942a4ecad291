"""Bars that are unkind on purpose: ties on a tick grid, gaps, a dead stretch without volume, several sessions."""

import random

import numpy as np

from engine.model.market import Bar

MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_000 * 1_000_000_000
TICK = 0.25
NAMES = ("open", "high", "low", "close", "volume", "trade_count", "vwap")

Columns = dict[str, np.ndarray]


def sample_columns(length: int = 420, *, seed: int = 7, tick: float = TICK, dead: bool = True) -> Columns:
    """A tick-rounded random walk as columns, with `ts` the close of ten-minute bars."""
    rng = random.Random(seed)
    price = 5000.0
    rows = []
    for i in range(length):
        is_dead = dead and 150 <= i < 185
        if i % 60 == 59:
            price += rng.choice((-12.0, 12.0))
        points = [price := price + (0.0 if is_dead else rng.gauss(0.0, 2.0)) for _ in range(4)]
        low_to_high = sorted(round(p / tick) * tick for p in points)
        volume = 0.0 if is_dead else float(rng.randint(0, 900))
        first, last = round(points[0] / tick) * tick, round(points[-1] / tick) * tick
        rows.append((first, low_to_high[-1], low_to_high[0], last, volume, sum(low_to_high) / 4.0))
    matrix = np.array(rows).T
    columns = dict(zip(("open", "high", "low", "close", "volume", "vwap"), matrix, strict=True))
    columns["trade_count"] = np.floor(columns["volume"] / 3.0)
    columns["ts"] = START_NS + np.arange(1, length + 1, dtype=np.int64) * 10 * MINUTE_NS
    return columns


def bars_of(columns: Columns) -> list[Bar]:
    """The rows as the bars the engine sees."""
    rows = zip(*(columns[name].tolist() for name in NAMES), strict=True)
    times = columns["ts"].tolist()
    return [
        Bar(ts, "X", "10", ts - 10 * MINUTE_NS, o, h, low, c, v, int(count), vwap)
        for ts, (o, h, low, c, v, count, vwap) in zip(times, rows, strict=True)
    ]
