"""Prints that were lost without a word: the venue's own minutes against what we received of them."""

from typing import NamedTuple

from engine.model.time import NS_PER_MINUTE

_KEPT = 16  # minutes that wait to be compared


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
    is not compared, because it may have begun before.
    """

    __slots__ = ("_first", "_grace_ns", "_minutes", "_tolerance", "_waiting")

    def __init__(self, *, grace_ns: int, tolerance: float = 0.0) -> None:
        """`tolerance`: so much volume may be missing by rounding."""
        self._grace_ns = grace_ns
        self._tolerance = tolerance
        self._first: int | None = None
        self._minutes: dict[int, list[float]] = {}  # minute → number and volume
        self._waiting: list[tuple[int, int, int, float]] = []  # (due, minute, number, volume)

    def reset(self) -> None:
        """A new subscription: what was before is told otherwise."""
        self._first = None
        self._minutes.clear()
        self._waiting.clear()

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
        minute = opened // NS_PER_MINUTE
        if self._first is None:
            self._first = minute + 1  # we may have subscribed in that one; from then on prints must come
        if minute > self._first:
            self._waiting.append((now + self._grace_ns, minute, number, volume))

    def settle(self, now: int) -> Loss | None:
        """Compare what is due; the loss, if one shows."""
        if not self._waiting or self._waiting[0][0] > now:
            return None
        _, minute, number, volume = self._waiting.pop(0)
        counted, received = self._minutes.get(minute, (0.0, 0.0))
        missed = max(0, number - int(counted))
        if not missed and received + self._tolerance >= volume * (1 - 1e-9):
            return None
        return Loss(minute * NS_PER_MINUTE, (minute + 1) * NS_PER_MINUTE, missed, volume, received)

    def _begin(self, minute: int) -> list[float]:
        if self._first is None:
            self._first = minute
        if len(self._minutes) >= _KEPT:
            del self._minutes[min(self._minutes)]
        found = self._minutes[minute] = [0.0, 0.0]
        return found
