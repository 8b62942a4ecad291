import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

YEAR = "equity_bars_1m_SPY_2024-03_2025-04.parquet"


def backtest(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> dict[str, Any]:
    call_command("backtest", "--data", str(path), "--symbol", "SPY", "--json", *arguments)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def crossings(bars: pd.DataFrame, fast: int, slow: int) -> list[tuple[pd.Timestamp, int, float]]:
    """When an independent computation turns, to which side, and at which open."""
    one = bars["close"].ewm(span=fast, adjust=False).mean().to_numpy()
    two = bars["close"].ewm(span=slow, adjust=False).mean().to_numpy()
    ready = np.arange(len(bars)) >= slow  # both lines, now and one bar before
    up = ready & (one > two) & (np.roll(one, 1) <= np.roll(two, 1))
    down = ready & (one < two) & (np.roll(one, 1) >= np.roll(two, 1))
    found, side = [], 0
    for at in np.flatnonzero(up | down):
        wanted = 1 if up[at] else -1
        if wanted != side and at + 1 < len(bars):
            side = wanted
            found.append((bars["ts_utc"].iloc[at + 1], wanted, float(bars["open"].iloc[at + 1])))
    return found


@pytest.mark.parametrize(("fast", "slow"), [(9, 21), (20, 60)])
def test_a_year_of_minutes_trades_as_an_independent_computation_says(shared_data, capsys, fast, slow):
    path = shared_data / YEAR
    document = backtest(capsys, path, "--time-is", "open", "--param", f"period_1={fast}", "--param", f"period_2={slow}")
    expected = crossings(pd.read_parquet(path), fast, slow)
    trades = document["trades"]
    assert len(trades) == len(expected) - 1 > 1_000
    for trade, entry, leave in zip(trades, expected, expected[1:], strict=False):
        assert pd.Timestamp(trade["entry_ts"]) == entry[0]
        assert pd.Timestamp(trade["exit_ts"]) == leave[0]
        assert trade["side"] == ("long" if entry[1] > 0 else "short")
        cost = (float(trade["entry_price"]) - entry[2]) * entry[1]
        assert -1e-9 < cost < 0.01  # an open between two cents is filled at the worse of them
        points = Decimal(trade["exit_price"]) - Decimal(trade["entry_price"])
        assert Decimal(trade["pnl"]) == points * entry[1]


@pytest.fixture
def bars_file(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    stamps = pd.date_range("2024-03-01T14:30Z", periods=200, freq="min")
    close = 100 + np.sin(np.arange(200) / 9) * 3
    frame = pd.DataFrame({"time": stamps, "open": close, "high": close + 1, "low": close - 1, "close": close})
    frame["volume"] = 100
    frame.to_csv(path, index=False)
    return path


def test_a_period_can_be_chosen(bars_file, capsys):
    options = ("--time-is", "open", "--param", "period_1=2", "--param", "period_2=5")
    whole = backtest(capsys, bars_file, *options)
    part = backtest(capsys, bars_file, *options, "--start", "2024-03-01T15:30", "--end", "2024-03-01T16:30")
    assert part["config"]["rows"] == 60
    assert 0 < part["stats"]["trades"] < whole["stats"]["trades"]
    assert all("T15:3" <= trade["entry_ts"][10:16] <= "T16:30" for trade in part["trades"])


def test_the_same_run_twice_is_the_same_but_for_the_time_it_took(bars_file, capsys):
    options = ("--time-is", "open", "--no-timing")
    first = backtest(capsys, bars_file, *options)
    assert "throughput" not in first
    assert backtest(capsys, bars_file, *options) == first
    assert backtest(capsys, bars_file, "--time-is", "open")["throughput"]["seconds"] > 0


def test_fees_of_a_venue_are_paid(bars_file, capsys):
    options = ("--time-is", "open", "--param", "period_1=2", "--param", "period_2=5")
    free = backtest(capsys, bars_file, *options)
    paid = backtest(capsys, bars_file, *options, "--fees", "ibkr_fixed")
    assert Decimal(paid["stats"]["fees"]) > 0
    gap = Decimal(free["stats"]["net_pnl"]) - Decimal(paid["stats"]["net_pnl"])
    assert gap == Decimal(paid["stats"]["fees"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "whether a bar's time is its open or its close"),
        (("--time-is", "open", "--timeframe", "144t"), "bars of 144t cannot be put together of bars of 1"),
        (("--time-is", "open", "--start", "yesterday"), "start: expected 2024-03-01"),
        (("--time-is", "open", "--fees", "free"), "fees: expected none, schwab"),
    ],
)
def test_what_is_wrong_is_named(bars_file, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("backtest", "--data", str(bars_file), "--symbol", "SPY", *options)
