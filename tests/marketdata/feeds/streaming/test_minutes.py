"""The venue's minutes against the prints that were received of them."""

import random

import pytest

from engine.model.time import NS_PER_MINUTE, NS_PER_S
from marketdata.feeds.streaming.minutes import Hole, Loss, MinuteLedger

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
    ledger.reset()
    ledger.told(M + NS_PER_MINUTE, 5, 5.0, 0)
    assert ledger.settle(9 * NS_PER_S) is None


def test_a_minute_that_was_over_before_the_line_broke_is_still_compared():
    ledger = ledger_of((1, 1.0), (2, 1.0))
    ledger.told(M + NS_PER_MINUTE, 5, 5.0, 0)
    ledger.reset()
    ledger.took(M + 2 * NS_PER_MINUTE + 30 * NS_PER_S, 1.0)
    assert ledger.settle(9 * NS_PER_S) == Loss(M + NS_PER_MINUTE, M + 2 * NS_PER_MINUTE, 4, 5.0, 1.0)
    assert ledger.settle(9 * NS_PER_S) is None


def test_a_line_that_breaks_twice_hides_nothing_of_what_was_over_before():
    ledger = ledger_of((1, 1.0), (2, 1.0), (3, 1.0), (4, 1.0))
    ledger.told(M + NS_PER_MINUTE, 1, 1.0, 0)
    for _ in range(2):
        ledger.reset()
    assert ledger.untold() == Hole(M + 2 * NS_PER_MINUTE, M + 4 * NS_PER_MINUTE)
    assert ledger.missing(M + 3 * NS_PER_MINUTE, 0, 4.0) is not None
    assert ledger.missing(M + 4 * NS_PER_MINUTE, 0, 4.0) is None, "in that one the line broke"


def test_what_the_venue_told_of_no_minute_before_the_line_broke_is_a_hole():
    ledger = ledger_of((1, 1.0))
    ledger.told(M + NS_PER_MINUTE, 1, 1.0, 0)
    ledger.took(M + 2 * NS_PER_MINUTE, 1.0)  # its bar is lost
    ledger.took(M + 3 * NS_PER_MINUTE, 1.0)  # what came after it is told as the gap of the line
    ledger.reset()
    assert ledger.untold() == Hole(M + 2 * NS_PER_MINUTE, M + 3 * NS_PER_MINUTE)
    assert ledger.missing(M + 2 * NS_PER_MINUTE, 0, 1.0) is None
    assert ledger.missing(M + 2 * NS_PER_MINUTE, 0, 4.0) is not None


def test_volumes_alone_may_be_rounded():
    ledger = ledger_of((1, 5.4), (2, 5.4), tolerance=1.0)
    ledger.told(M + NS_PER_MINUTE, 0, 6.0, 0)
    ledger.told(M + 2 * NS_PER_MINUTE, 0, 7.0, 0)
    assert ledger.settle(9 * NS_PER_S) is None
    found = ledger.settle(9 * NS_PER_S)
    assert found is not None
    assert found.missed == 0


@pytest.mark.parametrize("seed", range(60))
def test_lines_that_break_bars_that_do_not_come_and_a_slow_history_hide_no_loss(seed):
    """An hour of eight prints a minute. Some are lost, some of the venue's bars are, lines break, and the history is
    asked late. All that is lost is noticed, but for the minute of a break, whose bar is known not to be whole."""
    rng = random.Random(seed)
    ledger, noticed, lost = ledger_of(), set[int](), set[int]()
    volumes: dict[int, float] = {}
    waiting: Hole | None = None
    ledger.told(M, 1, 1.0, 0)
    for minute in range(1, 60):
        sizes = [float(rng.randint(1, 9)) for _ in range(8)]
        volumes[minute] = sum(sizes)
        gone = {number for number in range(7) if rng.random() < 0.03}
        breaks_at = rng.randrange(1, 8) if rng.random() < 0.05 else None
        for number, size in enumerate(sizes):
            if number == breaks_at:
                ledger.reset()
            if number not in gone:
                ledger.took(M + minute * NS_PER_MINUTE + number, size)
        if gone and breaks_at is None:
            lost.add(minute)
        if rng.random() < 0.8:
            ledger.told(M + minute * NS_PER_MINUTE, 8, volumes[minute], 0)
        loss = ledger.settle(9 * NS_PER_S)
        if loss is not None:
            noticed.add((loss.since - M) // NS_PER_MINUTE)
        is_last = minute == 59
        found = ledger.untold(M + 60 * NS_PER_MINUTE if is_last else 0)
        if found is not None:
            waiting = found if waiting is None else found.with_(waiting)
        if waiting is not None and (is_last or rng.random() < 0.03):
            noticed |= _asked(ledger, waiting, volumes)
            waiting = None
    assert noticed == lost


def _asked(ledger: MinuteLedger, hole: Hole, volumes: dict[int, float]) -> set[int]:
    """The minutes of a hole in which the history shows more than came."""
    asked = [minute for minute in volumes if hole.since <= M + minute * NS_PER_MINUTE < hole.until]
    found = [ledger.missing(M + minute * NS_PER_MINUTE, 0, volumes[minute]) for minute in asked]
    ledger.vouched(hole)
    return {(loss.since - M) // NS_PER_MINUTE for loss in found if loss is not None}


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
