"""What is appended is read back, exactly, once, and by time."""

import multiprocessing
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.instruments.adjustments import Factor
from engine.model.market import Bar
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE
from marketdata.archive import layout
from marketdata.archive.partition import ArchiveDamaged
from marketdata.archive.store import Archive
from marketdata.archive.tables import table_of_bars, table_of_ticks
from tests.marketdata.archive.conftest import NOON, minute, prints


def test_bars_come_back_as_they_went_in_with_their_provenance(archive):
    bars = [minute(0), minute(1, source="vendor:x", quality="vendor"), minute(2, quality="gapped", is_complete=False)]
    assert archive.append("SPY", "1", bars) == (3, 0, 0)
    assert archive.bars("SPY", "1") == bars


def test_the_same_delivery_twice_changes_nothing(archive):
    bars = [minute(at) for at in range(5)]
    archive.append("SPY", "1", bars)
    assert archive.append("SPY", "1", bars) == (0, 0, 5)
    assert archive.bars("SPY", "1") == bars


def test_bars_are_read_by_their_close_start_excluded(archive):
    bars = [minute(at) for at in range(5)]
    archive.append("SPY", "1", bars)
    assert archive.bars("SPY", "1", start=bars[1].ts, end=bars[3].ts) == bars[2:4]


@pytest.mark.parametrize("symbol", ["/NQ", "BRK.B", "SPXW  261120C06000000", "A%2FB", "..", "ü/=:"])
def test_any_symbol_is_a_folder_of_its_own_and_found_again(archive, symbol):
    archive.append(symbol, "144t", [minute(0, symbol=symbol, timeframe="144t")])
    (held,) = archive.holdings()
    assert (held.symbol, held.timeframe, held.kind) == (symbol, "144t", "bars")
    assert len(archive.bars(symbol, "144t")) == 1
    assert [path.name for path in archive.root.iterdir()] == ["bars"]


def test_a_bar_that_closes_at_midnight_lies_in_the_day_it_ends(archive):
    midnight = NOON - NOON % NS_PER_DAY + NS_PER_DAY
    bars = [minute(-1, start=midnight), minute(0, start=midnight)]
    archive.append("SPY", "1", bars)
    assert [span.name for span in layout.spans_in(layout.folder(archive.root, "bars", "SPY", "1"))] == [
        "2026-11-18",
        "2026-11-19",
    ]
    assert archive.bars("SPY", "1", start=midnight - 1, end=midnight) == bars[:1]
    assert archive.bars("SPY", "1", start=midnight) == bars[1:]


def test_days_share_a_file_a_year_and_hours_a_file_a_month(archive):
    for timeframe, name in (("1d", "2026"), ("1h", "2026-11"), ("5", "2026-11-18")):
        archive.append("SPY", timeframe, [minute(0, timeframe=timeframe)])
        assert [span.name for span in layout.spans_in(layout.folder(archive.root, "bars", "SPY", timeframe))] == [name]


def test_our_own_bar_stands_before_a_vendors_and_a_vendors_before_a_gapped_one(archive):
    archive.append("SPY", "1", [minute(0), minute(1, quality="gapped", is_complete=False)])
    vendor = [minute(at, 50.0, quality="vendor", source="vendor:x") for at in range(3)]
    assert archive.append("SPY", "1", vendor) == (2, 1, 1)
    assert archive.bars("SPY", "1") == [minute(0), *vendor[1:]]
    revised = minute(0, 51.0, quality="revised", source="vendor:x")
    assert archive.append("SPY", "1", [revised]) == (1, 1, 0)
    assert archive.append("SPY", "1", [minute(0, 52.0)]) == (0, 0, 1)
    assert archive.bars("SPY", "1")[0] == revised


def test_what_is_imported_with_replace_stands_before_all(archive):
    archive.append("SPY", "1", [minute(0)])
    other = minute(0, 77.0, quality="vendor")
    assert archive.append_bars("SPY", "1", table_of_bars([other]), replace=True) == (1, 1, 0)
    assert archive.bars("SPY", "1") == [other]


def test_tick_bars_of_two_sources_never_share_time(archive):
    ours = Bar(NOON + 100, "X", "144t", NOON + 40, 1, 1, 1, 1, 144, 144, source="dxlink")
    theirs = [
        Bar(NOON + end, "X", "144t", NOON + end - 50, 2, 2, 2, 2, 144, 144, source="v", quality="vendor")
        for end in (40, 90, 140)
    ]
    archive.append("X", "144t", theirs)
    assert archive.append("X", "144t", [ours]) == (1, 2, 0)
    assert archive.bars("X", "144t") == [theirs[0], ours]


def test_tick_bars_without_length_at_one_moment_all_stay(archive):
    burst = [Bar(NOON, "X", "2t", NOON, p, p, p, p, 2, 2, source="dxlink") for p in (5.0, 6.0, 5.0)]
    archive.append("X", "2t", burst)
    archive.append("X", "2t", burst)
    assert archive.bars("X", "2t") == burst


