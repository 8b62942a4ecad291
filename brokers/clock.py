"""A venue's clock: how far it is ahead of ours, as its answers tell."""

import email.utils
import time

from engine.model.time import NS_PER_S

_SKEW_THAT_COUNTS_S = 2.0  # venues tell their time in whole seconds
_MARGIN_NS = 2 * NS_PER_S  # clocks agree to about that


class VenueClock:
    """`offset_ns` is how far the venue's clock is ahead of ours, as far as it says."""

    def __init__(self) -> None:
        self.offset_ns = 0

    def note(self, date: str) -> None:
        """The `Date` header of an answer; one that cannot be read changes nothing."""
        try:
            theirs = email.utils.parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        self.heard(theirs)

    def heard(self, theirs: float) -> None:
        """It is `theirs` there now, in seconds since 1970."""
        offset_s = theirs - time.time()
        self.offset_ns = int(offset_s * NS_PER_S) if abs(offset_s) > _SKEW_THAT_COUNTS_S else 0

    def now(self) -> int:
        """The venue's time, UTC ns."""
        return time.time_ns() + self.offset_ns

    def theirs(self, ts: int) -> int:
        """Our time as the venue's clock showed it, with room for what clocks differ anyway."""
        return max(ts + self.offset_ns - _MARGIN_NS, 0)
