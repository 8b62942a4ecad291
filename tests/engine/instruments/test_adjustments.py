"""Splits change how history is read, never what is stored."""

from datetime import date, time

import numpy as np
import pytest

from engine.bars.columns import BarColumns, adjusted
from engine.errors import InvalidInput
from engine.instruments.adjustments import Adjustments, Factor, Split
from engine.instruments.sessions import from_new_york


def daily(*days):
    ts = np.array([from_new_york(day, time(9, 30)) for day in days])
    price = np.full(len(days), 280.0)
    volume = np.full(len(days), 1000.0)
    return BarColumns(
        "AAPL", "1d", ts, ts + 1, price, price, price, price, volume, volume.astype(int), price, price == price
    )


APPLE = Adjustments.from_splits([Split(date(2014, 6, 9), 7.0), Split(date(2020, 8, 31), 4.0)])


def test_prices_before_a_split_are_divided_and_volume_multiplied():
    bars = daily(date(2014, 6, 6), date(2014, 6, 9), date(2020, 8, 28), date(2020, 8, 31))
    found = adjusted(bars, APPLE)
    assert found.close == pytest.approx([10, 70, 70, 280])
    assert found.volume == pytest.approx([28_000, 4_000, 4_000, 1_000])
    assert bars.close.tolist() == [280.0] * 4


def test_dividends_count_only_when_asked_for():
    factors = Adjustments([Factor(date(2020, 1, 1), 0.5, 0.9)])
    bars = daily(date(2020, 1, 1), date(2020, 1, 2))
    assert adjusted(bars, factors).close == pytest.approx([140, 280])
    assert adjusted(bars, factors, with_dividends=True).close == pytest.approx([126, 280])
    assert adjusted(bars, factors, with_dividends=True).volume == pytest.approx([2000, 1000])


def test_a_ratio_must_be_positive():
    with pytest.raises(InvalidInput, match="ratio"):
        Adjustments.from_splits([Split(date(2020, 1, 1), 0.0)])
