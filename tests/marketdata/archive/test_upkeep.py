"""Compaction changes files and not what is read; retention removes what is too old and no more."""

import os
import time
from datetime import UTC, datetime

import pytest

from engine.model.time import NS_PER_DAY, from_datetime, to_datetime
from marketdata.archive import layout, upkeep
from marketdata.archive.housekeeping import keep_house
from marketdata.archive.tables import table_of_ticks
from marketdata.models import PriceTick
from marketdata.recording.archiving import FOLDER
from marketdata.recording.records import KEPT
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tick_days", "bar_days", "recording_days", "kept"),
    [(0, 0, 0, (4, 4, 2)), (10, 0, 0, (4, 2, 2)), (0, 10, 0, (2, 4, 2)), (10, 200, 3, (3, 2, 1))],
)
def test_the_night_keeps_of_each_kind_what_the_settings_say(
    archive, settings, tick_days, bar_days, recording_days, kept
):
    settings.ARCHIVE_TICK_DAYS, settings.ARCHIVE_BAR_DAYS = tick_days, bar_days
    settings.RECORDING_DAYS = recording_days
    now = time.time_ns()
    folder = archive.root / FOLDER / "main"
    folder.mkdir(parents=True)
    for number, days in enumerate((1, 5, 100, 400)):
        at = now - days * NS_PER_DAY
        archive.append("SPY", "1", [minute(0, start=at)])
        archive.append_ticks("SPY", table_of_ticks(prints((at, 100.0, 1.0)), source="test"))
        PriceTick.objects.create(
            symbol="SPY", timeframe="1", timestamp=to_datetime(at), volume=1.0, trade_count=1,
            **dict.fromkeys(("price", "open", "high", "low", "close"), 100.0),
        )  # fmt: skip
        if number < 2:
            segment = folder / f"{number}{KEPT}"
            segment.touch()
            os.utime(segment, ns=(at, at))
    keep_house(archive)
    counts = (len(archive.bars("SPY", "1")), len(archive.tick_columns("SPY")), len(list(folder.iterdir())))
    assert counts == kept
    assert PriceTick.objects.count() == 2  # the last week, whatever the settings say