def test_prints_keep_nanoseconds_their_order_and_their_twins(archive):
    rows = prints((NOON + 1, 10.0, 1), (NOON + 1, 10.0, 1), (NOON + 1, 9.0, 2), (NOON + 2, 10.0, 1))
    archive.append_ticks("SPY", table_of_ticks(rows, source="file"))
    assert archive.append_ticks("SPY", table_of_ticks(rows, source="file")) == (0, 0, 4)
    assert list(archive.ticks("SPY")) == list(rows.ticks())
    assert [tick.ts for tick in archive.ticks("SPY", start=NOON + 1, end=NOON + 2)] == [NOON + 1] * 3


def test_a_longer_delivery_of_prints_adds_only_what_is_new(archive):
    rows = [(NOON + n, 10.0, 1.0) for n in (1, 1, 2, 3)]
    archive.append_ticks("SPY", table_of_ticks(prints(*rows[:1], rows[2]), source="file"))
    assert archive.append_ticks("SPY", table_of_ticks(prints(*rows), source="file")) == (2, 0, 2)
    assert [tick.ts - NOON for tick in archive.ticks("SPY")] == [1, 1, 2, 3]


def test_prints_of_a_second_source_do_not_count_twice(archive):
    archive.append_ticks("SPY", table_of_ticks(prints((NOON, 10, 1), (NOON + 10, 10, 1)), source="a"))
    second = prints((NOON + 5, 10, 1), (NOON + 11, 10, 1))
    assert archive.append_ticks("SPY", table_of_ticks(second, source="b")) == (1, 0, 1)
    assert archive.append_ticks("SPY", table_of_ticks(second, source="b"), replace=True) == (2, 2, 0)
    assert [tick.ts - NOON for tick in archive.ticks("SPY")] == [0, 5, 11]


def test_splits_are_applied_when_read_and_only_to_what_is_not_adjusted(archive):
    archive.append("AAPL", "1", [minute(0, 400.0, symbol="AAPL")])
    archive.append("AAPL", "1", [minute(1, 100.0, symbol="AAPL")], is_adjusted=True)
    archive.set_factors("AAPL", [Factor(date(2026, 11, 18), 0.25)])
    raw, both = archive.bars("AAPL", "1"), archive.bars("AAPL", "1", adjust=True)
    assert [bar.open for bar in raw] == [400.0, 100.0]
    assert [(bar.open, bar.volume) for bar in both] == [(100.0, 40.0), (100.0, 10.0)]
    assert archive.bar_columns("AAPL", "1", adjust=True).high.tolist() == [100.25, 101.0]


def test_an_empty_archive_answers_with_nothing(archive):
    assert archive.bars("SPY", "1") == []
    assert list(archive.ticks("SPY")) == []
    assert archive.holdings() == []
    assert archive.last_ts("SPY", "1") == 0


@pytest.mark.parametrize("count", [1, 3, 4, 7, 100])
@pytest.mark.parametrize("days_before_end", [0, 1, 2])
def test_the_last_bars_are_found_without_reading_the_first(archive, count, days_before_end):
    bars = [minute(at, start=NOON + day * NS_PER_DAY) for day in range(4) for at in range(3)]
    archive.append("SPY", "1", bars)
    end = bars[-1].ts - days_before_end * NS_PER_DAY
    start = archive.start_for("SPY", "1", count, end=end)
    until = [bar for bar in bars if bar.ts <= end]
    assert archive.bars("SPY", "1", start=start, end=end)[-count:] == until[-count:]
    assert (start > 0) == (count <= 7 and len(until) - 3 >= count)


def test_a_damaged_file_is_named_and_not_overwritten(archive):
    archive.append("SPY", "1", [minute(0)])
    file = layout.folder(archive.root, "bars", "SPY", "1") / "2026-11-18.parquet"
    file.write_bytes(b"PAR1 nothing")
    with pytest.raises(ArchiveDamaged, match="2026-11-18"):
        archive.append("SPY", "1", [minute(1)])
    assert file.read_bytes() == b"PAR1 nothing"


def test_writers_in_several_processes_lose_nothing(archive):
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        pool.starmap(_append_slice, [(archive.root, first) for first in range(3)])
    assert [bar.ts_open for bar in archive.bars("SPY", "1")] == [NOON + n * NS_PER_MINUTE for n in range(30)]


def _append_slice(root, first):
    for at in range(first, 30, 3):
        Archive(root).append("SPY", "1", [minute(at)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(0, 4)), max_size=12), max_size=4))
def test_whatever_is_delivered_nothing_read_overlaps(tmp_path_factory, deliveries):
    archive = Archive(tmp_path_factory.mktemp("any"))
    qualities = ("built", "vendor", "gapped", "revised", "sampled")
    for delivery in deliveries:
        bars = [
            Bar(NOON + at + span, "X", "9t", NOON + at, 1, 1, 1, 1, 1, 9, source="s", quality=qualities[quality])
            for at, span, quality in delivery
        ]
        archive.append("X", "9t", bars)
    found = archive.bars("X", "9t")
    assert all(later.ts_open >= earlier.ts for earlier, later in pairwise(found))
    if any(deliveries):
        assert found
