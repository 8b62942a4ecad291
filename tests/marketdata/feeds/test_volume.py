"""Silent loss: the venue's volume of the day against the prints that reached us."""

from hypothesis import given
from hypothesis import strategies as st

from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.feeds.volume import Loss, VolumeLedger

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
    found: list[Loss] = []
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
    # The print at the volume's own moment may be in it already, so it counts for us once.
    assert str(found) == "the venue traded 10 and 5 of it was received"


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
