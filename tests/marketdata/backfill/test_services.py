"""Backfill: at a pace, resumed where it stood, one worker at a time, and nothing twice."""

import asyncio
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from engine.errors import Conflict, InvalidInput, NotFound
from engine.instruments.adjustments import Factor
from engine.model.time import NS_PER_MINUTE, from_datetime, to_datetime
from infra.backoff import Backoff
from infra.redis.client import sync_client
from marketdata import services as feeds
from marketdata.backfill import fetch, services
from marketdata.backfill.sources import FeedHistory
from marketdata.feeds.alpaca.feed import AlpacaFeed, AlpacaKey
from marketdata.feeds.alpaca.options import AlpacaOptions
from marketdata.feeds.massive.feed import MassiveFeed
from marketdata.feeds.massive.options import MassiveOptions
from marketdata.history import recent_bars_now
from marketdata.models import BackfillItem, BackfillJob
from tests.marketdata.archive.conftest import NOON, minute
from tests.marketdata.backfill.conftest import Vendor
from tests.marketdata.feeds.conftest import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fetch.Fetcher.__init__, "__kwdefaults__", {"backoff": lambda: Backoff(base_s=0.001)})


def vendor_bars(*symbols, count=6):
    return [minute(at, symbol=symbol, source="vendor:x", quality="vendor") for symbol in symbols for at in range(count)]


def job_of(*symbols, minutes=6):
    feeds.save_feed(name="main", kind="dxlink", api_url="http://127.0.0.1:1", is_default=True)
    return services.create_job(
        symbols=symbols, timeframe="1", start=to_datetime(NOON), end=to_datetime(NOON + minutes * NS_PER_MINUTE)
    )


def states(job):
    return {item.symbol: (str(item.state), item.bars, item.added) for item in job.items.all()}


def test_a_job_fills_the_archive_and_redis(archive, redis_url):
    bars, job = vendor_bars("SPY", "QQQ"), job_of("spy", "QQQ")
    done = services.run_job(job_id=job.pk, source=Vendor(bars))
    assert (done.state, done.claimed_by, done.error) == ("done", "", "")
    assert done.finished_at is not None
    assert states(done) == {"SPY": ("done", 6, 6), "QQQ": ("done", 6, 6)}
    assert archive.bars("SPY", "1") == bars[:6]
    assert recent_bars_now(sync_client(redis_url), "QQQ", "1", 10) == bars[6:]


def test_a_symbol_that_fails_is_tried_again_and_the_others_go_on(archive):
    job = job_of("SPY", "QQQ", "IBM")
    vendor = Vendor(vendor_bars("SPY", "QQQ", "IBM"), fails={"SPY": 2, "IBM": 99})
    done = services.run_job(job_id=job.pk, source=vendor)
    assert done.state == "failed"
    assert [states(done)[name][0] for name in ("SPY", "QQQ", "IBM")] == ["done", "done", "failed"]
    assert job.items.get(symbol="IBM").error == "busy"
    assert [symbol for symbol, *_ in vendor.asked].count("IBM") == 5
    services.retry_failed(job_id=job.pk)
    healed = Vendor(vendor_bars("IBM"))
    assert services.run_job(job_id=job.pk, source=healed).state == "done"
    assert {symbol for symbol, *_ in healed.asked} == {"IBM"}


def test_an_error_that_is_not_passing_is_not_repeated(archive):
    vendor = Vendor([], fails={"SPY": 9})
    vendor.error = InvalidInput("no such symbol", field="symbol")
    job = job_of("SPY")
    assert services.run_job(job_id=job.pk, source=vendor).state == "failed"
    assert len(vendor.asked) == 1


