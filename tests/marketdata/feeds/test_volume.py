"""Silent loss: the venue's volume of the day against the prints that reached us."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.feeds.volume import Loss, Unvouched, VolumeLedger

T = 1_763_735_400 * NS_PER_S
GRACE = 2 * NS_PER_S


def played(prints: list[tuple[int, float]], *, lost: set[int], delays: list[int], told_late: bool = False):
    """Losses that a ledger finds when these prints (ms, size) are traded and some of them lost; prints and volumes
    travel for as long as `delays` says, in ms."""
    ledger = VolumeLedger()
    ledger.told("Trade", T, 1_000.0, T)
    volume, arrivals = 1_000.0, []
    for number, (ms, size) in enumerate(prints):
        ts = T + ms * NS_PER_MS
        volume += size
        delay = delays[number % len(delays)] * NS_PER_MS
        if number not in lost:
            arrivals.append((ts + delay, 0 if told_late else 1, ts, size))
        arrivals.append((ts + (0 if told_late else delay), 2, ts, volume))
    found: list[Any] = []
    for now, what, ts, value in sorted(arrivals):
        if what == 2:
            ledger.told("Trade", ts, value, now)
        else:
            ledger.took(ts, value)
        found += filter(None, [ledger.settle(now)])
    for later in range(1, 40):
        found += filter(None, [ledger.settle(arrivals[-1][0] + later * NS_PER_S)])
    return found


prints = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 500).map(float)), min_size=2, max_size=60).map(
    lambda steps: [(sum(step for step, _ in steps[: at + 1]), size) for at, (_, size) in enumerate(steps)]
)


@given(prints, st.lists(st.integers(0, 1_900), min_size=1, max_size=7))
def test_what_arrives_in_time_is_no_loss_however_it_is_mixed_up(found, delays):
    assert played(found, lost=set(), delays=delays) == []


@given(prints, st.data())
def test_every_lost_print_lies_in_a_loss_that_is_told(found, data):
    lost = data.draw(st.sets(st.integers(0, len(found) - 1), min_size=1))
    losses = played(found, lost=lost, delays=[5, 40, 300])
    for number in lost:
        ts = T + found[number][0] * NS_PER_MS
        assert any(loss.since < ts <= loss.until for loss in losses)
    missing = sum(loss.traded - loss.received for loss in losses)
    assert missing == sum(found[number][1] for number in lost)


def test_prints_of_one_moment_are_no_loss_when_the_volume_comes_between_them():
    ledger = VolumeLedger()
    ledger.told("Trade", T, 100.0, T)
    for size in (5.0, 7.0):
        ledger.took(T + 1, size)
    ledger.told("Trade", T + 1, 105.0, T + 1)
    assert ledger.settle(T + GRACE + 2) is None
    ledger.told("Trade", T + 2, 112.0, T + GRACE + 3)
    assert ledger.settle(T + 3 * GRACE) is None


def test_a_new_day_begins_a_new_count():
    ledger = VolumeLedger()
    ledger.told("Trade", T, 9_000.0, T)
    ledger.took(T + 1, 5.0)
    ledger.told("Trade", T + 1, 5.0, T + 1)
    assert ledger.settle(T + GRACE + 2) is None
    ledger.told("Trade", T + 9, 15.0, T + 9)
    found = ledger.settle(T + GRACE + 10)
    assert found is not None
    # The print at the volume's own moment is in it already.
    assert str(found) == "the venue traded 10 and 0 of it was received"


def test_a_last_value_of_hours_that_are_over_hides_no_loss():
    """After a subscription the venue repeats both: the extended hours' after the regular ones'."""
    ledger = VolumeLedger()
    ledger.told("Trade", T, 9_000.0, T)
    ledger.told("Trade", T + 9, 9_700.0, T + 10)
    ledger.told("TradeETH", T - 1, 50.0, T + 10)
    found = ledger.settle(T + GRACE + 10)
    assert found == Loss(T, T + 9, 700.0, 0.0)


def test_hours_with_a_count_of_their_own_are_not_compared_with_each_other():
    ledger = VolumeLedger()
    ledger.told("TradeETH", T, 50.0, T)
    ledger.told("Trade", T + 1, 9_000.0, T + 1)
    assert ledger.settle(T + GRACE * 2) is None


def test_the_print_that_a_volume_was_told_with_hides_no_loss_after_it():
    """It is in that volume already, whether it came before it, after it or when all had been compared."""
    for late in (0, 1, GRACE * 2):
        ledger = VolumeLedger()
        if not late:
            ledger.took(T, 41.0)
        ledger.told("Trade", T, 5_000.0, T)
        if late == 1:
            ledger.took(T, 41.0)
        ledger.took(T + 1, 72.0)
        ledger.told("Trade", T + 1, 5_072.0, T + 1)
        assert ledger.settle(T + GRACE + 1) is None
        if late > 1:
            ledger.took(T, 41.0)
        ledger.told("Trade", T + 2, 5_080.0, T + GRACE + 2)  # 8 were traded and lost
        assert ledger.settle(T + GRACE * 3) == Loss(T + 1, T + 2, 8.0, 0.0)


def test_a_print_that_comes_after_it_was_told_lost_hides_no_other():
    ledger = VolumeLedger()
    ledger.told("Trade", T, 5_000.0, T)
    ledger.told("Trade", T + 1, 5_072.0, T + 1)
    assert ledger.settle(T + GRACE + 1) == Loss(T, T + 1, 72.0, 0.0)
    ledger.took(T + 1, 72.0)
    ledger.told("Trade", T + 2, 5_080.0, T + GRACE + 2)
    assert ledger.settle(T + GRACE * 3) == Loss(T + 1, T + 2, 8.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 99).map(float)), min_size=2, max_size=30),
    st.integers(0, 29),
    st.data(),
)
def test_a_count_that_begins_anywhere_finds_the_one_print_that_is_lost(steps, begins, data):
    """The first volume that comes may be any print's, and all prints are there long before it."""
    ts = [T + sum(step for step, _ in steps[: at + 1]) for at in range(len(steps))]
    begins = min(begins, len(steps) - 2)
    lost = data.draw(st.integers(begins + 1, len(steps) - 1))
    ledger = VolumeLedger()
    for at in range(begins, len(steps)):
        if at != lost:
            ledger.took(ts[at], steps[at][1])
    found: list[Any] = []
    volume = 1_000.0
    for at in range(begins, len(steps)):
        volume += steps[at][1]
        ledger.told("Trade", ts[at], volume, ts[at])
        found.append(ledger.settle(T + (at + 1) * GRACE * 2))
    found.append(ledger.settle(T + 100 * GRACE))
    (loss,) = filter(None, found)
    assert loss.since < ts[lost] <= loss.until


