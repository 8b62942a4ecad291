"""Runs at the command line count among the trials, and hear what their best is worth."""

import json
from pathlib import Path

import pandas as pd
import pytest
from django.core.management import call_command
from django.db import connection

from backtest.models import Trial
from tests.backtest.distributed.data import walk_file

GRID = ("--grid", "period_1=2:5:1", "--grid", "period_2=8,13,21")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return walk_file(tmp_path, days=60)


def options(data: Path) -> tuple[str, ...]:
    return "--data", str(data), "--symbol", "SPY", "--timeframe", "30", "--strategy", "ema"


def test_a_sweep_counts_every_set_once_and_says_how_convincing_its_best_is(data, capsys):
    for _ in range(2):
        call_command("sweep", *options(data), *GRID)
    assert Trial.objects.count() == 12
    assert "The best of 12 trials; corrected p = " in capsys.readouterr().out


def test_a_single_run_competes_with_the_sweeps_before_it(data, capsys):
    call_command("sweep", *options(data), *GRID)
    call_command("backtest", *options(data), "--param", "period_1=2", "--param", "period_2=9")
    assert Trial.objects.count() == 13
    assert "The best of 13 trials" in capsys.readouterr().err


def test_the_same_set_by_another_command_is_the_same_trial(data):
    call_command("sweep", *options(data), *GRID)
    call_command("backtest", *options(data), "--param", "period_1=2", "--param", "period_2=8")
    assert Trial.objects.count() == 12


def test_without_a_database_the_run_is_there_and_says_that_it_was_not_counted(data, capsys):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE backtest_trial RENAME TO gone")
    try:
        call_command("sweep", *options(data), *GRID)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO backtest_trial")
    assert "Not counted among the trials" in capsys.readouterr().out


def test_exits_that_are_tried_are_trials_of_their_own(data, capsys):
    call_command("sweep", *options(data), "--grid", "exits.stop.value=0.002,0.004,0.006", "--grid", "period_1=2,3")
    assert Trial.objects.count() == 6
    assert "The best of 6 trials" in capsys.readouterr().out


def test_each_strategy_of_a_run_is_a_trial_on_each_of_its_symbols(tmp_path, capsys):
    named = []
    for seed, symbol in enumerate(("SPY", "QQQ")):
        path = tmp_path / f"{symbol}.parquet"
        pd.read_parquet(walk_file(tmp_path, days=30, seed=seed)).assign(symbol=symbol).to_parquet(path)
        named += ["--data", f"{symbol}={path}"]
    call_command("backtest", *named, "--timeframe", "30", "--strategy", "ema", "--strategy", "supertrend")
    found = {(row.strategy, row.symbol) for row in Trial.objects.all()}
    assert found == {(strategy, symbol) for strategy in ("ema", "supertrend") for symbol in ("SPY", "QQQ")}
    assert "supertrend on QQQ: The only trial" in capsys.readouterr().err


def test_a_run_on_other_terms_is_another_trial(data):
    one = (*options(data), "--param", "period_1=2", "--param", "period_2=8")
    for changes in (
        (),
        ("--latency", "500"),
        ("--flat-at-close",),
        ("--fees", "unit:0.01"),
        ("--participation", "0.1"),
    ):
        call_command("backtest", *one, *changes)
        call_command("backtest", *one, *changes)
    assert Trial.objects.count() == 5


def test_a_run_on_prints_is_counted_by_its_days(tmp_path, capsys):
    path = tmp_path / "prints.csv"
    rows = [f"{1_709_303_400 + 5 * n},{100 + n % 7 / 100},10" for n in range(900)]
    path.write_text("ts,price,size\n" + "\n".join(rows))
    call_command("backtest", "--data", str(path), "--symbol", "SPY", "--param", "period_1=2", "--param", "period_2=5")
    assert Trial.objects.get().timeframe == "1"
    assert "too few days with trades" in capsys.readouterr().err


def test_the_past_chooses_and_the_days_after_it_judge(data, tmp_path, capsys):
    page = tmp_path / "sweep.html"
    split = ("--split", "anchored", "--folds", "3", "--purge-days", "2", "--html", str(page))
    call_command("sweep", *options(data), *GRID, *split)
    told = capsys.readouterr().out
    call_command("sweep", *options(data), *GRID, *split, "--json")
    document = json.loads(capsys.readouterr().out)
    walk = document["walk_forward"]
    assert [fold["test"][0] for fold in walk["folds"]] == [
        ["2024-02-14", "2024-02-28"], ["2024-02-29", "2024-03-13"], ["2024-03-14", "2024-03-27"],
    ]  # fmt: skip
    assert walk["folds"][0]["train"] == [["2024-01-02", "2024-02-09"]]  # two trading days before the test are left out
    assert walk["tried_days"] == 30
    assert f"Walk-forward: {walk['tried_pnl']:.2f} on 30 days that were not chosen in" in told
    assert page.read_text().count("<td>2024-01-02 to ") == 3
    assert document["judgement"]["trials"] == 12
