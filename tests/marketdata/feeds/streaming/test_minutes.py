"""The venue's minutes against the prints that were received of them."""

import random

import pytest

from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata.feeds.streaming.minutes import Loss, MinuteLedger

M = 1_000 * NS_PER_MINUTE


def ledger_of(*prints: tuple[int, float], tolerance: float = 0.0) -> MinuteLedger:
    """A ledger with a print in minute 0 and then (minute, size) prints."""
    ledger = MinuteLedger(grace_ns=2 * NS_PER_S, tolerance=tolerance)
    for number, (minute, size) in enumerate([(0, 1.0), *prints]):
        ledger.took(M + minute * NS_PER_MINUTE + number, size)
    return ledger


def test_a_minute_that_holds_what_came_is_no_loss():
    ledger = ledger_of((1, 5.0), (1, 2.5))
    ledger.told(M + NS_PER_MINUTE, 2, 7.5, 0)
    assert ledger.settle(9 * NS_PER_S) is None


def test_what_the_venue_has_more_is_a_loss_with_its_minute():
    ledger = ledger_of((1, 5.0))
    ledger.told(M + NS_PER_MINUTE, 3, 9.0, 0)
    assert ledger.settle(9 * NS_PER_S) == Loss(M + NS_PER_MINUTE, M + 2 * NS_PER_MINUTE, 2, 9.0, 5.0)
    assert ledger.settle(99 * NS_PER_S) is None, "once"


def test_what_we_have_more_is_none_because_venues_leave_some_conditions_out():
    ledger = ledger_of((1, 5.0), (1, 5.0), (1, 5.0))
    ledger.told(M + NS_PER_MINUTE, 2, 10.0, 0)
    assert ledger.settle(9 * NS_PER_S) is None


def test_late_prints_have_their_time_to_come():
    ledger = ledger_of((1, 5.0))
    ledger.told(M + NS_PER_MINUTE, 2, 9.0, 0)
    assert ledger.settle(NS_PER_S) is None
    ledger.took(M + NS_PER_MINUTE + 7, 4.0)
    assert ledger.settle(2 * NS_PER_S) is None


def test_a_minute_without_any_of_its_prints_is_lost_whole():
    ledger = ledger_of((1, 5.0))
    ledger.told(M + 2 * NS_PER_MINUTE, 4, 40.0, 0)
    found = ledger.settle(9 * NS_PER_S)
    assert found is not None
    assert (found.missed, found.received) == (4, 0.0)


def test_prints_that_never_came_at_all_are_lost_too():
    ledger = MinuteLedger(grace_ns=2 * NS_PER_S)
    for minute in range(3):
        ledger.told(M + minute * NS_PER_MINUTE, 4, 40.0, minute)
    assert ledger.settle(9 * NS_PER_S) == Loss(M + 2 * NS_PER_MINUTE, M + 3 * NS_PER_MINUTE, 4, 40.0, 0.0)
    assert ledger.settle(9 * NS_PER_S) is None


@pytest.mark.parametrize("minute", [-1, 0])
def test_the_minute_in_which_it_began_is_not_judged(minute):
    ledger = ledger_of()
    ledger.told(M + minute * NS_PER_MINUTE, 500, 9_999.0, 0)
    assert ledger.settle(9 * NS_PER_S) is None


def test_nothing_is_judged_before_the_first_print_and_after_a_new_subscription():
    ledger = MinuteLedger(grace_ns=0)
    ledger.told(M, 5, 5.0, 0)
    assert ledger.settle(1) is None
    ledger = ledger_of((1, 1.0))
    ledger.told(M + NS_PER_MINUTE, 5, 5.0, 0)
    ledger.reset()
    assert ledger.settle(9 * NS_PER_S) is None


def test_volumes_alone_may_be_rounded():
    ledger = ledger_of((1, 5.4), (2, 5.4), tolerance=1.0)
    ledger.told(M + NS_PER_MINUTE, 0, 6.0, 0)
    ledger.told(M + 2 * NS_PER_MINUTE, 0, 7.0, 0)
    assert ledger.settle(9 * NS_PER_S) is None
    found = ledger.settle(9 * NS_PER_S)
    assert found is not None
    assert found.missed == 0


def test_whatever_is_taken_away_is_noticed_and_nothing_else():
    for seed in range(200):
        rng = random.Random(seed)
        prints = [(1 + rng.randrange(6), float(rng.randint(1, 9))) for _ in range(60)]
        lost = set(rng.sample(range(60), rng.randrange(4)))
        ledger = ledger_of(*(each for number, each in enumerate(prints) if number not in lost))
        for minute in range(1, 7):
            inside = [size for each, size in prints if each == minute]
            ledger.told(M + minute * NS_PER_MINUTE, len(inside), sum(inside), 0)
        found = [ledger.settle(9 * NS_PER_S) for _ in range(6)]
        noticed = {(loss.since - M) // NS_PER_MINUTE: loss.missed for loss in found if loss}
        taken: dict[int, int] = {}
        for number in lost:
            taken[prints[number][0]] = taken.get(prints[number][0], 0) + 1
        assert noticed == taken, seed
