"""What was published ends up in the archive: once, whoever is killed and whatever was trimmed."""

import msgspec
import pytest

from engine.model.market import NAN
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.archive.archiver import archive_streams
from marketdata.history import score
from marketdata.models import ArchiveCursor, PriceTick
from tests.marketdata.archive.conftest import minute

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(redis_url):
    return sync_client(redis_url)


def publish(client, *bars, begin=1):
    for n, bar in enumerate(bars, begin):
        client.xadd(keys.bars_stream(bar.symbol, bar.timeframe), {"e": codec.encode(bar), "n": n})
        client.zadd(keys.bars(bar.symbol, bar.timeframe), {codec.encode(bar): score(bar)})


def test_each_run_continues_where_the_last_one_ended(client, archive):
    spy = [minute(at) for at in range(4)]
    ticks = [minute(at, symbol="/NQ", timeframe="144t") for at in range(2)]
    publish(client, *spy[:2])
    publish(client, *ticks)
    assert archive_streams(client, archive) == (2, 4, 0, 0)
    publish(client, *spy[2:], begin=3)
    assert archive_streams(client, archive) == (2, 2, 0, 0)
    assert archive_streams(client, archive) == (2, 0, 0, 0)
    assert archive.bars("SPY", "1") == spy
    assert archive.bars("/NQ", "144t") == ticks


def test_a_run_that_was_killed_before_it_noted_how_far_it_came_is_repeated_without_doubles(client, archive):
    bars = [minute(at) for at in range(3)]
    publish(client, *bars)
    archive_streams(client, archive)
    ArchiveCursor.objects.all().delete()
    archive_streams(client, archive)
    assert archive.bars("SPY", "1") == bars
    assert PriceTick.objects.count() == 3


@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_bar_that_turned_out_to_lack_prints_is_gapped_in_the_archive_too(client, archive, is_repeated):
    """Given out whole, taken back seconds later: nobody may test a strategy on what it was at first."""
    first, second = minute(0), minute(1)
    doubted = msgspec.structs.replace(first, quality="gapped", is_complete=False)
    publish(client, first, second)
    archive_streams(client, archive)
    publish(client, doubted, begin=3)
    archive_streams(client, archive)
    if is_repeated:  # killed before it noted how far it came
        ArchiveCursor.objects.all().delete()
        archive_streams(client, archive)
    assert archive.bars("SPY", "1") == [doubted, second]
    vendor = minute(0, source="vendor:dxlink", quality="vendor")
    archive.append("SPY", "1", [vendor])
    assert archive.bars("SPY", "1") == [vendor, second]


def test_bars_that_were_trimmed_are_counted_and_taken_from_the_recent_ones(client, archive):
    bars = [minute(at) for at in range(6)]
    publish(client, *bars[:2])
    archive_streams(client, archive)
    publish(client, *bars[2:], begin=3)
    client.xtrim(keys.bars_stream("SPY", "1"), maxlen=2, approximate=False)
    assert archive_streams(client, archive) == (1, 2, 2, 0)
    assert archive.bars("SPY", "1") == bars
    assert ArchiveCursor.objects.get().lost == 2


def test_a_redis_that_lost_its_data_does_not_stop_the_archive(client, archive):
    bars = [minute(at) for at in range(4)]
    publish(client, *bars[:2])
    archive_streams(client, archive)
    client.flushall()
    publish(client, *bars[2:])
    assert archive_streams(client, archive) == (1, 2, 0, 0)
    assert archive.bars("SPY", "1") == bars


def test_a_damaged_partition_holds_up_its_own_stream_only(client, archive):
    publish(client, minute(0), minute(0, symbol="IBM"))
    archive_streams(client, archive)
    (file,) = (archive.root / "bars" / "symbol=IBM" / "timeframe=1").glob("*.parquet")
    file.write_bytes(b"")
    publish(client, minute(1), begin=2)
    publish(client, minute(1, symbol="IBM"), begin=2)
    assert archive_streams(client, archive) == (1, 1, 0, 1)
    file.unlink()
    assert archive_streams(client, archive).bars == 1
    assert archive.bars("IBM", "1") == [minute(1, symbol="IBM")]


def test_an_entry_that_is_no_bar_does_not_hold_up_what_follows(client, archive):
    client.xadd(keys.bars_stream("SPY", "1"), {"e": "{}", "n": 1})
    publish(client, minute(0), begin=2)
    assert archive_streams(client, archive).bars == 2
    assert archive.bars("SPY", "1") == [minute(0)]


def test_the_rows_for_sql_hold_what_was_published(client, archive):
    publish(client, minute(0, 90.0), minute(1, 91.0), minute(0, 100.0, quality="revised"))
    archive_streams(client, archive)
    publish(client, minute(1, 101.0, vwap=NAN, quality="revised"), begin=4)
    archive_streams(client, archive)
    first, second = PriceTick.objects.order_by("timestamp")
    assert (first.symbol, first.price, first.high, first.volume, first.vwap) == ("SPY", 100.5, 101.0, 10.0, 100.0)
    assert second.vwap is None
