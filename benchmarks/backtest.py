"""Measures a backtest from file to statistics in a process of its own: five million prints, and a million bars."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import peers

Row = dict[str, Any]
TICKS, BARS, SEED = 5_000_000, 1_000_000, 7
START_NS, MINUTE_NS = 1_700_000_000_000_000_000 // 60_000_000_000 * 60_000_000_000, 60_000_000_000
MOST_MB = 1_024.0


def run() -> list[Row]:
    """The files are made, then each is run once by the product's own command path."""
    with tempfile.TemporaryDirectory() as folder:
        ticks, bars = Path(folder) / "ticks.parquet", Path(folder) / "bars.parquet"
        pq.write_table(made_ticks(TICKS), ticks)
        pq.write_table(made_bars(BARS), bars)
        of_ticks, of_bars = measured(ticks), measured(bars)
    return [
        row("ticks_per_s", of_ticks["events"] / of_ticks["seconds"], "1/s"),
        row("ticks_rss_mb", of_ticks["rss_mb"], "MB", MOST_MB),
        row("ticks_whole_s", of_ticks["whole_s"], "s"),
        row("ticks_trades", of_ticks["trades"], "trades"),
        row("bars_per_s", of_bars["events"] / of_bars["seconds"], "1/s"),
        row("bars_rss_mb", of_bars["rss_mb"], "MB", MOST_MB),
        row("bars_whole_s", of_bars["whole_s"], "s"),
        row("bars_trades", of_bars["trades"], "trades"),
    ]


def row(name: str, value: float, unit: str, target: float | None = None) -> Row:
    met = None if target is None else value <= target
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met}


def made_ticks(count: int) -> pa.Table:
    """Prints about every second, a random walk on the cent grid around 5,000."""
    rng = np.random.default_rng(SEED)
    ts = START_NS + rng.integers(1, 2_400_000_000, count).cumsum()
    cents = 500_000 + rng.integers(-2, 3, count).cumsum()
    size = rng.integers(1, 500, count).astype(np.float64)
    return pa.table({"ts": pa.array(ts, pa.timestamp("ns", "UTC")), "price": cents / 100, "size": size})


def made_bars(count: int) -> pa.Table:
    """Minutes of the same walk, each opening where the last one closed."""
    steps = np.random.default_rng(SEED).integers(-6, 7, size=(count, 3)).cumsum(axis=1)
    opened = 500_000 + np.concatenate(([0], steps[:-1, 2].cumsum()))
    path = np.column_stack((opened, opened[:, None] + steps)) / 100
    ts_open = START_NS + np.arange(count, dtype=np.int64) * MINUTE_NS
    return pa.table(
        {
            "ts_open": pa.array(ts_open, pa.timestamp("ns", "UTC")),
            "ts": pa.array(ts_open + MINUTE_NS, pa.timestamp("ns", "UTC")),
            "open": path[:, 0],
            "high": path.max(axis=1),
            "low": path.min(axis=1),
            "close": path[:, 3],
            "volume": np.full(count, 1_000.0),
        }
    )


_CHILD = """
import json, os, resource, sys, time
started = time.perf_counter()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fortified.settings")
import django
django.setup()
from backtest.request import Request
from backtest.stored import StoredRun
run = StoredRun(Request(data=(sys.argv[1],), symbols=("SPY",), strategies=("ema",), quantities=("10",)), archive=None)
run.play()
document = run.result(timing=True)
print(json.dumps({
    "events": document["throughput"]["events"], "seconds": document["throughput"]["seconds"],
    "trades": document["stats"]["trades"], "whole_s": time.perf_counter() - started,
    "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def measured(path: Path) -> dict[str, Any]:
    """One run over the file: events, seconds of the run alone and of all, and the most memory it had."""
    ended = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)], check=True, capture_output=True, text=True, cwd=peers.ROOT
    )
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    if found["trades"] < 1_000:
        raise RuntimeError("a run that does not trade measures nothing")
    return found
