"""Bars from files: what a stamp means, which timeframe it is, and a round trip through both formats."""

import numpy as np
import pytest

from engine.errors import InvalidInput
from engine.instruments.sessions import session_of
from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata.files.bars import read_bars
from marketdata.files.build import build_bars, write_bars

OPEN = 1_381_152_600 * NS_PER_S  # 2013-10-07 13:30 UTC
MINUTES = "".join(f"2013-10-07T13:{30 + i}:00Z,{i},{i + 2},{i - 1},{i + 1},{i * 10}\n" for i in (0, 1, 2, 5))


def minutes(tmp_path, header="ts"):
    path = tmp_path / "x.csv"
    path.write_text(f"{header},open,high,low,close,volume\n{MINUTES}")
    return path


def test_a_stamp_whose_meaning_is_unknown_is_asked_for(tmp_path):
    with pytest.raises(InvalidInput, match="--time-is open") as caught:
        read_bars(minutes(tmp_path), "SPY")
    assert caught.value.field == "time_is"
    with pytest.raises(InvalidInput, match="open or close"):
        read_bars(minutes(tmp_path), "SPY", time_is="middle")


def test_bars_stamped_at_their_open_are_stamped_at_their_close(tmp_path):
    bars = read_bars(minutes(tmp_path), "SPY", time_is="open")
    assert (bars.symbol, bars.timeframe, len(bars)) == ("SPY", "1", 4)
    assert bars.ts_open[0] == OPEN
    assert bars.ts[0] == OPEN + NS_PER_MINUTE
    assert (bars.open[1], bars.high[1], bars.low[1], bars.close[1], bars.volume[1]) == (1, 3, 0, 2, 10)


def test_bars_stamped_at_their_close_keep_it(tmp_path):
    bars = read_bars(minutes(tmp_path), "SPY", time_is="close")
    assert (bars.ts[0], bars.ts_open[0]) == (OPEN, OPEN - NS_PER_MINUTE)


@pytest.mark.parametrize(("header", "close"), [("open_time", OPEN + NS_PER_MINUTE), ("close_time", OPEN)])
def test_a_column_that_says_what_it_is_needs_no_word(tmp_path, header, close):
    assert read_bars(minutes(tmp_path, header), "SPY").ts[0] == close


def test_a_given_timeframe_overrules_what_the_gaps_suggest(tmp_path):
    bars = read_bars(minutes(tmp_path), "SPY", time_is="open", timeframe="5Min")
    assert (bars.timeframe, bars.ts[0]) == ("5", OPEN + 5 * NS_PER_MINUTE)


def test_one_bar_does_not_tell_its_timeframe(tmp_path):
    (tmp_path / "x.csv").write_text("ts,open,high,low,close\n1,1,1,1,1\n")
    with pytest.raises(InvalidInput, match="timeframe"):
        read_bars(tmp_path / "x.csv", "SPY", time_is="open")
    bars = read_bars(tmp_path / "x.csv", "SPY", time_is="open", timeframe="1h")
    assert (bars.volume.tolist(), bars.trade_count.tolist()) == ([0.0], [0])
    assert np.isnan(bars.vwap[0])


def test_days_end_with_their_session(tmp_path):
    (tmp_path / "x.csv").write_text("date,open,high,low,close\n2026-11-25,1,1,1,1\n2026-11-27,1,1,1,1\n")
    bars = read_bars(
        tmp_path / "x.csv", "SPY", time_is="open", timeframe="1d", timezone="America/New_York",
        session=session_of("XNYS"),
    )  # fmt: skip
    hours = (bars.ts - bars.ts_open) / (3600 * NS_PER_S)
    assert hours.tolist() == [6.5, 3.5]  # the day after Thanksgiving ends at one


def test_the_range_is_open_at_its_start_and_closed_at_its_end(tmp_path):
    bars = read_bars(
        minutes(tmp_path), "SPY", time_is="close", start=OPEN, end=OPEN + 2 * NS_PER_MINUTE
    )  # fmt: skip
    assert bars.ts.tolist() == [OPEN + NS_PER_MINUTE, OPEN + 2 * NS_PER_MINUTE]


def test_an_option_is_found_by_any_spelling(tmp_path):
    rows = "".join(
        f"2021-01-04T14:30:00Z,SPXW,20210104,{right},{strike},1,1,1,{strike},5\n"
        for right in "CP"
        for strike in (3700.0, 3705.0)
    )
    path = tmp_path / "x.csv"
    path.write_text("ts,symbol,expiry,right,strike,open,high,low,close,volume\n" + rows)
    for spelling in ("SPXW  210104P03705000", ".SPXW210104P3705", "O:SPXW210104P03705000"):
        bars = read_bars(path, spelling, time_is="open", timeframe="1")
        assert (bars.symbol, bars.close.tolist()) == ("SPXW  210104P03705000", [3705.0])
    with pytest.raises(InvalidInput, match="options"):
        read_bars(path, "SPXW", time_is="open", timeframe="1")
    with pytest.raises(InvalidInput, match="no row"):
        read_bars(path, "SPXW  210104P03000000", time_is="open", timeframe="1")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("timeframe", ["1", "3t"])
def test_bars_come_back_from_a_file_to_the_last_bit(tmp_path, suffix, timeframe):
    rows = "".join(f"{OPEN + i * 17 * NS_PER_S + i},{100 + i / 7!r},{i % 4}\n" for i in range(50))
    (tmp_path / "ticks.csv").write_text("ts,price,size\n" + rows)
    bars = build_bars(tmp_path / "ticks.csv", timeframe, "SPY")
    out = tmp_path / f"bars{suffix}"
    write_bars(bars, out)
    again = read_bars(out)
    assert (again.symbol, again.timeframe) == ("SPY", timeframe)
    for name in ("ts_open", "ts", "open", "high", "low", "close", "volume", "trade_count", "vwap"):
        assert np.array_equal(getattr(again, name), getattr(bars, name), equal_nan=True), name
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_csv_has_the_columns_and_spellings_that_were_promised(tmp_path):
    (tmp_path / "ticks.csv").write_text(f"ts,price,size\n{OPEN + 1},10.5,2\n{OPEN + 2},11,0\n")
    write_bars(build_bars(tmp_path / "ticks.csv", "1Min", "SPY"), tmp_path / "bars.csv")
    assert (tmp_path / "bars.csv").read_text().splitlines() == [
        "ts_open,ts,symbol,timeframe,open,high,low,close,volume,trade_count,vwap",
        "2013-10-07T13:30:00.000000000Z,2013-10-07T13:31:00.000000000Z,SPY,1,10.5,11,10.5,11,2,2,10.5",
    ]


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "ticks.csv").write_text("ts,price\n1,1\n")
    with pytest.raises(InvalidInput, match="out"):
        write_bars(build_bars(tmp_path / "ticks.csv", "1", "SPY"), tmp_path / "bars.xls")


def test_prints_are_no_bars(tmp_path):
    (tmp_path / "ticks.csv").write_text("ts,price\n1,1\n")
    with pytest.raises(InvalidInput, match="prints"):
        read_bars(tmp_path / "ticks.csv", "SPY")
