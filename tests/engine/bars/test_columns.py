"""The columnar path gives the expander's bars, to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bars.columns import TickColumns, build_columns
from engine.bars.expand import Expander
from engine.errors import InvalidInput
from engine.model.market import Tick
from tests.engine.bars import brute
from tests.engine.bars.test_expand import T0, TIMEFRAMES, S, eight_hours, prints, to_ticks


def columns_of(ticks):
    return TickColumns(
        "/NQ",
        np.array([t.ts for t in ticks], np.int64),
        np.array([t.price for t in ticks], np.float64),
        np.array([t.size for t in ticks], np.float64),
        np.array([t.conditions for t in ticks], np.int64),
    )


def test_prints_between_two_sessions_are_in_the_same_bars_of_both_paths():
    close = eight_hours(T0).close
    ticks = [Tick(close + seconds * S, "/NQ", 1.0, 1.0) for seconds in (-1, 0, 1800, 3600, 9000)]
    for timeframe in ("1d", "2t"):
        expander = Expander("/NQ", [timeframe], session=eight_hours)
        expected = expander.feed(ticks) + expander.flush()
        found = build_columns(columns_of(ticks), timeframe, session=eight_hours).bars()
        assert list(map(brute.values_of, found)) == list(map(brute.values_of, expected))


@settings(max_examples=300, deadline=None)
@given(prints, st.sampled_from(TIMEFRAMES), st.sampled_from([0, 1, 3]))
def test_columns_and_objects_agree_bit_for_bit(steps, timeframe, exclude):
    ticks = to_ticks(steps)
    expander = Expander("/NQ", [timeframe], session=eight_hours, exclude=exclude)
    expected = expander.feed(ticks) + expander.flush()
    found = list(build_columns(columns_of(ticks), timeframe, session=eight_hours, exclude=exclude).bars())
    assert [(*brute.values_of(b), b.is_complete) for b in found] == [
        (*brute.values_of(b), b.is_complete) for b in expected
    ]


@settings(max_examples=30, deadline=None)
@given(prints)
def test_ticks_made_from_columns_are_the_ticks(steps):
    ticks = to_ticks(steps)
    assert list(columns_of(ticks).ticks(chunk=7)) == ticks


def test_unsorted_prints_are_refused():
    columns = TickColumns("X", np.array([T0 + S, T0]), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    with pytest.raises(InvalidInput, match="sorted"):
        build_columns(columns, "1")


def test_excluding_without_conditions_is_refused():
    columns = TickColumns("X", np.array([T0]), np.array([1.0]), np.array([1.0]))
    with pytest.raises(InvalidInput, match="conditions"):
        build_columns(columns, "1", exclude=1)
