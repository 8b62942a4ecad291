"""Prints that were lost without a word: the venue's own volume of the day against what we received."""

from collections import deque
from collections.abc import Iterable
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


class Unvouched(NamedTuple):
    """Prints from `since` to `until` that no volume was told for: what is missing among them nobody knows."""

    since: int
    until: int

    def __str__(self) -> str:
        return "prints came without the venue's volume, so nobody vouches for them"


class _Mark(NamedTuple):
    """The venue's word: `volume` had been traded on this day with the print at `ts`. Compared from `due` on."""

    due: int
    ts: int
    volume: float


class _Count:
    """One count of the venue's: all up to `ts` is accounted for by `volume`, and what came since waits.

    A volume is told with a print, so the first print of its moment is in it. Others of that moment may be in it or
    in the next one: what is left over of them is carried on.
    """

    __slots__ = ("_carry", "_first", "_has_own", "_newest", "flow", "ts", "volume")

    def __init__(self, ts: int, volume: float, prints: Iterable[tuple[int, float]] = ()) -> None:
        self.flow: deque[tuple[int, float]] = deque(prints, maxlen=_KEPT)  # (ts, size), not compared yet
        self.restart(ts, volume)

    def restart(self, ts: int, volume: float) -> None:
        """Count from here, whatever was before."""
        self.ts, self.volume = ts, volume
        self._carry = 0.0
        self._has_own = False  # the print that `volume` was told with has come
        self._first: _Mark | None = None  # the next to be compared
        self._newest: _Mark | None = None
        if self.flow:
            prints, self.flow = self.flow, deque(maxlen=_KEPT)
            for each in prints:
                self.took(*each)

    @property
    def waits(self) -> bool:
        return self._first is not None or bool(self.flow)

    @property
    def has_marks(self) -> bool:
        return self._first is not None

    def took(self, ts: int, size: float) -> None:
        if ts > self.ts:
            self.flow.append((ts, size))
        elif ts == self.ts:
            if self._has_own:
                self.flow.append((ts, size))
            self._has_own = True

    def told(self, due: int, ts: int, volume: float) -> None:
        if volume < (self.volume if self._newest is None else self._newest.volume):
            return  # overtaken on the way
        mark = _Mark(due, ts, volume)
        self._newest = mark
        if self._first is None:
            self._first = mark

    def settle(self, now: int) -> Loss | None:
        """Compare what is due."""
        mark = self._first
        if mark is None or now < mark.due:
            return None
        since, traded, received = self.ts, mark.volume - self.volume, self._carry
        kept: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        same: list[float] = []
        for ts, size in self.flow:
            if ts > mark.ts:
                kept.append((ts, size))
                continue
            received += size
            if ts == mark.ts:
                same.append(size)
        self._has_own = bool(same) or (mark.ts == since and self._has_own)
        self.flow, self.ts, self.volume = kept, mark.ts, mark.volume
        self._carry = min(max(0.0, received - traded), sum(same[1:]))
        self._first = self._newest if self._newest is not None and self._newest.ts > mark.ts else None
        return Loss(since, mark.ts, traded, received) if received < traded * (1 - 1e-9) else None


class VolumeLedger:
    """One symbol's prints against the day volume that the venue sends beside them.

    Both come on ways of their own, so a volume is compared when `grace_ns` have passed since it came (by our clock):
    by then every print up to its time must be there. Only what is missing is a loss; a surplus is none, for volume
    can be taken back. A volume that falls is a new day, one of another kind that of other hours; both begin a count
    of their own, and the one before them is still compared.
    """

    __slots__ = (
        "_before", "_begun", "_closing", "_closing_due", "_count", "_grace_ns", "_has_volume", "_kind", "_unvouched",
    )  # fmt: skip

    def __init__(self, *, grace_ns: int = _GRACE_NS) -> None:
        self._grace_ns = grace_ns
        self._kind = ""
        self._has_volume = False  # the venue has ever told one
        self._clear()

    def _clear(self) -> None:
        self._before: deque[tuple[int, float]] = deque(maxlen=_KEPT_BEFORE)  # prints without any volume yet
        self._begun: int | None = None  # the ts of the first of them
        self._count: _Count | None = None
        self._closing: _Count | None = None  # the one before, as long as it waits
        self._closing_due = 0
        self._unvouched: Unvouched | None = None  # not told yet

    def reset(self) -> None:
        """A new subscription: what was before is told otherwise."""
        self._clear()

    @property
    def open_since(self) -> int | None:
        """The ts up to which all is accounted for, while something after it waits to be; None where nothing does, or
        where the venue never tells a volume."""
        if self._count is None:
            return self._begun if self._has_volume else None
        waiting = [count.ts for count in (self._closing, self._count) if count is not None and count.waits]
        return min([self._unvouched.since, *waiting] if self._unvouched else waiting, default=None)

    def took(self, ts: int, size: float) -> None:
        """A print was received."""
        count = self._count
        if count is None:
            self._begun = ts if self._begun is None else min(self._begun, ts)
            self._before.append((ts, size))
        elif ts > count.ts:
            count.flow.append((ts, size))
        elif ts < count.ts and self._closing is not None:
            self._closing.took(ts, size)
        else:
            count.took(ts, size)

    def told(self, kind: str, ts: int, volume: float, now: int) -> None:
        """The venue says the volume of the day as of the print at `ts`. `kind` names the count that it belongs to."""
        count = self._count
        if count is None:
            self.begin(kind, ts, volume)
            return
        if kind != self._kind:
            if ts < count.ts:
                return  # of hours that are over: repeated after a subscription
        elif volume >= count.volume or ts < count.ts:
            count.told(now + self._grace_ns, ts, volume)
            return
        self._closing, self._closing_due = count, now + self._grace_ns
        self._count, self._kind = _Count(ts, volume, count.flow), kind
        count.flow = deque([entry for entry in count.flow if entry[0] < ts], maxlen=_KEPT)

    def begin(self, kind: str, ts: int, volume: float) -> None:
        """All up to `ts` is accounted for by `volume`, except for prints that came before there was any."""
        self._has_volume, count = True, self._count
        if count is None:
            if self._begun is not None and self._begun < ts:
                self._unvouched = Unvouched(self._begun, ts)
            self._count, self._kind = _Count(ts, volume, self._before), kind
            self._before.clear()
        elif ts >= count.ts:
            count.restart(ts, volume)
            self._kind = kind

    def settle(self, now: int) -> Loss | Unvouched | None:
        """Compare what is due; the loss, if one shows. What cannot be compared is told first."""
        if self._count is None:
            return None
        if self._unvouched is not None:
            found, self._unvouched = self._unvouched, None
            return found
        if self._closing is not None:
            return self._close(self._closing, now)
        return self._count.settle(now)

    def _close(self, closing: _Count, now: int) -> Loss | Unvouched | None:
        """Compare what is left of a count that is over."""
        loss = closing.settle(now)
        if now < self._closing_due or closing.has_marks:
            return loss
        if loss is None:
            self._closing = None
            if closing.flow:
                return Unvouched(closing.ts, closing.flow[-1][0])
        return loss
