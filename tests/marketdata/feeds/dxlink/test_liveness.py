"""When a DXLink line counts as mute, and what ends its doubling."""

from marketdata.feeds.dxlink.liveness import Liveness
from marketdata.feeds.dxlink.options import DXLinkOptions


def verdict(made: Liveness, now: float) -> str:
    return made.verdict(now, last_frame=now, expects_data=True)


def muted(made: Liveness, now: float) -> float:
    """A connection at `now` whose last values come five seconds later and nothing else: when it is given up."""
    made.connected(now)
    made.data_came(now + 5.0, has_print=False)
    made.data_came(now + 5.2, has_print=False)
    at = now + 5.2
    while not verdict(made, at):
        at += 0.25
    return at


def test_a_venue_slow_to_repeat_its_last_values_does_not_end_the_doubling():
    made = Liveness(DXLinkOptions(mute_after_s=1.0))
    first = muted(made, 100.0)
    second = muted(made, first)
    third = muted(made, second)
    lasted = [round(at - begun - 5.2) for begun, at in ((100.0, first), (first, second), (second, third))]
    assert lasted == [1, 2, 4]


def test_what_is_new_ends_it():
    made = Liveness(DXLinkOptions(mute_after_s=1.0))
    second = muted(made, muted(made, 100.0))
    made.connected(second)
    made.data_came(second + 5.0, has_print=False)
    made.data_came(second + 5.8, has_print=False)
    assert verdict(made, second + 7.0)
    made.connected(second + 10.0)
    made.data_came(second + 10.1, has_print=True)
    assert verdict(made, second + 11.3)
