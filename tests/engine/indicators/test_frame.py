import math

import numpy as np
import pytest

from engine.errors import InvalidInput, NotFound, SnapshotIncompatible
from engine.indicators.frame import IndicatorFrame, LookAhead
from engine.indicators.table import compute
from tests.engine.indicators.sample_bars import bars_of, sample_columns

BARS = bars_of(sample_columns(60))


def fed(*specs: str, bars: int = 30, max_length: int = 100) -> IndicatorFrame:
    frame = IndicatorFrame(specs, max_length=max_length)
    for bar in BARS[:bars]:
        frame.append(bar)
    return frame


def test_values_are_nan_until_ready():
    frame = IndicatorFrame(["ema(close,5)"])
    assert math.isnan(frame["ema(close,5)"])
    for i, bar in enumerate(BARS[:8], start=1):
        frame.append(bar)
        assert frame.is_ready("ema(close,5)") is (i >= 5)
        assert math.isnan(frame["ema(close,5)"]) is (i < 5)
        assert frame.is_warm() is (i >= 5)
    assert frame.warmup == 5


def test_price_fields_can_be_read_like_indicators():
    frame = fed("close", "hl2", "volume")
    assert frame["close"] == BARS[29].close
    assert frame["hl2"] == (BARS[29].high + BARS[29].low) / 2
    assert frame.previous("volume", 3) == BARS[26].volume


def test_previous_values_are_counted_from_the_current_bar():
    frame = fed("ema(close,5)")
    column = frame.column("ema(close,5)")
    assert frame.previous("ema(close,5)", 0) == frame["ema(close,5)"] == column[-1]
    assert frame.previous("ema(close,5)") == column[-2]
    assert math.isnan(frame.previous("ema(close,5)", 30))


def test_the_future_cannot_be_read():
    with pytest.raises(LookAhead, match="1 bars ahead"):
        fed("ema(close,5)").previous("ema(close,5)", -1)


def test_memory_is_bounded_and_says_so():
    frame = fed("ema(close,5)", bars=50, max_length=10)
    assert len(frame.column("ema(close,5)")) == 10
    assert frame.previous("ema(close,5)", 9) == fed("ema(close,5)", bars=41)["ema(close,5)"]
    with pytest.raises(InvalidInput, match="max_length is 10"):
        frame.previous("ema(close,5)", 10)


def test_any_spelling_of_a_requested_spec_reads_its_column():
    frame = fed("ema(close,5)", "triple_ema(3,4,5).fast")
    assert frame["ema(5)"] == frame["ema(period=5)"] == frame["ema(close,5).value"]
    assert frame["triple_ema(3,4,5)"] == frame["triple_ema(3,4,5).fast"]
    assert frame.is_ready("ema(5)")


def test_what_was_not_requested_is_refused():
    with pytest.raises(NotFound, match=r"ema\(close,6\) was not requested.*ema\(close,5\)"):
        fed("ema(close,5)")["ema(close,6)"]


def test_only_what_was_requested_is_computed_and_shared_work_is_done_once():
    frame = fed("dema(close,5)", "ema(close,5)", bars=20)
    assert frame.computations() == {"ema(close,5)": 20, "ema(ema(close,5),5)": 16, "dema(close,5)": 12}


def test_a_snapshot_of_other_specs_is_refused():
    with pytest.raises(SnapshotIncompatible, match=r"ema\(close,6\)"):
        IndicatorFrame(["ema(close,5)"]).restore(fed("ema(close,6)").snapshot())


def test_a_restored_frame_knows_its_bars_and_its_past():
    frame, other = fed("sma(close,5)", bars=20), IndicatorFrame(["sma(close,5)"])
    other.restore(frame.snapshot())
    assert other.bars == 20
    assert other.is_warm()
    np.testing.assert_array_equal(other.column("sma(close,5)"), frame.column("sma(close,5)"))


def test_sessions_come_from_the_callable_the_frame_is_given():
    frame = IndicatorFrame(["session"], session_of=lambda ts: ts // 3_600_000_000_000)
    frame.append(BARS[0])
    assert frame["session"] == BARS[0].ts // 3_600_000_000_000


def test_a_bar_that_closes_at_midnight_belongs_to_the_day_that_ends():
    frame = IndicatorFrame(["session"])
    day = 86_400_000_000_000
    for ts, expected in ((3 * day, 2.0), (3 * day + 1, 3.0)):
        frame.append(BARS[0].__class__(**{f: getattr(BARS[0], f) for f in BARS[0].__struct_fields__} | {"ts": ts}))
        assert frame["session"] == expected


def test_time_fields_are_those_of_new_york_in_frames_and_tables():
    names = ["clock", "weekday", "is_above(clock,600)"]
    columns = sample_columns()
    frame = IndicatorFrame(names)
    for bar in bars_of(columns):
        frame.append(bar)
    table = compute(columns, names)
    assert [frame.column(name) for name in names] == [table[name].tolist() for name in names]
    assert set(table["weekday"]) == {1.0, 2.0, 3.0, 4.0}  # 2023-11-14 17:23 and on, seventy hours
    assert table["clock"][0] == 17 * 60 + 23 + 20 / 60
