"""Measures indicators appended against talipp and TA-Lib's streams, and scanned against TA-Lib's batch functions."""

import gc
import importlib
import math
import random
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from engine.indicators.frame import IndicatorFrame
from engine.indicators.table import ColumnCache
from engine.model.market import Bar


def peer(module: str) -> Any:
    """The module, or None where it is not installed: then there is no figure, and the result says so."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


talib, talib_stream = peer("talib"), peer("talib.stream")
talipp_indicators, talipp_ohlcv = peer("talipp.indicators"), peer("talipp.ohlcv")
Row = dict[str, Any]
Columns = dict[str, np.ndarray]
APPENDED, SCANNED, HISTORY = 20_000, 300_000, 200
ROUNDS = 7
SPECS = {
    "ema": "ema(close,20)",
    "atr": "atr(14)",
    "supertrend": "supertrend(10,3).line",
    "zigzag": "zigzag(1,method=percent).state",
}
PRICES = ("high", "low", "close")
TALIB: dict[str, tuple[Any, ...]] = {  # it has no zigzag
    "ema": ("EMA", ("close",), 20),
    "atr": ("ATR", PRICES, 14),
    "supertrend": ("SUPERTREND", PRICES, 10, 3.0),
}


def run() -> list[Row]:
    """The results of one run; everything compared is measured in turns, the best of several rounds counts."""
    appended = measure_append(columns_of(APPENDED))
    scanned = measure_scan(columns_of(SCANNED))
    ours = [appended["ours", name] for name in SPECS]
    rows: list[Row] = [
        result("append_updates_per_s", 1e9 / mean(ours), "1/s"),
        ratio("append_ratio_to_talipp", appended, "talipp", SPECS, target=3.0),
        ratio("append_ratio_to_talib_stream", appended, "talib", ("ema", "atr", "supertrend")),
        ratio("scan_ratio_to_talib", scanned, "talib", ("ema", "atr", "supertrend"), target=1.0 / 3.0),
    ]
    rows += [result(f"append_{name}_{peer}_ns", value, "ns") for (peer, name), value in sorted(appended.items())]
    rows += [result(f"scan_{name}_{peer}_ns", value, "ns") for (peer, name), value in sorted(scanned.items())]
    return rows


def result(name: str, value: float | None, unit: str, target: float | None = None) -> Row:
    met = None if target is None or value is None else value >= target
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met}


def ratio(
    name: str, times: dict[tuple[str, str], float], peer: str, names: Iterable[str], target: float | None = None
) -> Row:
    """How many times the peer's speed ours is: the geometric mean over the indicators both have."""
    ratios = [times[peer, each] / times["ours", each] for each in names if (peer, each) in times]
    row = result(name, mean(ratios) if ratios else None, "x", target)
    return row if ratios else {**row, "reason": f"{peer} is not installed here"}


def mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def columns_of(length: int) -> Columns:
    rng = np.random.default_rng(11)
    close = 5000.0 + np.cumsum(rng.normal(0.0, 2.0, length))
    opened = np.concatenate(([5000.0], close[:-1]))
    reach = np.abs(rng.normal(0.0, 1.0, (2, length)))
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    return {"open": opened, "high": high, "low": low, "close": close, "volume": rng.integers(1, 900, length) * 1.0}


def best(tasks: dict[tuple[str, str], Callable[[], float]]) -> dict[tuple[str, str], float]:
    """Nanoseconds a bar, the best of some rounds; the order changes from round to round.

    The garbage collector rests meanwhile: how much it costs depends on what else is in memory, not on the indicator.
    """
    found = dict.fromkeys(tasks, math.inf)
    order = list(tasks)
    gc.collect()
    gc.disable()
    try:
        for i in range(ROUNDS):
            random.Random(i).shuffle(order)
            for key in order:
                found[key] = min(found[key], tasks[key]())
    finally:
        gc.enable()
    return found


def measure_append(columns: Columns) -> dict[tuple[str, str], float]:
    names = ("open", "high", "low", "close", "volume")
    rows = list(zip(*(columns[name].tolist() for name in names), strict=True))
    bars = [Bar(i + 1, "X", "1", i, *row) for i, row in enumerate(rows)]
    tasks: dict[tuple[str, str], Callable[[], float]] = {
        ("ours", name): partial(timed, partial(IndicatorFrame, [spec]), "append", bars) for name, spec in SPECS.items()
    }
    if talipp_indicators is not None:
        candles = [talipp_ohlcv.OHLCV(*row) for row in rows]
        closes = columns["close"].tolist()
        make = talipp_indicators
        tasks |= {
            ("talipp", "ema"): partial(timed, partial(make.EMA, 20), "add", closes),
            ("talipp", "atr"): partial(timed, partial(make.ATR, 14), "add", candles),
            ("talipp", "supertrend"): partial(timed, partial(make.SuperTrend, 10, 3), "add", candles),
            ("talipp", "zigzag"): partial(timed, partial(make.ZigZag, 0.01, 1), "add", candles),
        }
    if talib_stream is not None:
        tasks |= stream_tasks(columns)
    return best(tasks)


def stream_tasks(columns: Columns) -> dict[tuple[str, str], Callable[[], float]]:
    """TA-Lib's incremental handles, opened on some history and fed the rest."""

    def feed(function: str, inputs: tuple[str, ...], *options: float) -> float:
        handle = getattr(talib_stream, function)(*(columns[name][:HISTORY] for name in inputs), *options)
        rows = list(zip(*(columns[name][HISTORY:].tolist() for name in inputs), strict=True))
        update = handle.update
        start = time.perf_counter_ns()
        for row in rows:
            update(*row)
        return (time.perf_counter_ns() - start) / len(rows)

    return {("talib", name): partial(feed, *arguments) for name, arguments in TALIB.items()}


def timed(make: Callable[[], Any], method: str, values: list[Any]) -> float:
    target = make()
    start = time.perf_counter_ns()
    for value in values:
        getattr(target, method)(value)
    return (time.perf_counter_ns() - start) / len(values)


def measure_scan(columns: Columns) -> dict[tuple[str, str], float]:
    def scan(spec: str) -> float:
        cache = ColumnCache(columns)
        start = time.perf_counter_ns()
        cache.column(spec)
        return (time.perf_counter_ns() - start) / SCANNED

    def batch(function: str, inputs: tuple[str, ...], *options: float) -> float:
        start = time.perf_counter_ns()
        getattr(talib, function)(*(columns[name] for name in inputs), *options)
        return (time.perf_counter_ns() - start) / SCANNED

    tasks: dict[tuple[str, str], Callable[[], float]] = {
        ("ours", name): partial(scan, spec) for name, spec in SPECS.items()
    }
    if talib is not None:
        tasks |= {("talib", name): partial(batch, *arguments) for name, arguments in TALIB.items()}
    for spec in SPECS.values():  # compiled code is loaded once a process
        scan(spec)
    return best(tasks)
