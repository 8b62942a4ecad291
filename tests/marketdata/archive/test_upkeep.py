"""Compaction changes files and not what is read; retention removes what is too old and no more."""

from datetime import UTC, datetime

import pytest

from engine.model.time import NS_PER_DAY, from_datetime
from marketdata.archive import layout, upkeep
from marketdata.archive.tables import table_of_ticks
from tests.marketdata.archive.conftest import minute, prints

OCTOBER = from_datetime(datetime(2026, 10, 30, 15, tzinfo=UTC))
DECEMBER = from_datetime(datetime(2026, 12, 1, tzinfo=UTC))


def fill(archive, days=5):
    bars = [minute(at, 100.0 + day, start=OCTOBER + day * NS_PER_DAY) for day in range(days) for at in range(3)]
    archive.append("SPY", "1", bars)
    return bars


def names(archive):
    return [span.name for span in layout.spans_in(layout.folder(archive.root, "bars", "SPY", "1"))]


def test_the_days_of_a_month_that_is_over_become_one_file(archive):
    bars = fill(archive)
    november = from_datetime(datetime(2026, 11, 1, tzinfo=UTC))
    done = upkeep.compact(archive, before=november + NS_PER_DAY)
    assert (done.removed, done.written) == (2, 1)
    assert names(archive) == ["2026-10", "2026-11-01", "2026-11-02", "2026-11-03"]
    assert archive.bars("SPY", "1") == bars


def test_a_compacted_month_takes_what_comes_late(archive):
    bars = fill(archive)
    upkeep.compact(archive, before=DECEMBER)
    late = minute(3, start=OCTOBER)
    archive.append("SPY", "1", [late])
    assert names(archive) == ["2026-10", "2026-11"]
    assert archive.bars("SPY", "1") == sorted([*bars, late], key=lambda bar: bar.ts)


def test_what_a_killed_compaction_left_is_not_read_and_goes_with_the_next(archive, monkeypatch):
    bars = fill(archive)

    def killed(path, spans):
        if spans:
            raise KeyboardInterrupt
        return upkeep.Upkeep()

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(upkeep, "_remove", killed)
        upkeep.compact(archive, before=DECEMBER)
    folder = layout.folder(archive.root, "bars", "SPY", "1")
    assert {"2026-10", "2026-10-30"} <= {path.stem for path in folder.glob("*.parquet")}
    assert archive.bars("SPY", "1") == bars
    upkeep.compact(archive, before=DECEMBER)
    assert {path.stem for path in folder.glob("*.parquet")} == {"2026-10", "2026-11"}
    assert archive.bars("SPY", "1") == bars


def test_retention_removes_whole_files_that_are_too_old(archive):
    bars = fill(archive)
    archive.append_ticks("SPY", table_of_ticks(prints((OCTOBER, 1.0, 1.0)), source="file"))
    before = OCTOBER - OCTOBER % NS_PER_DAY + 2 * NS_PER_DAY
    assert upkeep.retain(archive, kind="bars", before=before).removed == 2
    assert archive.bars("SPY", "1") == bars[6:]
    assert len(list(archive.ticks("SPY"))) == 1
    assert upkeep.retain(archive, kind="ticks", before=before).removed == 1
    assert not list(archive.ticks("SPY"))
