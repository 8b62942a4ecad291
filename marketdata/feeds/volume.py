"""Prints that were lost without a word: the venue's own volume of the day against what we received."""

from collections import deque
from typing import NamedTuple

_GRACE_NS = 2_000_000_000  # a print may come this much later than the volume that holds it
_KEPT = 200_000  # prints that wait to be compared, at most
_KEPT_BEFORE = 256  # the same while the venue has not told its volume, and perhaps never will


class Loss(NamedTuple):
    """Volume that was traded after `since`, up to `until`, and never reached us."""

    since: int
    until: int
    traded: float
    received: float

    def __str__(self) -> str:
        return f"the venue traded {self.traded:g} and {self.received:g} of it was received"


class _Mark(NamedTuple):
    """The venue's word: `volume` had been traded on this day with the print at `ts`. Compared from `due` on."""

    due: int
    ts: int
    volume: float


class VolumeLedger:
    """One symbol's prints against the day volume that the venue sends beside them.

    Both come on ways of their own, so a volume is compared when `grace_ns` have passed since it came (by our clock):
    by then every print up to its time must be there. Only what is missing is a loss; a surplus is none, for volume
    can be taken back. A volume that falls is a new day. What is left over of prints that share the moment of a volume
    is carried on, because it may be in the next one.
    """

    __slots__ = ("_base", "_carry", "_first", "_flow", "_grace_ns", "_kind", "_newest")

    def __init__(self, *, grace_ns: int = _GRACE_NS) -> None:
        self._grace_ns = grace_ns
        self._kind = ""
        self._flow: deque[tuple[int, float]] = deque(maxlen=_KEPT)  # (ts, size), not compared yet
        self._carry = 0.0
        self._base: tuple[int, float] | None = None  # ts and volume up to which all is accounted for
        self._first: _Mark | None = None  # the next to be compared
        self._newest: _Mark | None = None

    def reset(self) -> None:
        """A new subscription: what was before is told otherwise."""
        self._flow.clear()
        self._carry = 0.0
        self._base = self._first = self._newest = None

    @property
    def open_since(self) -> int | None:
        """The ts up to which all is accounted for, while something after it waits to be; None where nothing does."""
        is_open = self._first is not None or bool(self._flow)
        return self._base[0] if is_open and self._base is not None else None

    def took(self, ts: int, size: float) -> None:
        """A print was received."""
        base = self._base
        if base is None:
            if len(self._flow) >= _KEPT_BEFORE:
                self._flow.popleft()
        elif ts < base[0]:
            return
        self._flow.append((ts, size))

    def told(self, kind: str, ts: int, volume: float, now: int) -> None:
        """The venue says the volume of the day as of the print at `ts`. `kind` names the count that it belongs to."""
        base = self._base
        if base is not None and kind != self._kind and ts < base[0]:
            return  # of hours that are over: repeated after a subscription
        if base is None or kind != self._kind or (volume < base[1] and ts >= base[0]):
            self._begin(kind, ts, volume)
            return
        if volume < (base[1] if self._newest is None else self._newest.volume):
            return  # overtaken on the way
        mark = _Mark(now + self._grace_ns, ts, volume)
        self._newest = mark
        if self._first is None:
            self._first = mark

    def settle(self, now: int) -> Loss | None:
        """Compare what is due; the loss, if one shows."""
        mark = self._first
        if mark is None or now < mark.due or self._base is None:
            return None
        since, before = self._base
        received, same = self._carry, 0.0
        kept: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        for ts, size in self._flow:
            if ts > mark.ts:
                kept.append((ts, size))
            else:
                received += size
                same += size if ts == mark.ts else 0.0
        traded = mark.volume - before
        self._flow, self._base = kept, (mark.ts, mark.volume)
        self._carry = min(max(0.0, received - traded), same)
        self._first = self._newest if self._newest is not None and self._newest.ts > mark.ts else None
        return Loss(since, mark.ts, traded, received) if received < traded * (1 - 1e-9) else None

    def _begin(self, kind: str, ts: int, volume: float) -> None:
        """All up to `ts` is accounted for by `volume`; prints of that very moment may be in it or not."""
        kept = [entry for entry in self._flow if entry[0] >= ts]
        self.reset()
        self._flow.extend(kept)
        self._kind, self._base = kind, (ts, volume)
