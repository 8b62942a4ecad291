"""How far our clock is from the venue's, as the prints themselves tell: no other clock is asked."""

from collections import deque
from statistics import median
from typing import NamedTuple

from engine.model.time import NS_PER_S

_BUCKETS = 60
_LEAST_BUCKETS = 10  # that many with prints, and there is something to say
_ANOTHER_TIME_NS = 12 * 3_600 * NS_PER_S  # a market that lives on another day is a simulated one


class Offset(NamedTuple):
    """So much older than our clock says are prints when they reach us: the way, and how far our clock is ahead. Below
    zero it is certainly behind. `error_ns` is how much single seconds differ from that."""

    ns: int
    error_ns: int

    def __str__(self) -> str:
        seconds = f"{abs(self.ns) / NS_PER_S:.1f} s"
        if self.ns < 0:
            return f"prints come from {seconds} in the future: our clock is behind"
        return f"prints are {seconds} old when they come: our clock is ahead, or the data are delayed"


class Drift:
    """Keeps, for each sixtieth of `over_s`, the print that was fastest: the others only travelled longer. The median of
    these is the offset, so that a wrong stamp, or some late ones, say nothing."""

    def __init__(self, *, over_s: float = 60.0) -> None:
        self._span_ns = int(over_s * NS_PER_S / _BUCKETS)
        self._minima: deque[tuple[int, int]] = deque(maxlen=_BUCKETS)  # (end by our clock, least delay)
        self._least = 0
        self._end = 0

    def saw(self, ts: int, ts_recv: int) -> None:
        """A print stamped `ts` reached us at `ts_recv`."""
        delay = ts_recv - ts
        if ts_recv >= self._end:
            if self._end:
                self._minima.append((self._end, self._least))
            self._least, self._end = delay, ts_recv + self._span_ns
        elif delay < self._least:
            self._least = delay

    def measured(self, now: int) -> Offset | None:
        """The offset as of `now`, by our clock; None while too little is known."""
        since = now - 2 * _BUCKETS * self._span_ns
        found = [least for end, least in self._minima if end > since]
        if len(found) < _LEAST_BUCKETS:
            return None
        middle = int(median(found))
        if abs(middle) > _ANOTHER_TIME_NS:
            return None
        return Offset(middle, int(median(abs(each - middle) for each in found)))
