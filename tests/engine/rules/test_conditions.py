"""Every kind of condition against what pandas says of the same bars."""

from typing import Any, get_args

import msgspec
import numpy as np
import pandas as pd
import pytest

from engine.indicators.spec import parse
from engine.indicators.table import ColumnCache
from engine.rules.conditions import (
    PARTS,
    Category,
    Clock,
    Compare,
    Condition,
    Cross,
    FromExtreme,
    Gap,
    Mover,
    NewExtreme,
    SessionPart,
    Slope,
    Streak,
    Weekdays,
)
from tests.engine.indicators.sample_bars import sample_columns

COLUMNS = sample_columns(900, dead=False)
TABLE = pd.DataFrame(COLUMNS)
close = TABLE.close
ENDS = pd.to_datetime(TABLE.ts - 1, utc=True).dt.tz_convert("America/New_York")
WALL = pd.to_datetime(TABLE.ts, utc=True).dt.tz_convert("America/New_York")
MINUTES = WALL.dt.hour * 60 + WALL.dt.minute + WALL.dt.second / 60
HIGH_5, LOW_5 = TABLE.high.rolling(5).max(), TABLE.low.rolling(5).min()


def ols(values: pd.Series) -> float:
    return float(np.polyfit(np.arange(len(values)), values, 1)[0])


CASES: list[tuple[Condition, Any]] = [
    (Compare("close", ">", "open"), close > TABLE.open),
    (Compare("close", ">=", "open"), close >= TABLE.open),
    (Compare("close", "<", "delay(close,2)"), close < close.shift(2)),
    (Compare("close", "<=", 5000.0), close <= 5000.0),
    (Compare("momentum(close,3)", ">", -1.5), close.diff(3) > -1.5),
    (Clock("10:00", "15:30"), (MINUTES > 600) & (MINUTES <= 930)),
    (Clock("22:00", "02:00"), (MINUTES > 1320) | (MINUTES <= 120)),
    (SessionPart("open"), (MINUTES > 570) & (MINUTES <= 630)),
    (Weekdays(("wed", "fri")), ENDS.dt.weekday.isin([2, 4])),
    (Cross("close", "up", "delay(close,3)"), (close > close.shift(3)) & (close.shift() <= close.shift(4))),
    (Cross("close", "down", 5000), (close < 5000) & (close.shift() >= 5000)),
    (NewExtreme("high", 5), TABLE.high > HIGH_5.shift()),
    (NewExtreme("low", 5), TABLE.low < LOW_5.shift()),
    (Gap("up", 0.0004), TABLE.open / close.shift() - 1 >= 0.0004),
    (Gap("down", 0.0004), TABLE.open / close.shift() - 1 <= -0.0004),
    (Mover("up", 5, 0.002), close / LOW_5 - 1 >= 0.002),
    (Mover("down", 5, 0.002), close / HIGH_5 - 1 <= -0.002),
    (Slope("close", "up", 4), close.rolling(4).apply(ols) > 1e-9),
    (Slope("close", "down", 4), close.rolling(4).apply(ols) < -1e-9),
    (Streak("close", "up", 3), (close.diff() > 0).rolling(3).sum() == 3),
    (Streak("close", "down", 2), (close.diff() < 0).rolling(2).sum() == 2),
    (FromExtreme("high", 5, "within", 0.0005), close / HIGH_5 - 1 >= -0.0005),
    (FromExtreme("high", 5, "beyond", 0.0005), close / HIGH_5 - 1 <= -0.0005),
    (FromExtreme("low", 5, "within", 0.0005), close / LOW_5 - 1 <= 0.0005),
    (FromExtreme("low", 5, "beyond", 0.0005), close / LOW_5 - 1 >= 0.0005),
]


@pytest.mark.parametrize(("condition", "expected"), CASES, ids=[condition.text for condition, _ in CASES])
def test_the_indicator_of_a_condition_is_one_where_it_holds(condition, expected):
    found = ColumnCache(COLUMNS).column(condition.spec)
    expected = np.asarray(expected).astype(float)
    assert 5 < expected.sum() < 895
    np.testing.assert_array_equal(found[6:], expected[6:])


def test_every_kind_is_tried_and_in_one_of_the_four_categories():
    assert {type(condition) for condition, _ in CASES} == set(get_args(Condition))
    assert {condition.category for condition, _ in CASES} == set(Category)


@pytest.mark.parametrize("condition", [condition for condition, _ in CASES], ids=lambda condition: condition.text)
def test_json_of_a_condition_comes_back_and_what_it_reads_are_values(condition):
    assert msgspec.json.decode(msgspec.json.encode(condition), type=Condition) == condition
    assert condition.reads
    for spec in (condition.spec, *condition.reads):
        parse(spec)


def test_the_parts_of_the_day_follow_each_other():
    spans = list(PARTS.values())
    assert [until for _, until in spans[:-1]] == [after for after, _ in spans[1:]]