def test_prints_that_came_before_the_first_volume_are_vouched_for_by_nobody():
    ledger = VolumeLedger()
    ledger.took(T + 1, 100.0)  # one at T + 2 is lost
    ledger.took(T + 3, 100.0)
    ledger.told("Trade", T + 3, 5_300.0, T + 3)
    assert ledger.open_since == T + 1
    found = ledger.settle(T + 3)
    assert found == Unvouched(T + 1, T + 3)
    assert "vouches" in str(found)
    assert ledger.settle(T + 3) is None


def test_a_volume_that_comes_before_the_first_print_or_with_it_vouches_for_all():
    ledger = VolumeLedger()
    ledger.told("Trade", T, 5_000.0, T)
    ledger.took(T + 1, 100.0)
    assert ledger.settle(T + 1) is None
    ledger.reset()
    ledger.took(T + 2, 100.0)
    ledger.told("Trade", T + 2, 5_200.0, T + 2)
    assert ledger.settle(T + 2) is None


def test_where_the_line_ends_before_any_volume_was_told_everything_on_it_is_open():
    ledger = VolumeLedger()
    ledger.told("Trade", T, 5_000.0, T)
    ledger.reset()
    ledger.took(T + 5, 100.0)
    ledger.took(T + 9, 100.0)
    assert ledger.open_since == T + 5


def test_of_a_symbol_without_volumes_nothing_waits_to_be_compared():
    ledger = VolumeLedger()
    ledger.took(T + 5, 100.0)
    assert ledger.open_since is None
    assert ledger.settle(T + GRACE * 2) is None


def test_what_was_lost_before_the_hours_changed_is_still_found():
    for kind, volume in (("Trade", 30.0), ("TradeETH", 7.0)):
        ledger = VolumeLedger()
        ledger.told("TradeETH", T, 50.0, T)
        ledger.told("TradeETH", T + 5, 60.0, T + 5)  # its print is lost
        ledger.took(T + 9, volume)
        ledger.told(kind, T + 9, volume, T + 9)
        assert ledger.open_since == T
        assert ledger.settle(T + 9) is None
        assert ledger.settle(T + GRACE + 5) == Loss(T, T + 5, 10.0, 0.0)
        assert ledger.settle(T + GRACE + 9) is None
        assert ledger.open_since is None


def test_the_last_prints_of_some_hours_may_come_after_the_first_of_the_next():
    ledger = VolumeLedger()
    ledger.told("TradeETH", T, 50.0, T)
    ledger.told("TradeETH", T + 5, 60.0, T + 5)
    ledger.told("Trade", T + 9, 7.0, T + 9)
    ledger.took(T + 9, 7.0)
    ledger.took(T + 5, 10.0)
    assert [ledger.settle(T + GRACE * each) for each in (1, 2, 3)] == [None] * 3


def test_last_prints_of_some_hours_without_their_volume_are_vouched_for_by_nobody():
    ledger = VolumeLedger()
    ledger.told("TradeETH", T, 50.0, T)
    ledger.took(T + 3, 10.0)
    ledger.told("Trade", T + 9, 7.0, T + 9)
    assert ledger.settle(T + 9) is None
    assert ledger.settle(T + GRACE + 9) == Unvouched(T, T + 3)
    assert ledger.settle(T + GRACE * 2) is None


def test_volumes_that_only_say_where_to_count_from_are_compared_with_nothing():
    ledger = VolumeLedger()
    for ts, volume in ((T, 5_000.0), (T + 5, 5_070.0), (T + 3, 5_050.0)):
        ledger.begin("Trade", ts, volume)
    ledger.took(T + 5, 70.0)
    ledger.took(T + 7, 8.0)
    ledger.told("Trade", T + 7, 5_080.0, T + 7)
    assert ledger.settle(T + GRACE * 2) == Loss(T + 5, T + 7, 10.0, 8.0)
