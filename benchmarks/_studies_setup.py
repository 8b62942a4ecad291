"""Starts the study of the benchmark when all workers are ready, and waits for its end; prints seconds and a digest."""

import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path

import django

django.setup()

import numpy as np  # noqa: E402  needs the setup above
from celery import current_app  # noqa: E402

from backtest import services  # noqa: E402
from backtest.models import Study  # noqa: E402
from engine.bars.columns import BarColumns  # noqa: E402
from marketdata.files.build import write_bars  # noqa: E402

START = 1_704_205_800_000_000_000  # 2024-01-02 14:30 UTC
SPAN = 60_000_000_000
WITHIN_S = 600.0


def bars_file(folder: Path, count: int) -> Path:
    """Minutes of a random walk, around the clock."""
    rng = np.random.default_rng(1)
    close = (400.0 + np.cumsum(rng.normal(0, 0.05, count))).round(2)
    before = np.concatenate([[400.0], close[:-1]])
    opened = START + SPAN * np.arange(count, dtype=np.int64)
    bars = BarColumns(
        symbol="SPY", timeframe="1", ts_open=opened, ts=opened + SPAN, open=before, high=np.maximum(before, close),
        low=np.minimum(before, close), close=close, volume=np.full(count, 100.0), trade_count=np.ones(count, np.int64),
        vwap=close, is_complete=np.ones(count, bool),
    )  # fmt: skip
    path = folder / "walk.parquet"
    write_bars(bars, path)
    return path


def of_process(owner: str) -> str:
    """Host and process of a claim, without its time."""
    return owner.rpartition(":")[0]


def main(workers: int, runs: int, bars: int, folder: Path) -> str:
    """The study's seconds, from the request to its end."""
    path = bars_file(folder, bars)
    deadline = time.monotonic() + 60
    while len(current_app.control.ping(timeout=0.5) or []) < workers:
        if time.monotonic() > deadline:
            raise SystemExit("the workers did not come up")
    fast = list(range(2, 2 + runs // 12))
    began = time.monotonic()
    study = services.create_study(
        user=None,
        document={
            "symbol": "SPY", "timeframe": "1", "data": str(path), "chunk": 10,
            "grids": {"ema": {"period_1": fast, "period_2": [50 + 5 * step for step in range(12)]}},
            "fixed": {"participation": 0.9, "quantity": "1"},
        },
    )  # fmt: skip
    while Study.objects.get(pk=study.pk).state not in services.ENDED:
        time.sleep(0.05)
        if time.monotonic() - began > WITHIN_S:
            raise SystemExit("the study did not end")
    seconds = time.monotonic() - began
    study.refresh_from_db()
    digests = "".join(study.runs.order_by("number").values_list("digest", flat=True))
    return json.dumps(
        {
            "seconds": seconds,
            "digest": hashlib.sha256(digests.encode()).hexdigest(),
            "state": study.state,
            "how": study.result["by_how"],
            "shards": sorted(
                Counter(of_process(name) for name in study.shards.values_list("claimed_by", flat=True)).values()
            ),
        }
    )


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
