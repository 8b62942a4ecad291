"""Coarser bars of the vendor's finer ones: equal to those made of prints, whole or flagged, revised when it revises."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bars.expand import Expander
from engine.model.market import Bar, PartialBar
from tests.engine.bars.test_expand import MINUTE, T0, S, prints, to_ticks

COARSER = ["5", "15", "1h", "1d"]


def minute(number, close=100.0, *, volume=10.0, vwap=100.0, **more):
    opened = T0 + number * MINUTE
    return Bar(
        opened + MINUTE, "SPY", "1", opened, 100.0, max(100.0, close) + 1, min(100.0, close) - 1, close, volume, 3,
        vwap, source="vendor:x", quality="vendor", **more,
    )  # fmt: skip


def composing(*timeframes, passed=("1",)):
    return Expander("SPY", timeframes, source="x", quality="sampled", passed=frozenset(passed))


def coarser(bars):
    return [bar for bar in bars if bar.timeframe != "1"]


@settings(max_examples=80, deadline=None)
@given(prints, st.sampled_from([0, 1, 7]))
def test_bars_of_minutes_are_those_of_the_prints_and_a_restart_anywhere_changes_nothing(steps, restart_every):
    ticks = to_ticks(steps)
    direct = Expander("SPY", ["1", *COARSER])
    made = direct.feed(ticks) + direct.flush()
    expected = [bar for bar in made if bar.timeframe != "1"]
    expander, found = composing(*COARSER), []
    for number, bar in enumerate(bar for bar in made if bar.timeframe == "1"):
        if restart_every and number % restart_every == 0:
            data = expander.snapshot()
            expander = composing(*COARSER)
            expander.restore(data)
        found += expander.on_bar(bar)
    found += expander.flush()
    key = lambda bar: (bar.timeframe, bar.ts)  # noqa: E731
    for ours, theirs in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        assert math.isclose(ours.vwap, theirs.vwap, rel_tol=1e-9) or theirs.vwap != theirs.vwap
        assert math.isclose(ours.volume, theirs.volume, rel_tol=1e-9)
        same = {"seq": 0, "source": "", "ts_recv": 0, "vwap": 0.0, "volume": 0.0}
        assert msgspec.structs.replace(ours, **same) == msgspec.structs.replace(theirs, **same)
    assert [bar.seq for bar in found] == list(range(1, len(found) + 1))


def test_the_last_minute_ends_the_bar_at_once_and_a_missing_one_the_next_or_time():
    expander = composing("1", "5")
    assert coarser([bar for number in range(4) for bar in expander.on_bar(minute(number))]) == []
    own, five = expander.on_bar(minute(4))
    assert (own.timeframe, own.quality, own.seq, five.timeframe, five.quality, five.seq) == (
        "1", "vendor", 5, "5", "built", 6,
    )  # fmt: skip
    assert (five.ts_open, five.ts, five.volume, five.trade_count, five.is_complete) == (
        T0,
        T0 + 5 * MINUTE,
        50,
        15,
        True,
    )
    expander.on_bar(minute(7))
    (behind,) = coarser(expander.on_bar(minute(11)))
    assert (behind.ts, behind.volume, behind.is_complete) == (T0 + 10 * MINUTE, 10, True)
    assert expander.on_time(T0 + 15 * MINUTE + 149 * S) == []
    (late,) = expander.on_time(T0 + 15 * MINUTE + 150 * S, ts_recv=7)
    assert (late.ts, late.is_complete, late.ts_recv) == (T0 + 15 * MINUTE, True, 7)


def test_the_first_bar_is_complete_only_if_its_first_minute_was_seen():
    expander = composing("5")
    found = [bar for number in range(2, 15) for bar in expander.on_bar(minute(number))]
    assert [(bar.ts, bar.is_complete) for bar in found] == [
        (T0 + 5 * MINUTE, False), (T0 + 10 * MINUTE, True), (T0 + 15 * MINUTE, True),
    ]  # fmt: skip


def test_an_incomplete_minute_makes_the_bar_incomplete():
    expander = composing("5")
    found = [bar for number in range(5) for bar in expander.on_bar(minute(number, is_complete=number != 3))]
    assert [bar.is_complete for bar in found] == [False]


def test_lost_minutes_flag_the_forming_bar_those_in_doubt_and_the_next_that_begins_late():
    expander = composing("5")
    given = [bar for number in range(12) for bar in expander.on_bar(minute(number))]
    assert all(bar.is_complete for bar in given)
    (doubted,) = expander.gap(since=T0 + 7 * MINUTE)
    assert (doubted.ts, doubted.quality, doubted.is_complete) == (T0 + 10 * MINUTE, "gapped", False)
    after = [bar for number in range(16, 30) for bar in expander.on_bar(minute(number))]
    assert [(bar.ts - T0) // MINUTE for bar in after] == [15, 20, 25, 30]
    assert [(bar.quality, bar.is_complete) for bar in after] == [
        ("gapped", False), ("built", False), ("built", True), ("built", True),
    ]  # fmt: skip


def test_a_revised_minute_revises_the_bar_it_is_in_also_after_that_was_given_out():
    expander = composing("1", "5", "15")
    for number in range(4):
        expander.on_bar(minute(number))
    assert [bar.timeframe for bar in expander.on_bar(minute(1, close=110.0))] == ["1"]  # forming bars change silently
    *_, five = expander.on_bar(minute(4))
    assert (five.high, five.quality) == (111.0, "built")
    revised, again = expander.on_bar(minute(4, close=90.0, volume=11.0))
    assert (revised.quality, again.timeframe, again.quality) == ("revised", "5", "revised")
    assert (again.close, again.low, again.volume, again.is_complete) == (90.0, 89.0, 51.0, True)
    assert expander.on_bar(minute(4, close=90.0, volume=11.0)) == []


def test_a_minute_that_was_under_way_for_too_long_revises_what_time_had_ended():
    expander = composing("5")
    for number in range(4):
        expander.on_bar(minute(number))
    (ended,) = expander.on_time(T0 + 8 * MINUTE)
    assert ended.volume == 40
    (again,) = expander.on_bar(minute(4))
    assert (again.ts, again.volume, again.quality) == (ended.ts, 50, "revised")


def test_a_revision_too_far_back_to_be_told_apart_puts_the_bar_in_doubt():
    expander = composing("1h")
    first = -(T0 // MINUTE) % 60  # of an hour
    for number in range(first, first + 40):
        expander.on_bar(minute(number))
    expander.on_bar(minute(first + 2, close=300.0))
    found = [bar for number in range(first + 40, first + 60) for bar in expander.on_bar(minute(number))]
    assert [(bar.quality, bar.is_complete, bar.volume) for bar in found] == [("gapped", False, 600.0)]


def test_a_vendor_without_averages_makes_bars_without():
    expander = composing("5")
    (bar,) = [bar for number in range(5) for bar in expander.on_bar(minute(number, vwap=math.nan))]
    assert math.isnan(bar.vwap)


def test_where_no_prints_come_the_forming_bar_is_shown_with_every_minute():
    expander = composing("5")
    expander.on_bar(minute(0, close=104.0))
    expander.on_bar(minute(1, close=97.0))
    (partial,) = expander.partials(5)
    assert isinstance(partial, PartialBar)
    assert (partial.ts, partial.ts_open, partial.close, partial.volume) == (T0 + 2 * MINUTE, T0, 97.0, 20.0)
    assert (partial.high_since, partial.low_since, partial.fill, partial.ts_recv) == (105.0, 96.0, 0.4, 5)
    assert expander.partials() == []


@pytest.mark.parametrize(
    ("timeframe", "makes"), [("90s", False), ("30s", False), ("10t", False), ("2", True), ("1d", True)]
)
def test_only_what_whole_minutes_fill_is_put_together_of_them(timeframe, makes):
    expander = composing(timeframe)
    for number in range(10):
        expander.on_bar(minute(number))
    assert bool(expander.flush()) is makes


def test_the_coarsest_that_fits_is_taken():
    expander = composing("2", "5", passed=("1s", "1"))
    second = Bar(T0 + S, "SPY", "1s", T0, 1.0, 1.0, 1.0, 1.0, 1.0, quality="vendor")
    assert expander.on_bar(second) == []
    assert [bar.open for bar in expander.on_bar(minute(0)) + expander.on_bar(minute(1))] == [100.0]
