"""The venue's clock as far as we can know it: from the stamps of its prints and when they reached us."""

from engine.model.time import NS_PER_S
from marketdata.feeds.drift import Drift, Offset

_WINDOW_NS = 60 * NS_PER_S
_MAX_AHEAD_NS = 5 * NS_PER_S  # a stamp further ahead of our clock is a mistake, not the time


class VenueClock:
    """Follows the print that reached us fastest within the last minute or two: others only travelled longer.

    It is asked with the receipt of something, never with the time of asking: while nothing comes, the venue's clock
    is not known to have moved, and a line that fell silent must not end bars whose prints it kept to itself.
    `speed` is the market seconds per second of a simulated venue; there, stamps ahead of our clock are normal. With a
    `drift` stamps are also ahead where our own clock is behind, by as much.
    """

    def __init__(self, *, speed: float = 1.0, drift: Drift | None = None) -> None:
        self.offset: Offset | None = None  # between the two clocks, as of the last look
        self._drift = drift
        self._speed = speed
        self._most_ahead = _MAX_AHEAD_NS
        self._offset: int | None = None  # of the present window
        self._previous: int | None = None
        self._window_end = 0
        self._last_recv = 0
        self._begun = 0  # our clock at the first print: what is multiplied stays small enough for a float

    def saw(self, ts: int, ts_recv: int, *, is_print: bool = True) -> None:
        """A print stamped `ts`, or a bar that ended then, reached us at `ts_recv`."""
        if self._drift is not None and is_print:
            self._drift.saw(ts, ts_recv)
        if self._speed == 1.0 and ts > ts_recv + self._most_ahead:
            return
        self._begun = self._begun or ts_recv
        offset = ts - self._elapsed(ts_recv)
        if ts_recv >= self._window_end:
            self._previous, self._offset, self._window_end = self._offset, offset, ts_recv + _WINDOW_NS
        elif self._offset is None or offset > self._offset:
            self._offset = offset

    def received(self, ts_recv: int) -> None:
        """Anything at all reached us at `ts_recv`."""
        self._last_recv = max(self._last_recv, ts_recv)

    def measure(self) -> Offset | None:
        """How far the two clocks are apart; None while too little has come, and where the market is simulated."""
        self.offset = self._drift.measured(self._last_recv) if self._drift is not None else None
        behind = -self.offset.ns if self.offset is not None else 0
        self._most_ahead = _MAX_AHEAD_NS + max(0, behind)
        return self.offset

    @property
    def now(self) -> int | None:
        """The venue's time when something last reached us; None before the first print."""
        if self._offset is None or not self._last_recv:
            return None
        offset = self._offset if self._previous is None else max(self._offset, self._previous)
        return offset + self._elapsed(self._last_recv)

    def _elapsed(self, ts_recv: int) -> int:
        return int(self._speed * (ts_recv - self._begun))
