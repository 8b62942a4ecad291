"""Supertrend with its reversal candle and its line as a stop."""

import json

import numpy as np
import pytest

from engine.indicators.table import compute
from strategies.library.supertrend import Supertrend, follow_supertrend
from tests.contracts.strategy_checks import columns_of, run, sample_bars
from tests.strategies.library.test_triple_ema import GOLDEN, golden_bars, needs_golden

UP, DOWN = 1.0, -1.0


def wishes(params, bars):
    return [(a.bars - 1, a.wish) for a in run(Supertrend, params, bars).answers if a.wish is not None]


@needs_golden
def test_without_a_candle_it_turns_where_the_golden_line_turns():
    sides = [1 if is_up else -1 for _, is_up in json.loads(GOLDEN.read_text())["classic_st_10_3"]]
    turns = [(i, sides[i]) for i in range(12, 240) if sides[i] != sides[i - 1]]
    found = wishes({"candle": "none", "leave_at_line": False}, golden_bars())
    assert [(i, wish.target) for i, wish in found if i >= 12] == turns
    assert len(turns) == 8


def test_an_entry_needs_a_cross_of_the_line_and_a_candle_of_its_colour():
    bars = sample_bars()
    spec = "supertrend(7,1.5)"
    found = compute(columns_of(bars), [spec])
    side, line = found[f"{spec}.direction"], found[f"{spec}.line"]
    expected = []
    for i in range(8, len(bars)):
        above = bars[i].close > line[i - 1] and side[i - 1] < 0 and side[i] > 0
        below = bars[i].close < line[i - 1] and side[i - 1] > 0 and side[i] < 0
        if (above and bars[i].close > bars[i].open) or (below and bars[i].close < bars[i].open):
            expected.append((i, 1 if above else -1))
    params = {"period": 7, "multiplier": 1.5, "candle": "color", "candle_within": 1, "leave_at_line": False}
    assert [(i, wish.target) for i, wish in wishes(params, bars)] == expected
    assert len(expected) > 5


def candle_wish(before, bar, side):
    """The wish of a bar (open, high, low, close) that breaks the line to `side`, after the bar `before`."""
    state = Supertrend.decision.initial()
    for (first, high, low, last), direction in ((before, -side), (bar, side)):
        state = follow_supertrend(state, first, high, low, last, direction, 100.0, "reversal", 1, True)
    return state.wish


def mirrored(bar):
    first, high, low, last = bar
    return 200.0 - first, 200.0 - low, 200.0 - high, 200.0 - last


@pytest.mark.parametrize(
    ("kind", "before", "bar", "counts"),
    [
        ("engulfing", (102, 103, 99, 100), (99.5, 102.6, 99.4, 102.5), True),
        ("not engulfing", (102, 103, 99, 100), (100.5, 102.6, 100.4, 102.5), False),
        ("hammer", (100, 103, 99, 101), (101.5, 102.1, 98.0, 102.0), True),
        ("long shadow above", (100, 103, 99, 101), (101.5, 102.9, 101.4, 102.0), False),
        ("close above the high before", (100, 101, 99, 100.5), (100.2, 101.6, 100.1, 101.5), True),
        ("falling body", (100, 101, 99, 100.5), (102.5, 103, 100.1, 101.5), False),
    ],
)
def test_reversal_candles(kind, before, bar, counts):
    assert (candle_wish(before, bar, UP) == 1.0) is counts
    assert (candle_wish(mirrored(before), mirrored(bar), DOWN) == -1.0) is counts


def test_the_candle_may_stand_a_bar_before_the_break():
    state = Supertrend.decision.initial()
    rising, flat = (100.0, 102.0, 99.9, 101.9), (101.9, 102.2, 101.5, 101.9)
    for within, expected in ((1, False), (2, True)):
        state = follow_supertrend(Supertrend.decision.initial(), 100.0, 100.5, 99.0, 100.2, DOWN, 0.0)
        state = follow_supertrend(state, *rising, DOWN, 0.0, "reversal", within, True)
        state = follow_supertrend(state, *flat, UP, 0.0, "reversal", within, True)
        assert (state.wish == 1.0) is expected


def test_a_cross_without_a_candle_ends_the_position_at_the_line():
    state = Supertrend.decision.initial()
    state = follow_supertrend(state, 100.0, 101.0, 99.0, 100.5, DOWN, 0.0)
    state = follow_supertrend(state, 100.2, 101.6, 100.1, 101.5, UP, 0.0)
    assert state.wish == 1.0
    doji = (100.0, 100.4, 99.9, 100.1)  # closes above its open: no bearish candle
    assert follow_supertrend(state, *doji, DOWN, 0.0, "reversal", 1, True).wish == 0.0
    stays = follow_supertrend(state, *doji, DOWN, 0.0, "reversal", 1, False).wish
    assert stays != stays


def test_the_line_comes_with_every_wish_as_the_stop_on_the_losing_side():
    bars = sample_bars()
    found = wishes({"period": 7, "multiplier": 1.5, "candle": "color"}, bars)
    entries = [(i, wish) for i, wish in found if wish.target]
    assert entries
    for i, wish in entries:
        assert (bars[i].close - wish.evidence["stop"]) * wish.target > 0
    assert np.isfinite([wish.evidence["stop"] for _, wish in found]).all()
