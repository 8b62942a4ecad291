"""The comparison with a vendor: what differs is listed, and a day's state says what was made of it."""

from datetime import date

import msgspec
import pytest

from engine.errors import InvalidInput
from engine.model.time import NS_PER_MINUTE
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata import history_tasks
from marketdata import services as feeds
from marketdata.archive.imports.run import ImportOptions, import_file
from marketdata.backfill import nightly
from marketdata.backfill.compare import differences
from marketdata.backfill.reports import compare, compare_day
from marketdata.backfill.sources import ArchiveHistory, FeedHistory, FileHistory
from marketdata.depth import days_back, parse_depths
from marketdata.feeds.errors import FeedProtocolError, FeedUnavailable
from marketdata.models import BackfillJob, HistoryDay
from tests.marketdata.archive.conftest import NOON, minute
from tests.marketdata.backfill.conftest import Vendor
from tests.marketdata.feeds.conftest import SECRET

DAY = date(2026, 11, 18)


def theirs(*bars):
    return [msgspec.structs.replace(bar, source="vendor:x", quality="vendor") for bar in bars]


def asked(archive, vendor, **options):
    return compare_day(source=vendor, symbol="SPY", timeframe="1", day=DAY, archive=archive, **options)


def test_equal_bars_within_half_a_tick_and_a_hundredth_of_volume_do_not_differ():
    ours = [minute(0, volume=1000.0)]
    assert differences(ours, theirs(minute(0, 100.004, volume=1005.0)), tick_size=0.01) == []
    found = differences(ours, theirs(minute(0, 100.02, volume=1020.0)), tick_size=0.01)
    assert [each.what for each in found] == ["open", "high", "low", "close", "volume"]


def test_missing_extra_and_incomplete_bars_are_told_apart():
    ours = [minute(0), minute(1, is_complete=False), minute(3)]
    found = differences(ours, theirs(minute(0), minute(1), minute(2)), tick_size=0.01)
    assert [(each.ts[14:16], each.what) for each in found] == [("02", "missing"), ("03", "missing"), ("04", "extra")]


@pytest.mark.django_db
def test_a_day_that_the_vendor_confirms_is_final(archive):
    bars = [minute(at) for at in range(3)]
    archive.append("SPY", "1", bars)
    vendor = Vendor(theirs(*bars))
    report = asked(archive, vendor)
    assert (report.state, report.ours, report.theirs, report.differences) == ("final", 3, 3, [])
    assert vendor.is_closed
    assert archive.bars("SPY", "1") == bars  # our own stand


@pytest.mark.django_db
def test_a_day_that_differs_stays_provisional_until_the_vendors_bars_are_adopted(archive):
    archive.append("SPY", "1", [minute(0), minute(1)])
    vendor = theirs(minute(0), minute(1, 100.5), minute(2))
    report = asked(archive, Vendor(vendor))
    assert report.state == "provisional"
    assert [each["what"] for each in report.differences] == ["open", "high", "low", "close", "missing"]
    assert report.differences[0] == {
        "ts": "2026-11-18T17:02:00.000000000Z", "what": "open", "ours": 100.0, "theirs": 100.5
    }  # fmt: skip
    assert archive.bars("SPY", "1") == [minute(0), minute(1), vendor[2]]
    assert asked(archive, Vendor(vendor), adopt=True).state == "revised"
    assert [(bar.open, bar.quality) for bar in archive.bars("SPY", "1")] == [
        (100.0, "built"), (100.5, "revised"), (100.0, "vendor")
    ]  # fmt: skip
    assert asked(archive, Vendor(vendor)).state == "final"
    assert HistoryDay.objects.count() == 1


@pytest.mark.django_db
def test_a_vendor_that_says_nothing_settles_nothing(archive):
    archive.append("SPY", "1", [minute(0)])
    report = asked(archive, Vendor([]))
    assert (report.state, report.differences) == ("provisional", [])


