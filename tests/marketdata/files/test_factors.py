"""Splits read from a factor file make a long history of one price scale."""

from datetime import date

import numpy as np
import pytest

from engine.bars.columns import adjusted
from engine.errors import InvalidInput
from marketdata.files.bars import read_bars
from marketdata.files.factors import read_factors

ROWS = """symbol,date,price_factor,split_factor,ref_price
X,20200110,0.9,0.25,1
X,2020-06-30,0.95,1.0,1
Y,20200101,1,0.5,1
"""


def test_a_row_holds_up_to_and_including_its_date(tmp_path):
    (tmp_path / "factors.csv").write_text(ROWS)
    found = read_factors(tmp_path / "factors.csv", "X")
    days = [date(2019, 1, 1), date(2020, 1, 10), date(2020, 1, 11), date(2020, 6, 30), date(2020, 7, 1)]
    assert [(found.factor(day).split, found.factor(day).dividend) for day in days] == [
        (0.25, 0.9), (0.25, 0.9), (1.0, 0.95), (1.0, 0.95), (1.0, 1.0),
    ]  # fmt: skip


def test_what_is_no_factor_file_is_refused(tmp_path):
    (tmp_path / "factors.csv").write_text("symbol,date\nX,20200101\n")
    with pytest.raises(InvalidInput, match="price_factor"):
        read_factors(tmp_path / "factors.csv", "X")


def test_apple_has_no_jump_left_at_its_splits(shared_data):
    bars = read_bars(shared_data / "equity_bars_1d.parquet", "AAPL", time_is="open", timeframe="1d")
    smooth = adjusted(bars, read_factors(shared_data / "equity_split_dividend_factors.csv", "AAPL"))
    days = bars.ts_open.astype("datetime64[ns]").astype("datetime64[D]")
    for split, ratio in (("2014-06-09", 7), ("2020-08-31", 4)):
        at = int(np.searchsorted(days, np.datetime64(split)))
        assert bars.close[at - 1] / bars.open[at] == pytest.approx(ratio, rel=0.05)
        assert smooth.close[at - 1] / smooth.open[at] == pytest.approx(1, abs=0.05)
        assert smooth.volume[at - 1] == pytest.approx(bars.volume[at - 1] * (28 if ratio == 7 else 4), rel=1e-4)
    assert smooth.close[-1] == bars.close[-1]
