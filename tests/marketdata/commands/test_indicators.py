import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command


@pytest.fixture
def bars_file(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    rows = [f"2026-01-05T14:{n:02d}:00Z,{100 + n},{101 + n},{99 + n},{100.5 + n},{10 * n}" for n in range(30)]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


def run(path: Path, out: Path, *arguments: str) -> None:
    call_command("indicators", str(path), "--out", str(out), *arguments)


def test_columns_are_named_by_their_specs_and_come_after_the_files_own(bars_file, tmp_path):
    out = tmp_path / "out.csv"
    run(bars_file, out, "--spec", "ema(close,3)", "--spec", "supertrend(4,2)", "--spec", "ema(rsi(close,5),3)")
    found = pd.read_csv(out)
    assert list(found.columns) == [
        "time", "open", "high", "low", "close", "volume", "ema(close,3)", "supertrend(4,2).line",
        "supertrend(4,2).direction", "ema(rsi(close,5),3)",
    ]  # fmt: skip
    assert found["ema(close,3)"].isna().sum() == 2
    first = [100.5, 101.5, 102.5]
    expected = first[0] + (first[1] - first[0]) / 2
    expected += (first[2] - expected) / 2
    assert found["ema(close,3)"][2] == expected


def test_the_same_columns_in_parquet(bars_file, tmp_path):
    out = tmp_path / "out.parquet"
    run(bars_file, out, "--spec", "sma(close,5)")
    found = pd.read_parquet(out)["sma(close,5)"].to_numpy()
    assert np.isnan(found[:4]).all()
    assert found[4] == 102.5


def test_json_says_what_was_made(bars_file, tmp_path, capsys):
    run(bars_file, tmp_path / "out.csv", "--spec", "ema(close,3)", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["columns"]) == (30, ["ema(close,3)"])


def test_a_file_without_times_keeps_its_order(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("h,l,c\n3,1,2\n5,3,4\n")
    run(path, tmp_path / "out.csv", "--spec", "sma(hl2,2)")
    assert pd.read_csv(tmp_path / "out.csv")["sma(hl2,2)"].tolist()[1] == 3.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--spec", "emma(close,9)"), "ema"),
        (("--spec", "ema(close,0)"), "period"),
        (("--spec", "ema(close,3)", "--time-is", "noon"), "time-is: expected open or close"),
        (("--spec", "ema(close,3)", "--map", "close=Last"), "Last"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(bars_file, tmp_path, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(bars_file, tmp_path / "out.csv", *arguments)
    assert not (tmp_path / "out.csv").exists()


def test_a_study_of_the_session_asks_what_the_stamp_means(bars_file, tmp_path):
    with pytest.raises(CommandError, match="--time-is open or close"):
        run(bars_file, tmp_path / "out.csv", "--spec", "session_vwap()", "--session", "XNYS")


def test_another_platforms_columns_are_reproduced(shared_data, tmp_path):
    out = tmp_path / "out.parquet"
    path = shared_data / "futures_bars_1m_ES_NQ_YM_2026-02.parquet"
    run(path, out, "--symbol", "NQ", "--spec", "ema(close,20)", "--spec", "ema(close,200)")
    found = pd.read_parquet(out)
    for spec, theirs in (("ema(close,20)", "ema20"), ("ema(close,200)", "ema200")):
        both = found[[spec, theirs]].dropna()
        assert len(both) > 8_900
        assert (both[spec] - both[theirs]).abs().max() < 1e-6
