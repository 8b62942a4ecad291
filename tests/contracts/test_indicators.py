"""Every registered indicator keeps the same promises; a new one is tried without a line of test code."""

from typing import NamedTuple

import pytest

from engine.indicators.inline import problem
from engine.indicators.recurrence import INDICATORS, Indicator
from tests.contracts import indicator_checks as checks
from tests.engine.indicators.sample_bars import Columns, sample_columns

VARIANTS = checks.every_variant()
COLUMNS = sample_columns()


@pytest.mark.parametrize("text", VARIANTS)
def test_appending_equals_scanning(text):
    checks.check_appending_equals_scanning(text, COLUMNS)


@pytest.mark.parametrize("text", VARIANTS)
def test_the_future_changes_nothing_past(text):
    checks.check_the_future_changes_nothing_past(text, COLUMNS, checks.scanned)


@pytest.mark.parametrize("text", VARIANTS)
def test_a_longer_history_changes_nothing_past(text):
    checks.check_a_longer_history_changes_nothing_past(text, COLUMNS, checks.scanned)


@pytest.mark.parametrize("text", VARIANTS)
def test_the_first_value_appears_exactly_after_the_warmup(text):
    checks.check_warmup_is_exact(text, COLUMNS, checks.scanned)


@pytest.mark.parametrize("text", VARIANTS)
def test_a_restart_at_any_bar_changes_nothing(text):
    checks.check_a_restart_at_any_bar_changes_nothing(text, COLUMNS)


@pytest.mark.parametrize("name", INDICATORS)
def test_every_indicator_compiles(name):
    assert problem(INDICATORS[name]) is None


@pytest.mark.parametrize("name", INDICATORS)
def test_every_indicator_explains_itself(name):
    assert len(INDICATORS[name].formula) > 10


class Seen(NamedTuple):
    bars: int
    value: float


def plant(step, name: str) -> Indicator:
    return Indicator(
        name,
        step,
        inputs=("close",),
        sources={"close": "close"},
        init=Seen(0, 0.0),
        warmup=1,
        outputs=(),
        check=None,
        sparse=(),
    )


def test_a_planted_repainting_indicator_is_caught_and_the_message_says_where():
    tape: list[float] = []

    def highest_ahead(s: Seen, close: float) -> Seen:
        """Marks the close that the next five do not exceed: a pivot nobody could know yet."""
        ahead = tape[s.bars + 1 : s.bars + 6]
        return Seen(s.bars + 1, 1.0 if ahead and close >= max(ahead) else 0.0)

    def run(text: str, columns: Columns) -> Columns:
        tape[:] = columns["close"].tolist()
        return checks.appended(text, columns)

    with INDICATORS.register_temporarily("peeks", plant(highest_ahead, "peeks")):
        where = r"peeks\(\): bars from 60 on were changed: peeks\(close\) at bar 5[5-9] was 1.0, became 0.0"
        with pytest.raises(AssertionError, match=where):
            checks.check_the_future_changes_nothing_past("peeks()", COLUMNS, run)
        with pytest.raises(AssertionError, match=r"only \d+ bars, then all: peeks\(close\) at bar \d+ was"):
            checks.check_a_longer_history_changes_nothing_past("peeks()", COLUMNS, run)


def test_a_planted_indicator_that_remembers_outside_its_state_is_caught_at_a_restart():
    memory = [0.0]

    def forgetful(s: Seen, close: float) -> Seen:
        """Adds up closes in a variable that no snapshot holds."""
        memory[0] += close
        return Seen(s.bars + 1, memory[0])

    with (
        INDICATORS.register_temporarily("forgets", plant(forgetful, "forgets")),
        pytest.raises(AssertionError, match="restarted at bar 0"),
    ):
        checks.check_a_restart_at_any_bar_changes_nothing("forgets()", COLUMNS)


def test_a_planted_wrong_warmup_is_caught():
    def late(s: Seen, close: float) -> Seen:
        """Has no value before its third bar, though it says it is warm at once."""
        return Seen(s.bars + 1, close if s.bars >= 2 else float("nan"))

    with (
        INDICATORS.register_temporarily("late", plant(late, "late")),
        pytest.raises(AssertionError, match="still nan at bar 0"),
    ):
        checks.check_warmup_is_exact("late()", COLUMNS, checks.scanned)