@pytest.mark.django_db
def test_one_symbol_that_the_vendor_refuses_leaves_the_others_compared(archive):
    archive.append("SPY", "1", [minute(0)])
    vendor = Vendor(theirs(minute(0)), fails={"ODD": 9})
    vendor.error = FeedProtocolError("no such symbol")
    found = compare(source=vendor, pairs=[("ODD", "1"), ("SPY", "1")], day=DAY, archive=archive)
    assert [(each.symbol, each.state) for each in found] == [("SPY", "final")]
    with pytest.raises(FeedProtocolError, match="no such symbol"):
        compare(source=vendor, pairs=[("ODD", "1")], day=DAY, archive=archive)
    vendor.error = FeedUnavailable("no answer")
    with pytest.raises(FeedUnavailable):
        compare(source=vendor, pairs=[("ODD", "1"), ("SPY", "1")], day=DAY, archive=archive)


@pytest.mark.django_db
def test_tick_bars_have_nothing_to_be_compared_with(archive):
    with pytest.raises(InvalidInput, match="expected a time"):
        compare_day(source=Vendor([]), symbol="SPY", timeframe="144t", day=DAY, archive=archive)


@pytest.mark.django_db
def test_every_night_all_that_is_carried_is_fetched_and_compared(archive, redis_url, settings, simulator):
    settings.BACKFILL_DAYS = "1=4"
    feeds.save_feed(name="main", kind="dxlink", api_url=simulator.rest_url, token=SECRET)
    feeds.set_wanted(feed="main", pairs=[("SPY", "5"), ("QQQ", "5"), ("SPY", "144t")])
    (job,) = history_tasks.nightly_backfill()
    assert BackfillJob.objects.get(pk=job).items.count() == 2
    assert history_tasks.continue_backfills() == job
    assert BackfillJob.objects.get(pk=job).state == "done"
    assert history_tasks.continue_backfills() is None
    differing = history_tasks.nightly_compare()
    assert not differing, [report.differences for report in HistoryDay.objects.all()]
    assert set(HistoryDay.objects.values_list("symbol", "state")) == {("SPY", "final"), ("QQQ", "final")}
    assert history_tasks.archive_bars()["failed"] == 0
    assert history_tasks.retention()["removed"] == 0
    assert sync_client(redis_url).exists(keys.bars("SPY", "5"))


@pytest.mark.django_db
def test_a_feed_that_does_not_answer_leaves_its_days_as_they_are(archive, redis_url, monkeypatch):
    monkeypatch.setattr(FeedHistory.__init__, "__kwdefaults__", {"connect_timeout_s": 0.2})
    feeds.save_feed(name="main", kind="dxlink", api_url="http://127.0.0.1:1", token=SECRET)
    feeds.set_wanted(feed="main", pairs=[("SPY", "5")])
    assert nightly.compare_all(day=DAY) == 0
    assert not HistoryDay.objects.exists()


def test_how_far_back_is_said_by_timeframe():
    depths = parse_depths("1s=2, 1=30, 1h=365, 1d=730, ticks=5")
    wanted = {"30s": 2, "1": 30, "5": 30, "1h": 365, "4h": 365, "1d": 730, "144t": 5, "500v": 5}
    assert {timeframe: days_back(timeframe, depths) for timeframe in wanted} == wanted
    assert days_back("1", parse_depths("1h=9")) == 9
    with pytest.raises(InvalidInput, match="TIMEFRAME=DAYS"):
        parse_depths("1=many")


async def test_the_archive_is_a_source_of_its_bars_and_of_bars_of_its_prints(archive, shared_data):
    list(import_file(archive, shared_data / "equity_ticks_IBM_2013-10.parquet", ImportOptions()))
    span = {"start": 1_381_152_600_000_000_000, "end": 1_381_156_200_000_000_000}  # 13:30 to 14:30 UTC
    made = await ArchiveHistory(archive).bars("IBM", "5", **span)
    assert len(made) == 12
    assert made[0].ts == span["start"] + 5 * NS_PER_MINUTE
    archive.append("IBM", "5", made)
    assert await ArchiveHistory(archive).bars("IBM", "5", **span) == made


async def test_a_file_is_a_source_of_its_bars(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("ts_open,ts,open,high,low,close\n2026-11-18T17:00:00Z,2026-11-18T17:01:00Z,1,2,0.5,1.5\n")
    (bar,) = await FileHistory(path).bars("SPY", "1", start=NOON, end=NOON + NS_PER_MINUTE)
    assert (bar.ts_open, bar.close, bar.source) == (NOON, 1.5, "file:bars.csv")
