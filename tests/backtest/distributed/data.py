"""Bars to run many times over: a random walk in the hours of the stock exchange, as a file."""

from datetime import date, time
from pathlib import Path

import numpy as np

from engine.bars.columns import BarColumns
from engine.instruments.sessions import calendar, from_new_york
from marketdata.files.build import write_bars

MINUTES = 30
SPAN = MINUTES * 60 * 1_000_000_000


def walk_file(folder: Path, *, days: int = 60, seed: int = 1, trend: float = 0.0) -> Path:
    """`days` regular sessions of 30-minute bars of SPY that go nowhere but by chance (and `trend` a bar)."""
    opens: list[int] = []
    exchange = calendar("XNYS")
    for session in exchange.sessions(*_span(days))[:days]:
        opens += range(session.open, session.close - SPAN + 1, SPAN)
    rng = np.random.default_rng(seed)
    count = len(opens)
    close = 400.0 + np.cumsum(rng.normal(trend, 0.5, count))
    before = np.concatenate([[400.0], close[:-1]])
    wick = rng.exponential(0.2, (2, count))
    ts_open = np.array(opens, np.int64)
    bars = BarColumns(
        symbol="SPY",
        timeframe=str(MINUTES),
        ts_open=ts_open,
        ts=ts_open + SPAN,
        open=before.round(2),
        high=(np.maximum(before, close) + wick[0]).round(2),
        low=(np.minimum(before, close) - wick[1]).round(2),
        close=close.round(2),
        volume=rng.integers(100, 1_000, count).astype(np.float64),
        trade_count=np.full(count, 10, np.int64),
        vwap=((before + close) / 2).round(2),
        is_complete=np.ones(count, bool),
    )
    path = folder / f"walk-{days}-{seed}-{trend}.parquet"
    write_bars(bars, path)
    return path


def _span(days: int) -> tuple[int, int]:
    first = date(2024, 1, 2)
    last = date.fromordinal(first.toordinal() + days * 2 + 10)
    return from_new_york(first, time(0)), from_new_york(last, time(0))


def sweep_document(path: Path, **changes: object) -> dict[str, object]:
    """A sweep of 5 × 4 sets of `ema` on that file."""
    return {
        "symbol": "SPY",
        "timeframe": "30",
        "data": str(path),
        "grids": {"ema": {"period_1": [2, 3, 4, 5, 6], "period_2": [8, 13, 21, 34]}},
        "chunk": 3,
        **changes,
    }
