"""Runs at the command line count among the trials, and hear what their best is worth."""

from pathlib import Path

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
