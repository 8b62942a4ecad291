"""Prints that were lost without a word: the venue's own minutes against what we received of them."""

from typing import NamedTuple

from engine.model.time import NS_PER_MINUTE

_KEPT = 16  # minutes that wait to be compared
_OPEN = 1 << 62  # a minute that no line reaches
_KEPT_LONGEST = 240  # those that wait for the history: it may be slow, or away


class Hole(NamedTuple):
    """The minutes from `since` up to `until`, of which the venue sent no bar: quiet ones, or lost ones."""

    since: int
    until: int

    def with_(self, other: "Hole") -> "Hole":
        """Both, and what is between them."""
        return Hole(min(self.since, other.since), max(self.until, other.until))


class Loss(NamedTuple):
    """In the minute that began at `since` the venue counted more than reached us."""

    since: int
    until: int
    missed: int  # prints, 0 where the venue tells volumes only
    traded: float
    received: float

    def __str__(self) -> str:
        return f"the venue's minute has a volume of {self.traded:g}, and {self.received:g} of it was received"


class MinuteLedger:
    """One symbol's prints by minute against the venue's bars of the same minutes.

    A bar is compared when `grace_ns` have passed since it came (by our clock), for prints may be late. Only what is
    missing is a loss: the venue leaves prints of some conditions out of its bars. The first minute after a subscription
    is not compared, because it may have begun before. What was received in the minutes of a hole is remembered until
    somebody has vouched for them.
    """

    __slots__ = (
        "_breaks", "_expected", "_first", "_forgotten", "_grace_ns", "_has_bars", "_hole", "_minutes", "_tolerance",
        "_unvouched", "_waiting",
    )  # fmt: skip

    def __init__(self, *, grace_ns: int, tolerance: float = 0.0) -> None:
        """`tolerance`: so much volume may be missing by rounding."""
        self._grace_ns = grace_ns
        self._tolerance = tolerance
        self._first: int | None = None
        self._expected = 0  # the minute of which we hear next, if it is not quiet
        self._has_bars = False  # the venue has ever told one
        self._hole: Hole | None = None  # not told yet
        self._unvouched: Hole | None = None  # all that nobody has vouched for yet
        self._breaks: list[tuple[int, int]] = []  # from a line's last minute to the next one's first: told otherwise
        self._forgotten = -1  # up to this minute it is not known any more what came
        self._minutes: dict[int, list[float]] = {}  # minute → number and volume
        self._waiting: list[tuple[int, int, int, float]] = []  # (due, minute, number, volume)

    def reset(self) -> None:
        """A new subscription. What came after the last print of the old one is told otherwise; minutes that were over
        by then are still compared, and a hole among them is still one."""
        if self._first is None:
            return  # on the last one nothing came
        newest = max(self._minutes, default=self._first)
        self._pass_to(newest)
        told = {minute for _, minute, _, _ in self._waiting}
        cut = newest + (newest in told)  # the minute in which the line broke
        needed = cut if self._unvouched is None else self._unvouched.since // NS_PER_MINUTE
        if self._unvouched is not None:
            self._breaks.append((cut, _OPEN))
        self._minutes = {at: found for at, found in self._minutes.items() if at in told or needed <= at < cut}
        self._first, self._expected = None, 0

    def took(self, ts: int, size: float) -> None:
        """A print was received."""
        minute = ts // NS_PER_MINUTE
        found = self._minutes.get(minute)
        if found is None:
            found = self._begin(minute)
        found[0] += 1
        found[1] += size

    def told(self, opened: int, number: int, volume: float, now: int) -> None:
        """The venue's bar of the minute that began at `opened`; `number` 0 where it does not count prints."""
        minute, self._has_bars = opened // NS_PER_MINUTE, True
        if self._first is None:
            self._start(minute + 1)  # we may have subscribed in that one; from then on prints must come
        elif minute > self._first:
            self._waiting.append((now + self._grace_ns, minute, number, volume))
        self._pass_to(minute)
        self._expected = max(self._expected, minute + 1)

    def untold(self, now: int = 0) -> Hole | None:
        """The hole before the last bar that came, once; where none comes any more, the one up to the venue's `now`."""
        self._pass_to(now // NS_PER_MINUTE)
        found, self._hole = self._hole, None
        return found

    def settle(self, now: int) -> Loss | None:
        """Compare what is due; the loss, if one shows."""
        if not self._waiting or self._waiting[0][0] > now:
            return None
        _, minute, number, volume = self._waiting.pop(0)
        return self.missing(minute * NS_PER_MINUTE, number, volume)

    def vouched(self, hole: Hole) -> None:
        """What came in these minutes need not be remembered any more: the history was asked, or cannot be."""
        if self._unvouched is not None:
            self._unvouched = Hole(hole.until, self._unvouched.until) if self._unvouched.until > hole.until else None
        if self._unvouched is None:
            self._breaks.clear()

    def missing(self, opened: int, number: int, volume: float) -> Loss | None:
        """What the venue's minute that began at `opened` has more than came; None too where that was too long ago."""
        minute = opened // NS_PER_MINUTE
        if minute <= self._forgotten or any(last <= minute <= first for last, first in self._breaks):
            return None
        counted, received = self._minutes.get(minute, (0.0, 0.0))
        missed = max(0, number - int(counted))
        if not missed and received + self._tolerance >= volume * (1 - 1e-9):
            return None
        return Loss(minute * NS_PER_MINUTE, (minute + 1) * NS_PER_MINUTE, missed, volume, received)

    def _pass_to(self, minute: int) -> None:
        """The minutes before this one are over: those we did not hear of are a hole."""
        if self._first is None or not self._has_bars:
            return
        expected = max(self._expected, self._first + 1)
        if minute > expected:
            hole = Hole(expected * NS_PER_MINUTE, minute * NS_PER_MINUTE)
            self._hole = hole if self._hole is None else hole.with_(self._hole)
            self._unvouched = hole if self._unvouched is None else hole.with_(self._unvouched)
            self._expected = minute

    def _begin(self, minute: int) -> list[float]:
        if self._first is None:
            self._start(minute)
        self._make_room()
        found = self._minutes[minute] = [0.0, 0.0]
        return found

    def _start(self, minute: int) -> None:
        """The first minute after a subscription."""
        self._first = minute
        if self._breaks:
            self._breaks[-1] = (self._breaks[-1][0], minute)

    def _make_room(self) -> None:
        """Forget the oldest minutes, but none since the first that nobody has vouched for."""
        while len(self._minutes) >= _KEPT:
            oldest = min(self._minutes)
            is_needed = self._unvouched is not None and oldest >= self._unvouched.since // NS_PER_MINUTE
            if is_needed and len(self._minutes) < _KEPT_LONGEST:
                return
            del self._minutes[oldest]
            self._forgotten = max(self._forgotten, oldest)
