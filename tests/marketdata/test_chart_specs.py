"""The lines of a strategy on the chart it trades."""

from itertools import pairwise

import pytest

from engine.indicators.spec import parse
from marketdata.chart_specs import line_specs
from marketdata.charts import Chart
from marketdata.lines import IndicatorLines
from strategies.registry import deciding
from strategies.services import create_ticker
from tests.contracts.strategy_checks import TUNED, sample_bars

pytestmark = pytest.mark.django_db


def drawn(strategy, **params):
    """The specs, and the values over the sample bars."""
    create_ticker(user=None, strategy=strategy, symbol="SPY", timeframe="1", params=params)
    specs = line_specs(symbol="SPY", timeframe="1")
    chart = Chart("SPY", "1", specs, IndicatorLines)
    for bar in sample_bars():
        chart.on_bar(bar)
    rows = chart.history(sent=0.0).bars
    return [parse(spec) for spec in specs], [row.values for row in rows], [row.close for row in rows]


def test_trend_reversal_shows_its_three_averages():
    specs, values, _ = drawn("triple_ema")
    averages = {spec.output: place for place, spec in enumerate(specs) if spec.name == "triple_ema"}
    assert set(averages) == {"fast", "medium", "slow"}
    last = [values[-1][place] for place in averages.values()]
    assert None not in last
    assert len(set(last)) == 3


def test_supertrend_shows_its_line_which_moves_and_is_never_loosened_while_its_side_holds():
    specs, values, closes = drawn("supertrend", **TUNED["supertrend"])
    assert [(spec.name, spec.output) for spec in specs] == [("supertrend", "line")]
    stops = [(row[0], close) for row, close in zip(values, closes, strict=True) if row[0] is not None]
    assert len({stop for stop, _ in stops}) > 20
    for (before, last), (now, close) in pairwise(stops):
        if close > now and last > before:
            assert now >= before
        elif close < now and last < before:
            assert now <= before


@pytest.mark.parametrize("strategy", deciding())
def test_every_line_of_every_strategy_is_near_the_price(strategy):
    """A side of ±1 or a count of bars among prices of 100 would press the candles into a stripe."""
    specs, values, closes = drawn(strategy, **TUNED.get(strategy, {}))
    assert not [str(spec) for spec in specs if spec.is_price]
    for row, close in zip(values, closes, strict=True):
        assert all(value is None or abs(value / close - 1) < 0.2 for value in row), [str(spec) for spec in specs]
