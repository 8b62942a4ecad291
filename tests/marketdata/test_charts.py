"""The chart's state: which events move it, and what a page gets of it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.indicators.frame import IndicatorFrame
from engine.indicators.spec import parse
from engine.model.market import Bar, PartialBar
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata import charts
from marketdata.charts import Chart, encode
from marketdata.lines import IndicatorLines, is_on_price

START = 1_700_000_040 * NS_PER_S // NS_PER_MINUTE * NS_PER_MINUTE
EMA = ("ema(close,3)",)


def bar(number: int, close: float = 100.0, *, seq: int = 0) -> Bar:
    opened = START + number * NS_PER_MINUTE
    return Bar(
        ts=opened + NS_PER_MINUTE, symbol="SPY", timeframe="1", ts_open=opened,
        open=close, high=close + 1, low=close - 1, close=close, volume=10.0, trade_count=3, seq=seq,
    )  # fmt: skip


def partial(number: int, close: float, *, second: int = 30, seq: int = 0, fill: float = 0.5) -> PartialBar:
    opened = START + number * NS_PER_MINUTE
    return PartialBar(
        ts=opened + second * NS_PER_S, symbol="SPY", timeframe="1", ts_open=opened,
        open=close, high=close, low=close, close=close, volume=1.0, trade_count=1,
        high_since=close, low_since=close, fill=fill, seq=seq,
    )  # fmt: skip


def chart(*specs: str) -> Chart:
    return Chart("SPY", "1", specs, IndicatorLines)


def test_a_bar_that_comes_twice_is_taken_once():
    shown = chart()
    assert shown.on_bar(bar(0, seq=4))
    assert not shown.on_bar(bar(0, seq=4))
    assert shown.closed == 1


def test_a_bar_that_comes_again_changed_is_not_drawn_behind_the_last():
    shown = chart()
    for number in range(3):
        shown.on_bar(bar(number, seq=number + 1))
    late = msgspec.structs.replace(bar(1, 90.0, seq=4), quality="revised")
    assert shown.is_again(late)
    assert not shown.on_bar(late)
    assert [each.close for each in shown.history(sent=0.0).bars] == [100.0, 100.0, 100.0]
    first_time = msgspec.structs.replace(bar(3, 90.0, seq=5), quality="gapped")
    assert not shown.is_again(first_time)
    assert shown.on_bar(first_time)


def test_a_partial_of_a_bar_that_has_closed_is_ignored():
    shown = chart()
    shown.on_bar(bar(0, seq=9))
    assert not shown.on_partial(partial(0, 99.0, seq=8))
    assert shown.on_partial(partial(1, 99.0, seq=10))


def test_a_late_print_after_the_close_still_moves_the_next_bar():
    shown = chart()
    shown.on_bar(bar(0, seq=9))
    assert shown.on_partial(partial(0, 99.0, second=59, seq=10))


def test_a_feed_that_lost_its_numbers_goes_on_by_time():
    shown = chart()
    shown.on_bar(bar(0, seq=5_000))
    assert shown.on_bar(bar(1, seq=1))


def test_the_forming_bar_goes_when_it_closes():
    shown = chart()
    shown.on_partial(partial(0, 99.0, seq=1))
    shown.on_bar(bar(0, seq=2))
    assert shown.forming is None


def test_lines_are_the_engines_own_values_bit_for_bit():
    closes = [100.0, 101.5, 99.25, 102.0, 103.75, 101.0]
    shown, frame = chart("ema(close,3)"), IndicatorFrame(EMA)
    for number, close in enumerate(closes):
        shown.on_bar(bar(number, close))
        frame.append(bar(number, close))
    values = [row.values[0] for row in shown.history(sent=0.0).bars]
    assert values[-4:] == frame.column(EMA[0])[-4:]
    assert values[0] is None


def test_the_forming_bars_lines_are_what_its_close_would_give_and_leave_no_trace():
    shown, other = chart(*EMA), chart(*EMA)
    for number in range(5):
        shown.on_bar(bar(number, 100.0 + number))
        other.on_bar(bar(number, 100.0 + number))
    shown.on_partial(partial(5, 200.0))
    assert shown.forming is not None
    provisional = shown.forming.values
    for each in (shown, other):
        each.on_bar(bar(5, 200.0))
    rows = [each.history(sent=0.0).bars[-1].values for each in (shown, other)]
    assert provisional == rows[0] == rows[1]


def test_what_cannot_be_known_is_null_in_json():
    shown = chart(*EMA)
    shown.on_bar(bar(0))
    shown.on_partial(partial(1, 100.0, fill=float("nan")))
    document = json.loads(encode(shown.history(sent=0.0)))
    assert document["kind"] == "history"
    assert document["bars"][0]["values"] == [None]
    assert document["forming"]["fill"] is None
    assert document["lines"] == [{"spec": "ema(close,3)", "label": "EMA 3"}]


def test_a_viewer_too_far_behind_cannot_catch_up_bar_by_bar(monkeypatch):
    monkeypatch.setattr(charts, "MAX_BARS", 3)
    shown = Chart("SPY", "1", (), IndicatorLines)
    for number in range(6):
        shown.on_bar(bar(number, 100.0 + number))
    assert shown.bars_since(2) is None
    assert [row.time_open for row in shown.bars_since(4) or []] == [
        charts.milliseconds(bar(4).ts_open),
        charts.milliseconds(bar(5).ts_open),
    ]
    assert shown.bars_since(6) == []


@given(st.lists(st.integers(min_value=0, max_value=30), max_size=60))
def test_whatever_comes_in_whatever_order_bars_only_go_forward(numbers):
    shown = chart()
    for number in numbers:
        shown.on_bar(bar(number))
    times = [row.time for row in shown.history(sent=0.0).bars]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("ema(close,9)", True), ("ema(volume,9)", False), ("slope(ema(close,9),3)", False), ("sma(ema(close,9),3)", True)],
)
def test_only_prices_are_drawn_over_the_candles(spec, expected):
    assert is_on_price(parse(spec)) is expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("ema(close,9)", "EMA 9"), ("ema(hl2,9)", "EMA hl2 9"), ("slope(ema(close,9),3)", "SLOPE EMA 9 3")],
)
def test_labels_are_short_and_leave_out_the_close(spec, expected):
    assert charts.label(spec) == expected
