import math

import numpy as np
import pytest

from engine.errors import InvalidInput
from engine.indicators.recurrence import INDICATORS, Indicator
from engine.indicators.table import ColumnCache, compute
from tests.engine.indicators.sample_bars import sample_columns

COLUMNS = sample_columns(120, dead=False)


def test_columns_are_named_by_the_spec_as_it_was_written():
    table = compute(COLUMNS, ["ema(close,9)", "ema( 9 )", "supertrend(10,3)", "macd(12,26,9).signal", "hl2"])
    names = ["ema(close,9)", "ema( 9 )", "supertrend(10,3).line", "supertrend(10,3).direction", "macd(12,26,9).signal"]
    assert list(table) == [*names, "hl2"]
    np.testing.assert_array_equal(table["ema(close,9)"], table["ema( 9 )"])


def test_the_input_may_be_read_only_and_of_another_type():
    close = np.round(COLUMNS["close"]).astype(np.int32)
    close.flags.writeable = False
    expected = compute({"close": close.astype(float)}, ["ema(9)"])["ema(9)"]
    np.testing.assert_array_equal(compute({"close": close}, ["ema(9)"])["ema(9)"], expected)


def test_a_missing_column_is_named():
    with pytest.raises(InvalidInput, match="no column 'volume'; it has: close"):
        compute({"close": COLUMNS["close"]}, ["relative_volume(20)"])


def test_a_column_is_computed_once_however_many_ask():
    cache = ColumnCache(COLUMNS)
    first = cache.column("ema(close,9)")
    slope = cache.column("slope(ema(close,9),3)")
    assert cache.column("ema(9)") is first
    assert cache.computations == {"ema(close,9)": 1, "slope(ema(close,9),3)": 1}
    assert cache.hits == 2
    assert not np.isnan(slope[-1])


def test_only_outputs_that_are_asked_for_are_kept_and_others_can_follow():
    cache = ColumnCache(COLUMNS)
    direction = cache.column("supertrend(10,3).direction")
    line = cache.column("supertrend(10,3).line")
    assert set(direction[20:]) <= {1.0, -1.0}
    np.testing.assert_array_equal(line, compute(COLUMNS, ["supertrend(10,3)"])["supertrend(10,3).line"])


def test_sessions_come_from_a_column_or_from_the_time():
    given = compute({**COLUMNS, "session": np.zeros(120)}, ["session_vwap().value"])["session_vwap().value"]
    made = compute(COLUMNS, ["session_vwap().value"], session_of=lambda ts: 0)["session_vwap().value"]
    np.testing.assert_array_equal(given, made)
    assert not np.array_equal(made, compute(COLUMNS, ["session_vwap().value"])["session_vwap().value"])


def test_session_vwap_begins_again_with_each_session():
    sessions = np.repeat([1.0, 2.0], 60)
    vwap = compute({**COLUMNS, "session": sessions}, ["session_vwap().value"])["session_vwap().value"]
    alone = compute({n: v[60:] for n, v in COLUMNS.items()}, ["session_vwap().value"], session_of=lambda ts: 0)
    np.testing.assert_array_equal(vwap[60:], alone["session_vwap().value"])


def test_fewer_rows_than_the_warmup_give_nan():
    table = compute({n: v[:5] for n, v in COLUMNS.items()}, ["supertrend(10,3)", "rsi(14)", "ema(close,6)"])
    assert all(np.isnan(values).all() and len(values) == 5 for values in table.values())


def test_no_rows_give_no_values():
    assert len(compute({"close": np.array([])}, ["ema(close,9)"])["ema(close,9)"]) == 0


@pytest.mark.parametrize("value", [0.0, 0.1, 5000.1])
def test_a_dead_market_gives_no_noise(value):
    """All prices equal, nothing traded, after something did: no division by rounding residue."""
    dead = {name: np.concatenate((values, np.full(200, value))) for name, values in sample_columns(120).items()}
    dead["volume"][120:] = 0.0
    dead["ts"] = sample_columns(320)["ts"]
    specs = ["stdev(20)", "bollinger(20).percent_b", "cci(14)", "rsi(14,average=sma)", "mfi(14)", "fast_k(14)"]
    specs = [s.replace("fast_k(14)", "fast_k(close,high,low,14)") for s in specs]
    last = {name: values[-1] for name, values in compute(dead, [*specs, "vwma(20)", "choppiness(14)"]).items()}
    expected = [0.0, 0.5, 0.0, 50.0, 50.0, 0.0, value, 100.0]
    assert list(last.values()) == pytest.approx(expected, abs=1e-12)


def test_running_sums_do_not_drift():
    rng = np.random.default_rng(3)
    close = np.concatenate((rng.normal(1e9, 1e8, 5000), rng.normal(1.0, 0.1, 5000)))
    table = compute({"close": close}, ["sma(close,50)", "wma(close,50)", "stdev(close,50)", "sum(close,50)"])
    window = close[-50:]
    weights = np.arange(1, 51)
    expected = [window.mean(), (window * weights).sum() / weights.sum(), window.std(), window.sum()]
    assert [values[-1] for values in table.values()] == pytest.approx(expected, rel=1e-12)


def test_a_step_that_cannot_be_compiled_is_interpreted_with_the_same_result():
    table = {1.0: 2.0}

    def odd(close: float) -> float:
        """Looks something up, which compiled code cannot."""
        return table.get(close, math.sqrt(close))

    planted = Indicator(
        "odd",
        odd,
        inputs=("close",),
        sources={"close": "close"},
        init=None,
        warmup=1,
        outputs=(),
        check=None,
        sparse=(),
    )
    with INDICATORS.register_temporarily("odd", planted):
        found = compute(COLUMNS, ["sma(odd(close),3)"])["sma(odd(close),3)"]
    expected = compute({"close": np.sqrt(COLUMNS["close"])}, ["sma(close,3)"])["sma(close,3)"]
    np.testing.assert_array_equal(found, expected)


def test_a_derived_price_that_is_given_is_used_as_it_is():
    given = {**COLUMNS, "hl2": COLUMNS["close"]}
    found = compute(given, ["ema(hl2,5)", "supertrend(10,3).line"])
    np.testing.assert_array_equal(found["ema(hl2,5)"], compute(COLUMNS, ["ema(close,5)"])["ema(close,5)"])
    other = compute(COLUMNS, ["supertrend(close,close,10,3).line"])["supertrend(close,close,10,3).line"]
    np.testing.assert_array_equal(found["supertrend(10,3).line"], other)


def test_sources_may_all_be_numbers():
    assert list(compute({"close": COLUMNS["close"][:3]}, ["product(2,3)"])["product(2,3)"]) == [6.0, 6.0, 6.0]


def test_keltner_takes_its_range_over_the_same_period_unless_told_otherwise():
    table = compute(COLUMNS, ["keltner(10,2).upper", "keltner(10,2,10).upper"])
    short, full = table.values()
    np.testing.assert_array_equal(short, full)
