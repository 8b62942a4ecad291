"""Every call of a broker is measured, and the health page shows the percentiles."""

import asyncio

import pytest
import redis
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from brokers.health import broker_health, response_times
from brokers.timed import BROKER_CALL, NAME, TimedVenue
from brokers.venue import OrderRefused, OutcomeUnknown, Unknown
from engine.instruments.catalog import instrument_for
from infra import metrics
from infra.redis import keys
from tests.brokers.tastytrade.test_translate import order
from tests.trading.runtime.fake_venue import DROPPED, LOST, FakeVenue

SPY = instrument_for("SPY")


def count(broker: str, call: str, end: str) -> float:
    return sum(
        sample.value
        for family in BROKER_CALL.collect()
        for sample in family.samples
        if sample.name == f"{NAME}_count" and sample.labels == {"broker": broker, "call": call, "end": end}
    )


async def test_every_way_in_which_a_call_may_end_is_counted_apart():
    fake = FakeVenue()
    venue = TimedVenue(fake, "fake-1")
    fake.script.extend([OrderRefused("no"), LOST, DROPPED])
    with pytest.raises(OrderRefused):
        await venue.place(order(), SPY)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await venue.place(order(), SPY)
    await venue.place(order(), SPY)
    fake.unreachable = "away"
    assert isinstance(await venue.positions(), Unknown)
    assert [count("fake-1", "place", end) for end in ("ok", "refused", "unknown")] == [1, 1, 2]
    assert count("fake-1", "positions", "unknown") == 1


async def test_a_call_that_was_given_up_is_counted_as_unknown():
    fake = FakeVenue()
    fake.is_slow = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await TimedVenue(fake, "fake-2").place(order(), SPY)
    assert count("fake-2", "place", "unknown") == 1


def exposition(**seconds: list[float]) -> str:
    registry = CollectorRegistry()
    made = Histogram(NAME, "x", ["broker", "call", "end"], buckets=(0.01, 0.1, 1.0), registry=registry)
    for call, values in seconds.items():
        for value in values:
            made.labels("tastytrade", call, "ok").observe(value)
    return generate_latest(registry).decode()


def test_percentiles_add_up_over_processes_and_ends():
    texts = [exposition(place=[0.005] * 90), exposition(place=[0.5] * 10, find=[5.0]), "nothing_else 1\n"]
    assert response_times(texts) == {
        "tastytrade find": {"count": 1, "p50_ms": 10_000.0, "p95_ms": 10_000.0},
        "tastytrade place": {"count": 100, "p50_ms": 10.0, "p95_ms": 1_000.0},
    }


def test_the_health_page_shows_what_running_traders_left(redis_url):
    assert broker_health().detail == "No broker was called lately."
    BROKER_CALL.labels("fake-3", "place", "ok").observe(0.02)
    with redis.Redis.from_url(redis_url) as client:
        client.set(keys.metrics("trader:main"), metrics.exposition())
    found = broker_health()
    assert found.data is not None
    assert found.data["calls"]["fake-3 place"] == {"count": 1, "p50_ms": 20.0, "p95_ms": 20.0}


def test_a_redis_that_is_away_is_unknown():
    assert broker_health().state == "unknown"
