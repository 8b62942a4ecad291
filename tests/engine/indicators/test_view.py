import math

import pytest

from engine.errors import InvalidInput, NotFound
from engine.indicators.frame import IndicatorFrame, LookAhead
from engine.indicators.table import ColumnCache
from engine.indicators.view import AsOfView
from tests.engine.indicators.sample_bars import bars_of, sample_columns

COLUMNS = sample_columns(80)
SPECS = ["ema(close,9)", "supertrend(10,3).direction", "macd(3,6,4)", "close"]


def test_a_view_reads_what_a_frame_reads_at_every_bar():
    frame, view = IndicatorFrame(SPECS), AsOfView(ColumnCache(COLUMNS), SPECS)
    for bar in bars_of(COLUMNS):
        frame.append(bar)
        view.advance()
        for spec in (*SPECS, "ema(9)", "macd(3,6,4).value"):
            assert view.is_ready(spec) == frame.is_ready(spec)
            for bars_ago in (0, 1, 5):
                assert repr(view.previous(spec, bars_ago)) == repr(frame.previous(spec, bars_ago))


def test_nothing_is_known_before_the_first_bar():
    view = AsOfView(ColumnCache(COLUMNS), SPECS)
    assert math.isnan(view["close"])
    assert not view.is_ready("close")
    assert view.warmup == IndicatorFrame(SPECS).warmup


def test_a_view_cannot_look_ahead_or_move_back():
    view = AsOfView(ColumnCache(COLUMNS), SPECS)
    view.advance(10)
    with pytest.raises(LookAhead):
        view.previous("close", -1)
    with pytest.raises(InvalidInput, match="Cannot move -1 bars"):
        view.advance(-1)
    with pytest.raises(InvalidInput, match="Cannot move 71 bars from bar 10 of 80"):
        view.advance(71)


def test_what_was_not_requested_is_refused():
    with pytest.raises(NotFound, match=r"ema\(close,8\) was not requested"):
        AsOfView(ColumnCache(COLUMNS), SPECS)["ema(close,8)"]
