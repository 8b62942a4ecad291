"""Prints from files: columns by name or by map, times to the nanosecond, one symbol of many, clear refusals."""

import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.errors import InvalidInput, NotFound
from marketdata.files.ticks import iter_ticks, read_ticks

TS = 1_381_152_600_123_456_789


def write(path, text):
    path.write_text(text)
    return path


def test_nanoseconds_survive_a_csv(tmp_path):
    path = write(tmp_path / "x.csv", "ts_utc,price,size\n2013-10-07T13:30:00.123456789Z,10.5,3\n")
    ticks = read_ticks(path, "SPY")
    assert (ticks.ts.tolist(), ticks.price.tolist(), ticks.size.tolist()) == ([TS], [10.5], [3.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-10-07 13:30:00.123456789+00:00", TS),
        ("2013-10-07T09:30:00.123456789-04:00", TS),
        ("1381152600123456789", TS),
        ("1381152600123456", TS // 1000 * 1000),
        ("1381152600123", TS // 10**6 * 10**6),
        ("1381152600", TS // 10**9 * 10**9),
        ("1381152600.5", TS // 10**9 * 10**9 + 500_000_000),
        ("10/07/2013 13:30", TS // 10**9 * 10**9),
    ],
)
def test_times_of_many_spellings(tmp_path, text, expected):
    assert read_ticks(write(tmp_path / "x.csv", f"time,price\n{text},1\n"), "SPY").ts.tolist() == [expected]


def test_a_wall_clock_is_read_in_the_zone_given(tmp_path):
    path = write(tmp_path / "x.csv", "date,time,price\n2013-10-07,09:30:00,1\n")
    assert read_ticks(path, "SPY", timezone="America/New_York").ts.tolist() == [TS // 10**9 * 10**9]
    with pytest.raises(InvalidInput, match="timezone"):
        read_ticks(path, "SPY", timezone="Mars/Olympus")


def test_prints_are_sorted_and_those_of_one_moment_keep_their_order(tmp_path):
    rows = [(number * 7 % 3, number) for number in range(300)]  # many of one moment, and not in order
    path = write(tmp_path / "x.csv", "ts,price\n" + "".join(f"{ts},{number}\n" for ts, number in rows))
    assert read_ticks(path, "SPY").price.tolist() == [number for _, number in sorted(rows)]


def test_start_is_included_and_end_is_not(tmp_path):
    path = write(tmp_path / "x.csv", "ts,price\n" + "".join(f"{i + 10**18},{i}\n" for i in (4, 2, 3, 1)))
    assert read_ticks(path, "SPY", start=10**18 + 2, end=10**18 + 4).price.tolist() == [2, 3]


def test_columns_go_by_name_whatever_their_case_or_by_the_map(tmp_path):
    path = write(tmp_path / "x.csv", "Time,Last,Qty,Kurs\n1,2,3,4\n")
    assert read_ticks(path, "SPY").price.tolist() == [2.0]
    assert read_ticks(path, "SPY", mapping={"price": "Kurs"}).price.tolist() == [4.0]
    with pytest.raises(InvalidInput, match=r"Preis.*Kurs"):
        read_ticks(path, "SPY", mapping={"price": "Preis"})
    with pytest.raises(InvalidInput, match="map"):
        read_ticks(path, "SPY", mapping={"preis": "Kurs"})


def test_a_missing_column_is_named_with_the_remedy(tmp_path):
    with pytest.raises(InvalidInput, match=r"price.*--map price=COLUMN") as caught:
        read_ticks(write(tmp_path / "x.csv", "ts,foo\n1,2\n"), "SPY")
    assert caught.value.field == "price"


@pytest.mark.parametrize(
    ("text", "column"),
    [("ts,price\n1,\n", "price"), ("ts,price\n1,abc\n", "price"), ("ts,price\nyesterday,1\n", "ts"),
     ("ts,price\n,1\n2,1\n", "ts"), ("ts,price,size\n1,1,-5\n", "size")],
)  # fmt: skip
def test_a_bad_value_is_refused_with_the_name_of_its_column(tmp_path, text, column):
    with pytest.raises(InvalidInput, match=column):
        read_ticks(write(tmp_path / "x.csv", text), "SPY")


def test_without_sizes_each_print_counts_one(tmp_path):
    table = pa.table({"ts": [1, 2], "price": [1.0, 2.0], "size": pa.array([None, None], pa.float64())})
    pq.write_table(table, tmp_path / "x.parquet")
    assert read_ticks(tmp_path / "x.parquet", "ES").size.tolist() == [1.0, 1.0]
    table = pa.table({"ts": [1, 2], "price": [1.0, 2.0], "size": pa.array([None, 4.0], pa.float64())})
    pq.write_table(table, tmp_path / "y.parquet")
    assert read_ticks(tmp_path / "y.parquet", "ES").size.tolist() == [0.0, 4.0]


def test_one_symbol_of_many(tmp_path):
    path = write(tmp_path / "x.csv", "ts,price,symbol\n1,1,SPY\n2,2,IBM\n3,3,SPY\n")
    ticks = read_ticks(path, "SPY")
    assert (ticks.symbol, ticks.price.tolist()) == ("SPY", [1, 3])
    with pytest.raises(InvalidInput, match=r"SPY, IBM"):
        read_ticks(path)
    with pytest.raises(InvalidInput, match=r"SPY, IBM.*QQQ"):
        read_ticks(path, "QQQ")


def test_a_futures_root_takes_its_busiest_contract_and_any_spelling_one(tmp_path, caplog):
    rows = "".join(f"{i},{i},{symbol}\n" for i, symbol in enumerate(["GCZ13", "GCG14", "GCZ13", "ESZ13"]))
    path = write(tmp_path / "x.csv", "ts,price,symbol\n" + rows)
    ticks = read_ticks(path, "/GC")
    assert (ticks.symbol, ticks.price.tolist()) == ("/GC", [0, 2])
    assert "GCZ13" in caplog.text
    assert read_ticks(path, "/GCG4").price.tolist() == [1]
    assert read_ticks(path, "GCG14:XCEC").price.tolist() == [1]
    assert read_ticks(path, "/GC", contract="GCG14").price.tolist() == [1]
    assert read_ticks(path, "/ES").price.tolist() == [3]
    with pytest.raises(InvalidInput, match="NQ"):
        read_ticks(path, "/NQ")


def test_quotes_and_conditions_come_along_where_they_are(tmp_path):
    path = write(tmp_path / "x.csv", "ts,price,bid,ask,cond\n1,1,,1.5,32\n2,2,1,,\n")
    first, second = iter_ticks(path, "SPY")
    assert (first.ask, first.conditions, second.bid, second.conditions) == (1.5, 32, 1.0, 0)
    assert first.bid != first.bid
    assert second.ask != second.ask


def test_zipped_files_are_read_one_after_the_other(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("b.csv", "ts,price\n3,3\n")
        archive.writestr("a.csv", "ts,price\n1,1\n2,2\n")
        archive.writestr("readme.md", "no data")
    assert read_ticks(tmp_path / "x.zip", "SPY").price.tolist() == [1, 2, 3]


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(NotFound, match=r"nope\.csv"):
        read_ticks(tmp_path / "nope.csv", "SPY")
    with pytest.raises(NotFound, match=r"nope\.parquet"):
        read_ticks(tmp_path / "nope.parquet", "SPY")
    for name in ("x.parquet", "x.zip", "x.csv", "x.xls"):
        with pytest.raises(InvalidInput, match="file"):
            read_ticks(write(tmp_path / name, ""), "SPY")


def test_bars_are_no_prints(tmp_path):
    with pytest.raises(InvalidInput, match="bars"):
        read_ticks(write(tmp_path / "x.csv", "ts,open,high,low,close\n1,1,1,1,1\n"), "SPY")


def test_a_long_file_becomes_events_in_chunks(tmp_path):
    count = 1_000
    table = pa.table({"ts": np.arange(count), "price": np.arange(count) * 0.25})
    pq.write_table(table, tmp_path / "x.parquet")
    ticks = list(iter_ticks(tmp_path / "x.parquet", "SPY", chunk=64))
    assert [tick.price for tick in ticks] == table["price"].to_pylist()
