"""Delays grow, are capped and spread, and begin anew when the connection proved useful."""

import random

from infra.backoff import Backoff


def test_delays_double_up_to_the_cap_within_their_jitter():
    policy = Backoff(base_s=1.0, cap_s=8.0, rng=random.Random(1))
    for ceiling in (1, 2, 4, 8, 8, 8):
        assert ceiling / 2 <= policy.next_delay() <= ceiling


def test_after_a_reset_it_begins_anew():
    policy = Backoff(base_s=1.0, cap_s=64.0)
    for _ in range(5):
        policy.next_delay()
    policy.reset()
    assert policy.next_delay() <= 1.0


def test_what_the_venue_asked_for_is_the_least():
    assert Backoff(base_s=0.1).next_delay(at_least_s=7.0) == 7.0


def test_a_very_long_outage_overflows_nothing():
    policy = Backoff(base_s=0.5, cap_s=30.0)
    policy.attempt = 10_000
    assert policy.next_delay() <= 30.0


def test_two_clients_do_not_come_back_together():
    first, second = Backoff(rng=random.Random(1)), Backoff(rng=random.Random(2))
    assert [first.next_delay() for _ in range(5)] != [second.next_delay() for _ in range(5)]
