"""A run over joined data closes futures before they roll where that is asked for, as a book does."""

import pytest
from django.core.management import CommandError, call_command

from engine.instruments.futures import use_rolls
from marketdata.rolls import save_rule
from tests.backtest.commands.test_several import FAST, backtest, wave

pytestmark = pytest.mark.django_db
LAST_SESSION = "2026-12-11T19:00Z"  # it ends at 22:00


def run(capsys, path, *more):
    return backtest(capsys, "--data", path, "--symbol", "/ES", "--time-is", "open", *FAST, *more)["trades"]


@pytest.fixture(autouse=True)
def own_rules():
    yield
    use_rolls(days_before={}, decided={})


@pytest.fixture
def rolls(tmp_path):
    return wave(tmp_path / "es.csv", period=2, base=4000, rows=180, start=LAST_SESSION)


def test_it_is_closed_before_the_roll_and_nothing_is_entered_until_then(rolls, capsys):
    series, closed = run(capsys, rolls), run(capsys, rolls, "--roll-close", "900")
    [last] = [trade for trade in closed if trade["exit_reason"] == "roll"]
    assert last is closed[-1]
    assert last["exit_ts"].startswith("2026-12-11T21:4")
    assert closed[:-1] == series[: len(closed) - 1]
    assert last["exit_ts"] < series[-1]["entry_ts"]


def test_the_rule_that_people_chose_for_the_root_says_when(rolls, capsys):
    save_rule(root="ES", rule="days", days_before=3)
    assert run(capsys, rolls, "--roll-close", "900") == run(capsys, rolls)


def test_days_without_a_roll_are_equal(tmp_path, capsys):
    path = wave(tmp_path / "es.csv", period=9, base=4000, rows=180, start="2026-12-03T19:00Z")
    assert run(capsys, path) == run(capsys, path, "--roll-close", "900")


def test_seconds_that_are_none_say_what_was_expected(rolls):
    with pytest.raises(
        CommandError, match="roll_close: expected an amount above 0 and up to 1,000,000,000,000, found 'soon'"
    ):
        call_command("backtest", "--json", "--data", str(rolls), "--symbol", "/ES", "--roll-close", "soon")