def test_a_job_goes_on_from_what_is_stored_when_its_worker_was_killed(archive):
    job, bars = job_of("SPY"), vendor_bars("SPY")

    class Killed(Vendor):
        async def bars(self, symbol, timeframe, *, start, end):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return await super().bars(symbol, timeframe, start=start, end=end)

    with pytest.raises(KeyboardInterrupt):
        services.run_job(job_id=job.pk, source=Killed(bars, request_ns=2 * NS_PER_MINUTE))
    assert archive.bars("SPY", "1") == bars[:4]
    successor = Vendor(bars, request_ns=2 * NS_PER_MINUTE)
    done = services.run_job(job_id=job.pk, source=successor)
    assert [(start - NOON) // NS_PER_MINUTE for _, start, _ in successor.asked] == [4]
    assert states(done) == {"SPY": ("done", 6, 6)}
    assert archive.bars("SPY", "1") == bars


def test_history_that_the_vendor_adjusted_is_not_adjusted_again(archive):
    vendor = Vendor(vendor_bars("SPY"))
    vendor.is_adjusted = True
    services.run_job(job_id=job_of("SPY").pk, source=vendor)
    archive.set_factors("SPY", [Factor(to_datetime(NOON).date(), 0.5)])
    assert archive.bars("SPY", "1", adjust=True) == archive.bars("SPY", "1") == vendor_bars("SPY")
    key = AlpacaKey("k", "s")
    for feed, expected in (
        (AlpacaFeed("a", key), False),
        (AlpacaFeed("a", key, AlpacaOptions(adjustment="split")), True),
        (MassiveFeed("m", "k", MassiveOptions(is_adjusted=True)), True),
    ):
        assert FeedHistory(feed).is_adjusted is expected


def test_a_worker_that_was_taken_for_dead_stops_where_it_stands(archive, settings):
    settings.BACKFILL_BATCH_SIZE = 1
    job, vendor = job_of("SPY", "QQQ", "IBM"), Vendor(vendor_bars("SPY", "QQQ", "IBM"))

    def taken_over(progress):
        BackfillJob.objects.filter(pk=job.pk).update(claimed_by="other")

    services.run_job(job_id=job.pk, source=vendor, on_progress=taken_over)
    assert [symbol for symbol, *_ in vendor.asked] == ["SPY"]
    assert BackfillJob.objects.get(pk=job.pk).claimed_by == "other"


def test_a_job_is_held_by_one_worker_until_its_claim_runs_out(archive):
    job = job_of("SPY")
    BackfillJob.objects.filter(pk=job.pk).update(
        state="running", claimed_by="other", claimed_until=timezone.now() + timedelta(minutes=1)
    )
    assert services.waiting_jobs() == []
    with pytest.raises(Conflict, match="held by other"):
        services.run_job(job_id=job.pk, source=Vendor([]))
    BackfillJob.objects.filter(pk=job.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert services.waiting_jobs() == [job.pk]
    assert services.run_job(job_id=job.pk, source=Vendor(vendor_bars("SPY"))).state == "done"
    assert services.waiting_jobs() == []


def test_a_slice_that_is_over_leaves_the_rest_to_the_next(archive, settings):
    settings.BACKFILL_BATCH_SIZE = 1
    job, vendor = job_of("SPY", "QQQ"), Vendor(vendor_bars("SPY", "QQQ"))
    assert services.run_job(job_id=job.pk, source=vendor, budget_s=0.0).state == "running"
    assert vendor.asked == []
    assert services.waiting_jobs() == [job.pk]
    assert services.run_job(job_id=job.pk, source=vendor).state == "done"


@pytest.mark.parametrize(("concurrent", "batch", "expected"), [(1, 10, 1), (3, 10, 3), (3, 2, 2)])
def test_the_settings_bound_what_is_under_way(archive, settings, concurrent, batch, expected):
    settings.BACKFILL_CONCURRENT_REQUESTS, settings.BACKFILL_BATCH_SIZE = concurrent, batch
    names = ["SPY", "QQQ", "IBM", "MSTR", "TSLA"]
    vendor = Vendor(vendor_bars(*names))
    vendor.delay_s = 0.02
    services.run_job(job_id=job_of(*names).pk, source=vendor)
    assert vendor.most_at_once == expected


def test_requests_begin_no_faster_than_the_delay_allows(archive, settings, monkeypatch):
    settings.RATE_LIMIT_DELAY = 7.0
    waits = []

    async def note(seconds):
        waits.append(round(seconds))

    monkeypatch.setattr(asyncio, "sleep", note)
    services.run_job(job_id=job_of("SPY", "QQQ", "IBM").pk, source=Vendor(vendor_bars("SPY", "QQQ", "IBM")))
    assert sorted(wait for wait in waits if wait) == [7, 14]


def test_progress_is_told_after_each_step_and_to_the_user(archive, monkeypatch):
    told: list[Any] = []
    sent: list[Any] = []
    monkeypatch.setattr(services, "broadcast", lambda group, kind, payload: sent.append((group, kind, payload)))
    job = job_of("SPY", "QQQ")
    BackfillJob.objects.filter(pk=job.pk).update(user_id=7)
    services.run_job(job_id=job.pk, source=Vendor(vendor_bars("SPY", "QQQ")), on_progress=told.append)
    assert told[-1]["done"] == told[-1]["symbols"] == 2
    assert told[-1]["bars"] == 12
    assert {(group, kind) for group, kind, _ in sent} == {("user.7", "backfill")}
    assert [payload for *_, payload in sent] == told


def test_what_is_asked_for_is_checked():
    with pytest.raises(NotFound, match="no default feed"):
        services.create_job(symbols=["SPY"], timeframe="1")
    job_of("SPY")
    with pytest.raises(InvalidInput, match="at least one"):
        services.create_job(symbols=[], timeframe="1")
    with pytest.raises(InvalidInput, match="timeframe"):
        services.create_job(symbols=["SPY"], timeframe="5x")
    with pytest.raises(NotFound, match="Known: main, archive"):
        services.create_job(symbols=["SPY"], timeframe="1", source="other")
    assert BackfillJob.objects.count() == 1


def test_a_source_that_cannot_be_opened_ends_the_job_with_its_reason(archive):
    job = job_of("SPY")
    BackfillJob.objects.filter(pk=job.pk).update(source="gone")
    with pytest.raises(NotFound, match="no feed named 'gone'"):
        services.run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.claimed_by) == ("failed", "")
    assert "gone" in job.error
    assert services.waiting_jobs() == []


def test_candles_of_a_simulated_vendor_come_over_its_own_protocol(archive, simulator):
    feeds.save_feed(name="main", kind="dxlink", api_url=simulator.rest_url, token=SECRET, is_default=True)
    job = services.create_job(symbols=["SPY", "QQQ"], timeframe="5", days=1)
    done = services.run_job(job_id=job.pk)
    assert done.state == "done", [item.error for item in done.items.all()]
    start, end = from_datetime(job.start), from_datetime(job.end)
    for symbol in ("SPY", "QQQ"):
        bars = archive.bars(symbol, "5")
        assert len(bars) == done.items.get(symbol=symbol).added
        assert 280 <= len(bars) <= 288
        assert start < bars[0].ts <= bars[-1].ts <= end
        assert {(bar.source, bar.quality) for bar in bars} == {("vendor:main", "vendor")}
    again = services.run_job(job_id=services.create_job(symbols=["SPY"], timeframe="5", days=1).pk)
    item = BackfillItem.objects.get(job=again)
    assert item.bars - item.added >= 280  # only what ended meanwhile is new


def test_jobs_are_the_same_for_any_order_of_failures(archive):
    """Whatever fails in whatever order, the archive ends up with every bar exactly once."""
    rng = random.Random(3)
    names = ["SPY", "QQQ", "IBM"]
    bars, job = vendor_bars(*names, count=12), job_of(*names, minutes=12)
    for _ in range(6):
        fails = {name: rng.randrange(7) for name in names}
        services.run_job(job_id=job.pk, source=Vendor(bars, request_ns=3 * NS_PER_MINUTE, fails=fails))
        if services.retry_failed(job_id=job.pk).state == "done":
            break
    else:
        services.run_job(job_id=job.pk, source=Vendor(bars))
    for name in names:
        assert archive.bars(name, "1") == [bar for bar in bars if bar.symbol == name]
    assert json.dumps(services.progress_of(services.get_job(job.pk)))
