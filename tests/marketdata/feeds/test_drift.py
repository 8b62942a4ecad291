"""How far our clock is from the venue's."""

from engine.model.time import NS_PER_MS, NS_PER_S
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.drift import Drift, Offset

T = 1_763_700_000 * NS_PER_S


def fed(offset_ms: int, *, seconds: int = 20, drift: Drift | None = None) -> Drift:
    """Prints of 20, 35 and 200 ms on the way in each second, stamped by a clock that is `offset_ms` behind ours."""
    drift = drift or Drift()
    for second in range(seconds):
        for way_ms in (35, 20, 200):
            stamped = T + second * NS_PER_S + way_ms * NS_PER_MS
            drift.saw(stamped, stamped + (way_ms + offset_ms) * NS_PER_MS)
    return drift


def test_the_fastest_print_of_each_second_tells():
    assert fed(0).measured(T + 20 * NS_PER_S) == Offset(20 * NS_PER_MS, 0)
    assert fed(1_500).measured(T + 20 * NS_PER_S) == Offset(1_520 * NS_PER_MS, 0)
    assert fed(-1_500).measured(T + 20 * NS_PER_S) == Offset(-1_480 * NS_PER_MS, 0)


def test_a_wrong_stamp_or_some_late_seconds_say_nothing():
    drift = fed(0)
    drift.saw(T + 7_200 * NS_PER_S, T + 20 * NS_PER_S)
    for second in range(21, 27):
        drift.saw(T + second * NS_PER_S - 9 * NS_PER_S, T + second * NS_PER_S)
    offset = drift.measured(T + 27 * NS_PER_S)
    assert offset is not None
    assert offset.ns == 20 * NS_PER_MS


def test_too_little_or_too_old_is_no_measure_and_another_day_is_a_simulated_market():
    assert fed(0, seconds=10).measured(T + 10 * NS_PER_S) is None
    assert fed(0).measured(T + 600 * NS_PER_S) is None
    assert fed(13 * 3_600_000).measured(T + 13 * 3_600 * NS_PER_S + 20 * NS_PER_S) is None


def test_it_is_told_in_words():
    assert str(Offset(-2_400 * NS_PER_MS, 0)) == "prints come from 2.4 s in the future: our clock is behind"
    assert "or the data are delayed" in str(Offset(900 * NS_PER_S, 0))


def test_a_clock_of_ours_that_is_far_behind_does_not_stop_the_venues():
    clock = VenueClock(drift=Drift())
    ours = T
    for _ in range(20):
        ours += NS_PER_S
        clock.saw(ours + 30 * NS_PER_S, ours)
        clock.received(ours)
    assert clock.now is None  # who looks at a stamp so far ahead alone, must take it for a mistake
    assert clock.measure() == Offset(-30 * NS_PER_S, 0)
    clock.saw(ours + 30 * NS_PER_S, ours)
    assert clock.now == ours + 30 * NS_PER_S
    clock.saw(ours + 90 * NS_PER_S, ours)
    assert clock.now == ours + 30 * NS_PER_S
