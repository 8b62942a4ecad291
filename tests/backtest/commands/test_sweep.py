import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from marketdata.archive.store import Archive
from marketdata.files.bars import read_bars

GRID = ("--grid", "period_1=3:9:2", "--grid", "period_2=12,20,30")


@pytest.fixture
def bars_file(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    stamps = pd.date_range("2024-03-01T14:30Z", periods=400, freq="min")
    close = (100 + np.sin(np.arange(400) / 9) * 3 + np.cos(np.arange(400) / 31)).round(2)
    frame = pd.DataFrame({"time": stamps, "open": close, "high": close + 1, "low": close - 1, "close": close})
    frame["volume"] = 100
    frame.to_csv(path, index=False)
    return path


def swept(capsys: pytest.CaptureFixture[str], path: Path, *options: str) -> dict[str, Any]:
    call_command("sweep", "--data", str(path), "--symbol", "SPY", "--time-is", "open", "--json", *options)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_run_of_the_sweep_has_the_statistics_of_the_backtest(bars_file, capsys):
    document = swept(capsys, bars_file, *GRID, "--fees", "unit:0.01")
    assert len(document["runs"]) == 12
    run = document["runs"][7]
    assert run["params"] == {"period_1": 7, "period_2": 20}
    assert run["how"] == "compiled"
    call_command(
        "backtest", "--data", str(bars_file), "--symbol", "SPY", "--time-is", "open", "--json", "--fees", "unit:0.01",
        "--param", "period_1=7", "--param", "period_2=20",
    )  # fmt: skip
    stats = json.loads(capsys.readouterr().out)["stats"]
    assert {name: stats[name] for name in run["stats"]} == run["stats"]
    assert run["stats"]["trades"] > 3


def test_two_sweeps_are_the_same_but_for_the_time_they_took(bars_file, capsys):
    first = swept(capsys, bars_file, *GRID, "--random", "5", "--seed", "3", "--no-timing")
    assert swept(capsys, bars_file, *GRID, "--random", "5", "--seed", "3", "--no-timing", "--workers", "1") == first
    assert len(first["runs"]) == 5
    assert first["best"] == max(first["runs"], key=lambda run: float(run["stats"]["net_pnl"]))["number"]


@pytest.mark.parametrize("way", ["--lhs", "--optuna"])
def test_sets_can_be_chosen(bars_file, capsys, way):
    assert len(swept(capsys, bars_file, *GRID, way, "6")["runs"]) == 6


def test_a_page_that_cannot_be_written_is_said_after_what_was_found(bars_file, capsys):
    where = str(bars_file / "page.html")  # below a file there is no folder
    with pytest.raises(CommandError, match=r"html: .*page\.html cannot be written"):
        swept(capsys, bars_file, *GRID, "--html", where)
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 12


def test_the_page_has_the_runs_and_a_map_of_two_axes(bars_file, tmp_path, capsys):
    page = tmp_path / "sweep.html"
    call_command("sweep", "--data", str(bars_file), "--symbol", "SPY", "--time-is", "open", *GRID, "--html", str(page))
    text = page.read_text()
    assert text.count('<td class="up" style') + text.count('<td class="down" style') == 12
    assert "http" not in text.replace("http-equiv", "")
    assert "12 runs over 400 bars" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--grid", "period_1=9:5:1"), "grid: expected"),
        (("--grid", "period_9=5:9:1"), "period_9 is not a parameter"),
        ((*GRID, "--random", "3", "--lhs", "3"), "one way to choose"),
        ((*GRID, "--param", "period_1=4"), "period_1 is a --param that stays"),
        (("--grid", "period_1=3", "--grid", "period_1=4"), "every parameter once"),
        ((*GRID, "--fees", "some"), "fees: expected"),
        ((*GRID, "--by", "max_drawdown"), "by: expected one of net_pnl, .* found 'max_drawdown'"),
        ((*GRID, "--split", "sideways"), "split: Invalid enum value 'sideways'"),
        ((*GRID, "--split", "rolling", "--folds", "9"), "split: 1 days are too few for 9 folds"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_option(bars_file, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("sweep", "--data", str(bars_file), "--symbol", "SPY", "--time-is", "open", "--json", *options)


def test_the_archive_gives_what_a_file_gives(bars_file, tmp_path, settings, capsys):
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    columns = read_bars(bars_file, "SPY", time_is="open")
    Archive(settings.ARCHIVE_DIR).append("SPY", "1", columns.bars(source="file"))
    from_file = swept(capsys, bars_file, *GRID)
    call_command("sweep", "--from-archive", "--symbol", "SPY", "--json", *GRID)
    assert json.loads(capsys.readouterr().out)["runs"] == from_file["runs"]


def test_prints_are_made_into_bars_first(tmp_path, capsys):
    path = tmp_path / "ticks.csv"
    stamps = pd.date_range("2024-03-01T14:30Z", periods=6_000, freq="7s")
    price = (100 + np.sin(np.arange(6_000) / 90)).round(2)
    pd.DataFrame({"ts": stamps, "price": price, "size": 10}).to_csv(path, index=False)
    call_command(
        "sweep", "--data", str(path), "--symbol", "SPY", "--timeframe", "2", "--json", "--grid", "period_1=3:6:1"
    )
    document = json.loads(capsys.readouterr().out)
    assert document["config"]["timeframe"] == "2"
    assert document["config"]["bars"] == 350
    assert all(run["stats"]["trades"] > 5 for run in document["runs"])
