"""Daily bars of a quarter from Alpaca's simulator: complete, and asked for again while it is busy."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.model.time import from_datetime
from marketdata import services as feeds
from marketdata.backfill import services
from marketdata.models import BackfillItem
from simulators.alpaca.serve import AlpacaConfig, AlpacaSimulator, serve_alpaca
from simulators.faults import FaultScript
from simulators.market import MarketConfig

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alpaca() -> Iterator[AlpacaSimulator]:
    """It serves from a thread, so that code that is not asynchronous can talk to it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    market = MarketConfig(seed=7, symbols=("SPY", "QQQ"), tick_rate=0.01)
    running = asyncio.run_coroutine_threadsafe(serve_alpaca(AlpacaConfig(market=market, stream_port=0)), loop).result(
        20
    )
    yield running
    asyncio.run_coroutine_threadsafe(running.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_ninety_days_of_daily_bars_are_filled_though_the_vendor_is_busy_at_first(archive, alpaca):
    options = {"data_url": alpaca.rest_url, "stream_url": alpaca.stream_url, "requests_per_minute": 6_000}
    token = '{"key": "k", "secret": "s"}'
    feeds.save_feed(name="alpaca", kind="alpaca", token=token, options=options, is_default=True)
    days = 132  # of the calendar: a little more than ninety of the exchange
    job = services.create_job(symbols=["SPY", "QQQ"], timeframe="1d", days=days)
    alpaca.faults.add(FaultScript("throttle", for_s=1.2))
    deadline = time.monotonic() + 60
    while not alpaca.faults.refuses_requests:  # the fault begins with the simulator's next turn
        assert time.monotonic() < deadline
        time.sleep(0.005)
    done = services.run_job(job_id=job.pk)
    assert done.state == "done", [item.error for item in done.items.all()]
    for symbol in ("SPY", "QQQ"):
        bars = archive.bars(symbol, "1d")
        assert len(bars) == BackfillItem.objects.get(job=job, symbol=symbol).added >= 90
        assert {(bar.source, bar.quality) for bar in bars} == {("vendor:alpaca", "vendor")}
        assert len({bar.ts for bar in bars}) == len(bars)
        newest = from_datetime(datetime.now(tz=UTC) - timedelta(days=5))
        assert bars[-1].ts > newest
    again = services.run_job(job_id=services.create_job(symbols=["SPY"], timeframe="1d", days=days).pk)
    assert BackfillItem.objects.get(job=again).added == 0
