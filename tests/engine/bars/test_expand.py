"""What completes a bar, in which order bars come out, and what survives a restart."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bars.expand import Expander
from engine.errors import Conflict, InvalidInput, NotFound, SnapshotIncompatible
from engine.instruments.sessions import Session
from engine.model.market import Bar, PartialBar, Tick, TimeAdvanced
from tests.engine.bars import brute

S = 1_000_000_000
MINUTE = 60 * S
T0 = 1_700_000_100 * S // (15 * MINUTE) * (15 * MINUTE)


def tick(seconds, price=100.0, size=1.0, **more):
    return Tick(T0 + round(seconds * S), "/NQ", float(price), float(size), **more)


def eight_hours(ts):
    """Sessions of seven hours, with an hour between them."""
    start = ts // (8 * 3600 * S) * (8 * 3600 * S)
    close = start + 7 * 3600 * S
    return Session(start, close) if ts < close else Session(start + 8 * 3600 * S, close + 8 * 3600 * S)


def test_a_minute_closes_with_the_first_print_at_its_end_which_belongs_to_the_next():
    expander = Expander("/NQ", ["1"])
    assert expander.on_tick(tick(0, 10)) == []
    assert expander.on_tick(tick(59.999999999, 12)) == []
    (bar,) = expander.on_tick(tick(60, 11))
    assert (bar.ts_open, bar.ts) == (T0, T0 + MINUTE)
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 12, 10, 12)
    assert (bar.volume, bar.trade_count, bar.vwap) == (2, 2, 11)


def test_a_quiet_minute_closes_by_time_and_empty_minutes_make_no_bar():
    expander = Expander("/NQ", ["1"])
    expander.on_tick(tick(0))
    assert expander.on_time(T0 + MINUTE - 1) == []
    (bar,) = expander.on_time(T0 + MINUTE)
    assert bar.ts == T0 + MINUTE
    assert expander.on_time(T0 + 10 * MINUTE) == []
    (bar,) = expander.on_time(T0 + 10 * MINUTE) + expander.on_tick(tick(601)) + expander.on_tick(tick(660))
    assert bar.ts == T0 + 11 * MINUTE


def test_closing_by_time_or_by_print_gives_the_same_bar():
    by_print, by_time = Expander("/NQ", ["1"]), Expander("/NQ", ["1"])
    for expander in (by_print, by_time):
        expander.feed([tick(0, 5), tick(30, 6)])
    assert by_print.on_tick(tick(125)) == by_time.on_time(T0 + 2 * MINUTE)


def test_the_first_bar_is_complete_only_if_it_was_seen_from_its_start():
    first, second = Expander("/NQ", ["1"]).feed([tick(1), tick(61), tick(121)])
    assert (first.is_complete, second.is_complete) == (False, True)
    assert Expander("/NQ", ["1"]).feed([tick(0), tick(60)])[0].is_complete
    informed = Expander("/NQ", ["1"])
    informed.on_time(T0)
    assert informed.feed([tick(1), tick(60)])[0].is_complete


def test_bars_of_one_instant_come_out_smaller_timeframe_first_with_running_numbers():
    expander = Expander("/NQ", ["15", "3t", "1", "5"], seq=40)
    expander.feed([tick(0), tick(1)])
    bars = expander.on_tick(tick(900))
    assert [(bar.timeframe, bar.seq) for bar in bars] == [("1", 41), ("5", 42), ("15", 43), ("3t", 44)]


def test_bars_that_a_long_silence_ends_come_out_in_order_of_time():
    expander = Expander("/NQ", ["15", "1"])
    expander.on_tick(tick(600))
    assert [bar.ts for bar in expander.on_time(T0 + 3600 * S)] == [T0 + 660 * S, T0 + 900 * S]


def test_a_tick_bar_holds_exactly_n_prints_and_closes_with_the_last():
    bars = Expander("/NQ", ["3t"]).feed([tick(i, 100 + i) for i in range(7)])
    assert [(bar.open, bar.close, bar.trade_count) for bar in bars] == [(100, 102, 3), (103, 105, 3)]
    assert [(bar.ts_open, bar.ts) for bar in bars] == [(T0, T0 + 2 * S), (T0 + 3 * S, T0 + 5 * S)]


def test_tick_bars_begin_anew_with_the_session_and_the_short_one_says_so():
    start = eight_hours(T0).open
    ticks = [Tick(start + i * 1800 * S, "/NQ", 1.0 + i, 1.0) for i in range(20)]
    *bars, _ = Expander("/NQ", ["4t"], session=eight_hours).feed(ticks)
    assert [bar.trade_count for bar in bars] == [4, 4, 4, 2]
    short = bars[-1]
    assert not short.is_complete
    assert short.ts == start + 7 * 3600 * S
    assert all(bar.is_complete for bar in bars[:-1])


def test_the_day_runs_from_session_open_to_session_close():
    start = eight_hours(T0).open
    ticks = [Tick(start + i * 1800 * S, "/NQ", 1.0 + i, 1.0) for i in range(20)]
    (bar,) = Expander("/NQ", ["1d"], session=eight_hours).feed(ticks)
    assert (bar.ts_open, bar.ts, bar.trade_count) == (start, start + 7 * 3600 * S, 14)
    assert bar.is_complete


def test_a_print_between_two_sessions_belongs_to_the_coming_day():
    close = eight_hours(T0).close
    ticks = [Tick(ts, "/NQ", 1.0, 1.0) for ts in (close - S, close, close + 1800 * S, close + 3600 * S)]
    expander = Expander("/NQ", ["1d", "2t"], session=eight_hours)
    bars = expander.feed(ticks) + expander.flush()
    days = [bar for bar in bars if bar.timeframe == "1d"]
    assert [(bar.ts_open, bar.ts, bar.trade_count) for bar in days] == [
        (eight_hours(T0).open, close, 1),
        (close, close + 8 * 3600 * S, 3),
    ]
    assert [(bar.trade_count, bar.is_complete) for bar in bars if bar.timeframe == "2t"] == [
        (1, False), (2, True), (1, False),
    ]  # fmt: skip


def test_a_volume_bar_ends_with_the_print_that_reaches_it():
    bars = Expander("/NQ", ["100v"]).feed([tick(i, i, size) for i, size in enumerate([60, 39, 1, 250, 99])])
    assert [(bar.volume, bar.trade_count) for bar in bars] == [(100, 3), (250, 1)]


def test_excluded_prints_count_in_volume_but_not_in_the_prices():
    ticks = [tick(0, 10, 5), tick(1, 99, 7, conditions=0x20), tick(2, 11, 5), tick(60)]
    (bar,) = Expander("/NQ", ["1"], exclude=0x20 | 0x2000_0000).feed(ticks)
    assert (bar.open, bar.high, bar.low, bar.close) == (10, 11, 10, 11)
    assert (bar.volume, bar.trade_count, bar.vwap) == (17, 3, 10.5)


def test_excluded_prints_do_not_fill_a_tick_bar():
    ticks = [tick(0), tick(1, conditions=1), tick(2), tick(3, conditions=1), tick(4)]
    (bar,) = Expander("/NQ", ["3t"], exclude=1).feed(ticks)
    assert (bar.trade_count, bar.ts) == (5, T0 + 4 * S)


@pytest.mark.parametrize("way", ["feed", "on_tick"])
def test_a_flood_of_excluded_prints_leaves_the_count_of_a_tick_bar_right(way):
    ticks = [tick(i / 10, i, conditions=0 if i % 20 == 0 else 1) for i in range(9_000)]
    expander = Expander("/NQ", ["100t"], exclude=1)
    bars = expander.feed(ticks) if way == "feed" else [bar for each in ticks for bar in expander.on_tick(each)]
    assert [(bar.open, bar.close) for bar in bars] == [(0, 1980), (2000, 3980), (4000, 5980), (6000, 7980)]


def test_a_bar_of_excluded_prints_only_shows_them_and_is_not_complete():
    (bar,) = Expander("/NQ", ["1"], exclude=1).feed([tick(0, 7, 3, conditions=1), tick(60)])
    assert (bar.open, bar.close, bar.volume, bar.is_complete) == (7, 7, 3, False)
    assert math.isnan(bar.vwap)


def test_a_print_older_than_a_bar_given_out_changes_nothing_and_is_counted():
    expander = Expander("/NQ", ["1", "15"])
    expander.feed([tick(0, 10), tick(61, 11)])
    assert expander.on_tick(tick(30, 99)) == []
    assert expander.late == 1
    minute, quarter = expander.on_time(T0 + 900 * S)
    assert minute.high == 11
    assert quarter.high == 99  # the quarter of an hour was still open


def test_a_print_that_is_too_late_for_all_is_not_the_last_price():
    expander = Expander("/NQ", ["1"])
    expander.feed([tick(0, 10), tick(61, 11, bid=10.9), tick(30, 99, bid=98.0), tick(31, 99, bid=98.0)])
    (partial,) = expander.partials()
    assert (partial.ts, partial.close, partial.bid, partial.high_since) == (T0 + 61 * S, 11, 10.9, 11)
    assert expander.late == 2


def test_partials_coalesce_and_keep_what_happened_since_the_last():
    expander = Expander("/NQ", ["1", "144t"], seq=7)
    expander.feed([tick(0, 10), tick(1, 14), tick(2, 9), tick(3, 11, bid=10.5, ask=11.5)])
    minute, ticks = expander.partials(ts_recv=5)
    assert (minute.timeframe, minute.seq, ticks.timeframe, ticks.seq) == ("1", 8, "144t", 9)
    assert (ticks.open, ticks.high, ticks.low, ticks.close) == (10, 14, 9, 11)
    assert (ticks.high_since, ticks.low_since, ticks.bid, ticks.ask, ticks.ts_recv) == (14, 9, 10.5, 11.5, 5)
    assert ticks.fill == 4 / 144
    assert minute.fill == 3 / 60
    assert expander.partials() == []
    expander.on_tick(tick(4, 12))
    assert [(p.high, p.high_since, p.low_since) for p in expander.partials()] == [(14, 12, 12), (14, 12, 12)]


def test_a_level_touched_just_before_a_bar_ended_is_in_the_next_partial():
    expander = Expander("/NQ", ["1"])
    expander.feed([tick(0, 10)])
    expander.partials()
    expander.feed([tick(59, 20), tick(60, 11)])
    (partial,) = expander.partials()
    assert (partial.high, partial.high_since, partial.low_since) == (11, 20, 11)


def test_adding_and_removing_a_timeframe_leaves_the_others_alone():
    ticks = [tick(i * 7, 100 + i % 5) for i in range(200)]
    alone, shared = Expander("/NQ", ["144t"]), Expander("/NQ", ["144t"])
    expected = alone.feed(ticks)
    found = shared.feed(ticks[:50])
    shared.add("5Min")
    found += shared.feed(ticks[50:140])
    shared.remove("5")
    found += shared.feed(ticks[140:])
    assert [brute.values_of(bar) for bar in found if bar.timeframe == "144t"] == list(map(brute.values_of, expected))
    five = [bar for bar in found if bar.timeframe == "5"]
    assert [bar.is_complete for bar in five] == [False, True]


def test_a_timeframe_is_there_once_and_must_be_there_to_be_removed():
    expander = Expander("/NQ", ["1"])
    with pytest.raises(Conflict):
        expander.add("1m")
    with pytest.raises(NotFound):
        expander.remove("5")
    with pytest.raises(InvalidInput):
        expander.add("nonsense")


def test_a_gap_flags_the_forming_bar_and_what_begins_before_the_next_print():
    expander = Expander("/NQ", ["1"])
    expander.feed([tick(0), tick(10)])
    expander.gap()
    bars = expander.feed([tick(90), tick(121), tick(180)])
    assert [(bar.quality, bar.is_complete) for bar in bars] == [("gapped", False), ("built", False), ("built", True)]


def test_a_tick_bar_begun_after_a_gap_is_not_complete_even_if_none_was_forming():
    expander = Expander("/NQ", ["3t"])
    bars = expander.feed([tick(i) for i in range(6)])
    expander.gap()
    bars += expander.feed([tick(i) for i in range(10, 16)])
    assert [(bar.trade_count, bar.is_complete) for bar in bars] == [(3, False), (3, True), (3, False), (3, True)]


def test_a_print_taken_back_leaves_the_sums_of_a_forming_bar():
    expander = Expander("/NQ", ["1"])
    wrong = tick(2, 10.5, 100)
    expander.feed([tick(0, 10, 1), tick(1, 12, 2), wrong, tick(3, 9, 1), tick(4, 11, 4)])
    assert expander.correct(wrong) == []
    (bar,) = expander.on_time(T0 + MINUTE)
    (right,) = Expander("/NQ", ["1"]).feed([tick(0, 10, 1), tick(1, 12, 2), tick(3, 9, 1), tick(4, 11, 4), tick(60)])
    assert brute.values_of(bar) == brute.values_of(right)
    assert (bar.quality, bar.is_complete) == ("built", True)


def test_a_corrected_print_revises_the_bar_that_was_given_out():
    expander = Expander("/NQ", ["1", "1h"])
    wrong = tick(2, 10.5, 100)
    (bar,) = expander.feed([tick(0, 10), tick(1, 12), wrong, tick(3, 9), tick(4, 11), tick(60, 11)])
    (again,) = expander.correct(wrong, tick(2, 10.5, 10))
    assert (again.ts, again.quality, again.seq, again.is_complete) == (bar.ts, "revised", bar.seq + 1, True)
    assert (bar.volume, again.volume, again.trade_count) == (104, 14, 5)
    (hour,) = expander.on_time(T0 + 3600 * S)[1:]
    assert (hour.volume, hour.quality) == (15, "built")


@pytest.mark.parametrize("index", range(4))
def test_an_open_close_or_extreme_taken_back_puts_the_bar_in_doubt(index):
    ticks = [tick(0, 10), tick(1, 99), tick(2, 5), tick(3, 11)]
    expander = Expander("/NQ", ["1"])
    expander.feed([*ticks, tick(60, 11)])
    (again,) = expander.correct(ticks[index])
    assert (again.quality, again.is_complete, again.trade_count) == ("gapped", False, 3)


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_a_forming_bar_whose_open_close_or_extreme_was_taken_back_ends_in_doubt(index):
    ticks = [tick(0, 10), tick(1, 99), tick(2, 5), tick(3, 11)]
    expander = Expander("/NQ", ["1"])
    expander.feed(ticks)
    assert expander.correct(ticks[index]) == []
    (bar,) = expander.on_tick(tick(60, 11))
    assert (bar.quality, bar.is_complete, bar.trade_count) == ("gapped", False, 3)


def test_a_correction_beyond_what_is_kept_changes_nothing():
    expander = Expander("/NQ", ["1"])
    old = tick(0, 10)
    expander.feed([old, *(tick(60 * i, 10) for i in range(1, 8))])
    assert expander.correct(old) == []


def test_a_vendor_bar_passes_once_and_again_only_when_revised():
    expander = Expander("SPY", ["1"], seq=3)
    bar = Bar(T0 + MINUTE, "SPY", "1Min", T0, 1.0, 2.0, 0.5, 1.5, 100.0, source="vendor:schwab")
    (first,) = expander.on_bar(bar)
    assert (first.timeframe, first.quality, first.seq, first.source) == ("1", "vendor", 4, "vendor:schwab")
    assert expander.on_bar(bar) == []
    (again,) = expander.on_bar(Bar(T0 + MINUTE, "SPY", "1", T0, 1.0, 2.0, 0.5, 1.5, 130.0))
    assert (again.quality, again.seq, again.volume) == ("revised", 5, 130)


def test_expand_gives_each_bar_before_the_event_that_ended_it():
    events = [tick(0), tick(60), TimeAdvanced(T0 + 3 * MINUTE)]
    kinds = [type(event).__name__ for event in Expander("/NQ", ["1"]).expand(events)]
    assert kinds == ["Tick", "Bar", "Tick", "Bar", "TimeAdvanced"]


def test_a_snapshot_of_something_else_is_refused():
    data = Expander("/ES", ["1"]).snapshot()
    with pytest.raises(SnapshotIncompatible, match="/NQ"):
        Expander("/NQ", ["1"]).restore(data)
    with pytest.raises(SnapshotIncompatible):
        Expander("/NQ", ["1"]).restore(b"rubbish")


TIMEFRAMES = ["30s", "1", "5", "1h", "1d", "7t", "40v"]

prints = st.lists(
    st.tuples(
        st.integers(0, 400 * S),  # since the print before
        st.integers(-8, 8).map(lambda n: 100 + n / 4),
        st.sampled_from([0.0, 1.0, 2.0, 5.0, 0.1, 0.3, 37.0]),
        st.sampled_from([0, 0, 0, 1, 2]),
    ),
    max_size=120,
)


def to_ticks(steps):
    ts, out = T0, []
    for gap, price, size, conditions in steps:
        ts += gap
        out.append(Tick(ts, "/NQ", price, size, conditions=conditions))
    return out


@settings(max_examples=150, deadline=None)
@given(prints, st.lists(st.sampled_from(["feed", "ticks", "restart", "partials", "time"]), min_size=1, max_size=9))
def test_any_split_with_restarts_in_between_gives_the_same_bars(steps, ways):
    ticks = to_ticks(steps)
    expected = Expander("/NQ", TIMEFRAMES, session=eight_hours, exclude=1).feed(ticks)

    expander = Expander("/NQ", TIMEFRAMES, session=eight_hours, exclude=1)
    found, size = [], max(1, len(ticks) // len(ways))
    for index, at in enumerate(range(0, len(ticks), size)):
        part = ticks[at : at + size]
        way = ways[index % len(ways)]
        if way == "restart":
            data = expander.snapshot()
            expander = Expander("/NQ", TIMEFRAMES, session=eight_hours, exclude=1)
            expander.restore(data)
        elif way == "partials":
            expander.partials()
        elif way == "time" and at:
            found += expander.on_time(ticks[at - 1].ts)
        found += expander.feed(part) if way == "feed" else [bar for each in part for bar in expander.on_tick(each)]

    plain = [(bar.timeframe, bar.is_complete, brute.values_of(bar)) for bar in found]
    assert plain == [(bar.timeframe, bar.is_complete, brute.values_of(bar)) for bar in expected]


@settings(max_examples=150, deadline=None)
@given(prints, st.sampled_from([0, 1, 3]))
def test_bars_equal_a_brute_force_recomputation(steps, exclude):
    ticks = to_ticks(steps)
    expander = Expander("/NQ", TIMEFRAMES, session=eight_hours, exclude=exclude)
    bars = expander.feed(ticks) + expander.flush()
    plain = [(t.ts, t.price, t.size, not t.conditions & exclude) for t in ticks]
    expected = {
        "30s": brute.time_bars(plain, 30),
        "1": brute.time_bars(plain, 60),
        "5": brute.time_bars(plain, 300),
        "1h": brute.time_bars(plain, 3600),
        "1d": brute.day_bars(plain, eight_hours),
        "7t": brute.tick_bars(plain, 7, eight_hours),
        "40v": brute.volume_bars(plain, 40, eight_hours),
    }
    for timeframe, values in expected.items():
        assert [brute.values_of(bar) for bar in bars if bar.timeframe == timeframe] == values, timeframe


@settings(max_examples=50, deadline=None)
@given(prints)
def test_numbers_have_no_hole_and_time_never_runs_back(steps):
    expander = Expander("/NQ", TIMEFRAMES, session=eight_hours)
    out: list[Bar | PartialBar] = []
    for each in to_ticks(steps):
        out += [*expander.on_tick(each), *expander.partials()]
    assert [event.seq for event in out] == list(range(1, len(out) + 1))
    bars = [event.ts for event in out if isinstance(event, Bar)]
    assert bars == sorted(bars)


def test_a_late_print_gives_its_bar_once_more_but_makes_neither_open_nor_close():
    expander = Expander("/NQ", ["1", "5"], revises_late=True)
    (bar,) = expander.feed([tick(0, 10, 5), tick(59, 11, 5), tick(61, 12, 1)])
    (again,) = expander.on_tick(tick(30, 14, 3))
    assert (again.ts, again.quality, again.is_complete, again.seq) == (bar.ts, "revised", True, bar.seq + 1)
    assert (again.open, again.high, again.low, again.close, again.volume, again.trade_count) == (10, 14, 10, 11, 13, 3)
    assert again.vwap == (10 * 5 + 11 * 5 + 14 * 3) / 13
    assert expander.late == 1
    (five,) = expander.on_time(T0 + 5 * MINUTE)[-1:]
    assert (five.timeframe, five.high, five.trade_count) == ("5", 14, 4)


def test_the_last_prints_of_a_bar_that_were_slow_on_their_way_close_it_all_the_same():
    """The clock had ended the bar meanwhile."""
    prints = [tick(0, 10, 5), tick(10, 11, 5), tick(40, 12, 1), tick(50, 13, 2), tick(50, 9, 2), tick(61, 14, 1)]
    expander = Expander("/NQ", ["1", "5"], revises_late=True)
    expander.feed(prints[:2])
    expander.on_time(T0 + 63 * S)
    (*_, again) = expander.feed(prints[2:5])
    (whole,) = Expander("/NQ", ["1"]).feed(prints)
    assert (again.open, again.high, again.low, again.close) == (whole.open, whole.high, whole.low, whole.close)
    assert (again.volume, again.trade_count, again.quality) == (whole.volume, whole.trade_count, "revised")
    (older,) = expander.feed([tick(45, 10.5, 1)])
    assert older.close == 9


@pytest.mark.parametrize("timeframe", ["3t", "3v"])
def test_bars_of_n_prints_never_share_time_though_late_prints_begin_or_end_them(timeframe):
    expander = Expander("/NQ", [timeframe])
    prints = [tick(at) for at in (1, 2, 3, 2.5, 4, 5, 6, 7, 3.5, 6.5, 6.6, 8, 9, 10, 11)]
    bars = expander.feed(prints)
    assert len(bars) == 5
    assert all(bar.ts_open <= bar.ts for bar in bars)
    assert all(one.ts <= other.ts_open for one, other in pairwise(bars))


def test_without_being_asked_to_a_late_print_is_only_counted():
    expander = Expander("/NQ", ["1"])
    expander.feed([tick(0, 10), tick(61, 12)])
    assert expander.on_tick(tick(30, 14)) == []
    assert expander.late == 1


def test_a_late_print_of_a_bar_long_given_out_is_only_counted():
    expander = Expander("/NQ", ["1"], revises_late=True)
    expander.feed([tick(minute * 60 + 1, 10) for minute in range(9)])
    assert expander.on_tick(tick(2, 14)) == []
    assert expander.late == 1


def test_a_loss_that_shows_afterwards_takes_back_the_bars_given_out_since():
    expander = Expander("/NQ", ["10s", "3t"])
    given = expander.feed([tick(second, 10 + second) for second in range(40)])
    again = expander.gap(since=T0 + 21 * S)
    assert {(bar.timeframe, bar.ts) for bar in again} == {
        (bar.timeframe, bar.ts) for bar in given if bar.ts > T0 + 21 * S
    }
    assert all(bar.quality == "gapped" and not bar.is_complete for bar in again)
    assert [bar.seq for bar in again] == list(range(given[-1].seq + 1, given[-1].seq + 1 + len(again)))
    assert expander.gap(since=T0 + 21 * S) == []
    (forming,) = [bar for bar in expander.on_time(T0 + 40 * S) if bar.timeframe == "10s"]
    assert (forming.quality, forming.is_complete) == ("gapped", False)


def test_a_timeframe_whose_bars_the_vendor_makes_forms_and_ends_without_a_word():
    plain = Expander("SPY", ["1", "90s"], quality="sampled")
    expander = Expander("SPY", ["1", "90s"], quality="sampled", passed=frozenset({"1"}))
    ticks = [Tick(T0 + at * 7_000_000_000, "SPY", 100.0 + at % 5, 1.0) for at in range(60)]
    made = [bar for tick in ticks for bar in expander.on_tick(tick)]
    assert [bar.timeframe for bar in made] == ["90s"] * 4
    assert {bar.quality for bar in made} == {"sampled"}
    assert [bar.seq for bar in made] == [1, 2, 3, 4]
    plain.feed(ticks)
    ours, theirs = expander.partials(), plain.partials()
    assert [(each.timeframe, each.ts_open, each.close, each.volume) for each in ours] == [
        (each.timeframe, each.ts_open, each.close, each.volume) for each in theirs
    ]
    (bar,) = expander.on_bar(Bar(T0 + MINUTE, "SPY", "1", T0, 1.0, 2.0, 0.5, 1.5, 120.0, quality="vendor"))
    assert (bar.quality, bar.seq) == ("vendor", 7)


@pytest.mark.parametrize("timeframes", [["1", "100v"], ["1", "2t"], ["1", "5"]])
def test_time_that_ends_nothing_leaves_no_trace_while_bars_form(timeframes):
    looked_at, left_alone = Expander("/NQ", timeframes), Expander("/NQ", timeframes)
    for expander in (looked_at, left_alone):
        expander.on_tick(tick(0, 10))
        expander.gap()
        expander.on_tick(tick(1, 10))
        if "2t" in timeframes:
            expander.on_tick(tick(2, 10))
            expander.on_tick(tick(3, 10))
    for seconds in (4, 30, 59):
        assert looked_at.on_time(T0 + seconds * S) == []
    assert looked_at.snapshot() == left_alone.snapshot()


def test_bars_that_were_forgotten_are_not_corrected_any_more():
    ticks = [tick(0, 10), tick(1, 99), tick(2, 5), tick(61, 11)]
    expander, forgetful = Expander("/NQ", ["1"]), Expander("/NQ", ["1"])
    for each in (expander, forgetful):
        each.feed(ticks)
    forgetful.forget_given()
    assert [bar.quality for bar in expander.correct(ticks[1])] == ["gapped"]
    assert forgetful.correct(ticks[1]) == []
