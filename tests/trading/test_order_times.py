"""How long orders took is told per account, as percentiles of what really happened."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from engine.errors import InvalidInput
from engine.model.time import from_datetime, iso
from tests.trading.people import client_of, order, person
from trading.order_times import order_times
from users.roles import Role

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 11, 20, 15, tzinfo=UTC)


def took(number: int, *, sent: int = 5, accepted: int = 20, filled: int = 100, **changes) -> None:
    """An order whose steps took so many milliseconds each."""
    moments = (
        ("approved", 0),
        ("submitted", sent),
        ("accepted", sent + accepted),
        ("filled", sent + accepted + filled),
    )
    timeline = [{"state": state, "at": iso(from_datetime(T0 + timedelta(milliseconds=ms)))} for state, ms in moments]
    order(number, **{"timeline": timeline, "created_at": timezone.now(), **changes})


def test_percentiles_are_those_of_the_orders_of_each_account():
    for number in range(1, 101):
        took(number, accepted=number, broker="one")
    took(101, accepted=7, broker="two")
    one, two = order_times()
    assert (one["account"], one["orders"], two["account"]) == ("one", 100, "two")
    assert one["spans"]["accepted"] == {"orders": 100, "p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}
    assert two["spans"]["whole"]["p50_ms"] == 112.0


def test_an_order_that_waits_for_its_price_says_nothing_about_speed():
    took(1, filled=3_600_000, type="limit")
    [found] = order_times()
    assert set(found["spans"]) == {"sent", "accepted"}


def test_a_simulated_venue_has_no_submission_and_a_cancelled_order_no_fill():
    order(1, created_at=timezone.now(), timeline=[{"state": "approved", "at": "2026-11-20T15:00:00.000000001Z"}])
    assert order_times() == [{"account": "paper", "orders": 1, "spans": {}}]


def test_older_orders_and_other_strategies_are_left_out():
    took(1, created_at=timezone.now() - timedelta(days=40))
    took(2, strategy="other")
    assert [found["orders"] for found in order_times()] == [1]
    assert order_times(strategy="ema", book="paper") == []
    with pytest.raises(InvalidInput, match="days"):
        order_times(days=0)


def test_the_route_answers_readers_and_names_what_is_wrong(redis_url):
    took(1)
    api = client_of(person(Role.VIEWER))
    assert api.get("/api/orders/times?book=paper&days=3").data["accounts"][0]["orders"] == 1
    assert api.get("/api/orders/times?days=x").status_code == 400
