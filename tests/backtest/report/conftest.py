from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from backtest.request import Request
from backtest.stored import StoredRun

DAYS = ("2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06")


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """Seven trading days of minutes: a wave with noise; each bar opens where the one before has closed."""
    random = np.random.default_rng(5)
    stamps = [pd.date_range(f"{day}T14:30Z", periods=390, freq="min") for day in DAYS]
    count = 390 * len(DAYS)
    close = np.round(100 + 3 * np.sin(np.arange(count) / 55) + np.cumsum(random.normal(0, 0.03, count)), 2)
    before = np.concatenate(([close[0]], close[:-1]))
    frame = pd.DataFrame({"time": stamps[0].append(stamps[1:]), "open": before, "close": close, "volume": 100})
    frame["high"], frame["low"] = np.maximum(before, close) + 0.02, np.minimum(before, close) - 0.02
    path = tmp_path / "minutes.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def play(minutes: Path) -> Callable[..., StoredRun]:
    def played(**options: Any) -> StoredRun:
        asked: dict[str, Any] = {
            "data": (str(minutes),), "symbols": ("SPY",), "time_is": "open", "quantities": ("10",),
            "params": ("ema.period_1=4", "ema.period_2=12"), **options,
        }  # fmt: skip
        run = StoredRun(Request(**asked))
        run.play()
        return run

    return played
