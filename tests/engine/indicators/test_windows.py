"""Running forms against their definitions, over whatever numbers come."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.indicators.frame import IndicatorFrame
from engine.indicators.table import compute
from engine.model.market import Bar

# Few distinct values make ties; halves are exact in binary, so sums must be exact too.
values = st.lists(st.integers(-20, 20).map(lambda n: n / 2), min_size=1, max_size=60)
periods = st.integers(1, 12)


def appended(spec: str, numbers: list[float]) -> list[float]:
    frame = IndicatorFrame([spec])
    for i, x in enumerate(numbers):
        frame.append(Bar(i + 1, "X", "1", i, x, x, x, x, abs(x)))
    return frame.column(spec)


def windows(numbers: list[float], period: int) -> list[np.ndarray]:
    return [np.array(numbers[i - period + 1 : i + 1]) for i in range(period - 1, len(numbers))]


@settings(max_examples=60, deadline=None)
@given(values, periods)
def test_extremes_are_those_of_the_window(numbers, period):
    expected = windows(numbers, period)
    assert appended(f"highest(close,{period})", numbers)[period - 1 :] == [w.max() for w in expected]
    assert appended(f"lowest(close,{period})", numbers)[period - 1 :] == [w.min() for w in expected]


@settings(max_examples=60, deadline=None)
@given(values, periods)
def test_sums_and_spreads_are_those_of_the_window(numbers, period):
    expected = windows(numbers, period)
    assert appended(f"sum(close,{period})", numbers)[period - 1 :] == [w.sum() for w in expected]
    found = appended(f"stdev(close,{period})", numbers)[period - 1 :]
    np.testing.assert_allclose(found, [w.std() for w in expected], atol=1e-6)
    found = appended(f"wma(close,{period})", numbers)[period - 1 :]
    weights = np.arange(1, period + 1)
    np.testing.assert_allclose(found, [(w * weights).sum() / weights.sum() for w in expected], atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 1e5), st.sampled_from(["ema", "wilder", "sma", "wma", "hma"]))
def test_averages_of_a_market_that_stands_still_do_not_part(price, average):
    spec = f"{average}(close,9)"
    found = appended(spec, [price] * 60)[-30:]
    if average in ("ema", "wilder", "sma"):
        assert found == [price] * 30
    else:
        np.testing.assert_allclose(found, price, rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(values, periods)
def test_appending_equals_scanning_over_whatever_numbers_come(numbers, period):
    close = np.array(numbers)
    columns = {"open": close, "high": close, "low": close, "close": close, "volume": np.abs(close)}
    for spec in (f"rsi({period})", f"vwma({period + 1})", f"percentile_rank(close,{period})", f"cci({period + 1})"):
        found = np.array(appended(spec, numbers))
        np.testing.assert_array_equal(found.view(np.int64), compute(columns, [spec])[spec].view(np.int64))
