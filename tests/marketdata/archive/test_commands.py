"""The commands of history: what they say, and what they refuse."""

import json

import pytest
from django.core.management import CommandError, call_command

from engine.model.time import NS_PER_DAY
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata import services as feeds
from marketdata.archive.store import Archive
from marketdata.models import BackfillJob
from tests.marketdata.archive.conftest import NOON, minute
from tests.marketdata.backfill.conftest import simulator as simulator
from tests.marketdata.feeds.conftest import SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(tmp_path, settings, redis_url):
    settings.ARCHIVE_DIR, settings.RATE_LIMIT_DELAY = str(tmp_path / "archive"), 0.0
    return Archive(settings.ARCHIVE_DIR)


def test_the_archive_is_listed_filled_compacted_and_thinned(stored, redis_url, capsys):
    old = [minute(0, start=NOON - days * NS_PER_DAY) for days in (400, 399, 398)]
    stored.append("SPY", "1", old)
    sync_client(redis_url).xadd(keys.bars_stream("SPY", "1"), {"e": codec.encode(minute(0)), "n": 1})
    call_command("archive", "run")
    assert "1 bars of 1 streams" in capsys.readouterr().out
    call_command("archive", "list", "--json")
    (held,) = json.loads(capsys.readouterr().out)
    assert (held["symbol"], held["last"], held["files"]) == ("SPY", "2026-11-18", 4)
    call_command("archive", "compact")
    assert "3 files became 1" in capsys.readouterr().out
    call_command("archive", "list")
    assert "SPY" in capsys.readouterr().out
    call_command("archive", "retain", "bars", "--days", "100")
    assert "1 files removed" in capsys.readouterr().out
    assert stored.bars("SPY", "1") == [minute(0)]
    call_command("archive", "house")
    stored.append("SPY", "1", old)
    call_command("archive", "retain", "bars", "--days", "100", "--timeframe", "5m")
    assert "0 files removed" in capsys.readouterr().out
    call_command("archive", "retain", "bars", "--days", "100", "--timeframe", "1m", "--symbol", "spy")
    assert "3 files removed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("archive", "retain", "candles", "--days", "3"), "kind: ticks or bars"),
        (("archive", "retain", "bars", "--days", "0"), "days: 1 or more"),
        (("archive", "retain", "bars", "--days", "3", "--timeframe", "9x"), "timeframe: expected"),
        (("archive", "list", "--symbol", "no such!"), "symbol: expected"),
        (("backfill", "SPY", "--source", "archive", "--days", "0"), "days: 1 or more"),
        (("backfill", "SPY", "--source", "archive", "--days", "3", "--start", "2026-11-01"), "days: either"),
        (("backfill", "SPY", "--source", "archive", "--days", "3", "--adopt"), "adopt: goes with --compare"),
        (("backfill", "SPY", "--source", "archive", "--compare", "--start", "2026-11-01"), "start: does not go"),
        (("backfill", "--resume", "1", "--days", "3"), "days: does not go with --resume"),
        (("backfill", "SPY", "--resume", "1"), "symbols: does not go with --resume"),
        (("symbols", "test", "SPY", " "), "symbols: a symbol like SPY"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_its_name(stored, arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command(*arguments)
    assert not BackfillJob.objects.exists()


def test_backfill_from_stored_prints_and_its_exit_status(stored, capsys):
    bars = [minute(at) for at in range(3)]
    stored.append("SPY", "1", bars)
    span = ("--timeframe", "1", "--start", "2026-11-18", "--end", "2026-11-19")
    call_command("backfill", "SPY", "--source", "archive", *span, "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["done"], document["bars"], document["added"]) == ("done", 1, 3, 0)
    assert "done; 1 of 1 symbols, 3 bars received" in document["text"]
    with pytest.raises(CommandError, match="ISO 8601"):
        call_command("backfill", "SPY", "--source", "archive", "--start", "soon")
    with pytest.raises(CommandError, match="no default feed"):
        call_command("backfill", "SPY")


def test_backfill_over_the_vendors_protocol_and_its_comparison(stored, capsys, simulator):
    feeds.save_feed(name="main", kind="dxlink", api_url=simulator.rest_url, token=SECRET, is_default=True)
    call_command("backfill", "SPY", "--timeframe", "1h", "--days", "3", "--enqueue")
    job = BackfillJob.objects.get()
    assert job.state == "queued"
    call_command("backfill", "--resume", str(job.pk))
    assert f"Backfill {job.pk} from main, 1h" in capsys.readouterr().out
    assert len(stored.bars("SPY", "1h")) in (71, 72)
    call_command("backfill", "SPY", "--timeframe", "1h", "--compare", "--days", "1", "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "final"


def test_a_backfill_that_failed_ends_with_its_reason_and_how_to_go_on(stored, settings, monkeypatch):
    settings.BACKFILL_CONCURRENT_REQUESTS = 1
    with pytest.raises(CommandError, match=r"1 symbols failed; go on with --resume \d"):
        call_command("backfill", "SPY", "--source", "archive", "--timeframe", "1d", "--start", "1960-01-01",
                     "--end", "1960-02-01")  # fmt: skip
