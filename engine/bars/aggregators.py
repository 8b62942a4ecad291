"""When a bar ends: by time, by the trading day, by prints, by volume, or because the vendor says so."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from engine.bars.builder import NEVER, BarBuilder
from engine.bars.timeframe import Timeframe, TimeframeKind
from engine.errors import InvalidInput
from engine.instruments.sessions import Session, SessionOf, utc_day
from engine.model.market import Bar
from engine.model.time import NS_PER_S

NO_LIMIT = 1 << 30  # prints
INFINITE = float("inf")
_REMEMBERED = 512  # vendor bars kept to recognise a repeated or a revised one


class Period(NamedTuple):
    """Of the bar that the print at some ts begins: its ts_open, the first ts after it, and since when the prints
    must have been seen for it to be complete."""

    ts_open: int
    end: int
    anchor: int


class Aggregator(ABC):
    """Decides when a bar of its timeframe begins and ends. It keeps nothing: a new kind of bar is one class."""

    is_on_grid = False  # True: the period follows from ts alone, so a print before ts_open comes too late
    is_whole_at_end = True  # False: a bar that time ends is short, and says so by not being complete

    def __init__(self, timeframe: Timeframe, session: SessionOf) -> None:
        self.timeframe = timeframe
        self.size = timeframe.size
        self.session = session

    @abstractmethod
    def period(self, ts: int) -> Period:
        """The period of a bar whose first print is at `ts`."""

    def room(self, bar: BarBuilder) -> int:
        """How many more priced prints end the bar; `NO_LIMIT` where their number does not."""
        return NO_LIMIT

    def volume_room(self, bar: BarBuilder) -> float:
        """How much more volume certainly leaves the bar open; infinite where volume does not end it."""
        return INFINITE

    def is_full(self, bar: BarBuilder) -> bool:
        """Whether the prints in it end the bar. Time ends it at `end` in any case."""
        return False

    def fill(self, bar: BarBuilder, ts: int) -> float:
        """The share of the bar that is done at `ts`, 0…1."""
        done = (ts - bar.ts_open) / (bar.end - bar.ts_open)
        return 0.0 if done < 0.0 else done if done < 1.0 else 1.0


class TimeAggregator(Aggregator):
    """A fixed span on the UTC grid: a print at or after the end belongs to the next bar."""

    is_on_grid = True

    def __init__(self, timeframe: Timeframe, session: SessionOf) -> None:
        super().__init__(timeframe, session)
        self._span = timeframe.size * NS_PER_S

    def period(self, ts: int) -> Period:
        start = ts - ts % self._span
        return Period(start, start + self._span, start)


class SessionAggregator(Aggregator):
    """The trading day, from the session's open to its close."""

    def period(self, ts: int) -> Period:
        session = self.session(ts)
        return Period(min(session.open, ts), session.close, session.open)


class TickAggregator(Aggregator):
    """N priced prints, counted anew from each session's open; the last bar of a session may be short."""

    is_whole_at_end = False

    def period(self, ts: int) -> Period:
        session = self.session(ts)
        return Period(ts, session.close, session.open)

    def room(self, bar: BarBuilder) -> int:
        return self.size - bar.priced.count

    def is_full(self, bar: BarBuilder) -> bool:
        return bar.priced.count >= self.size

    def fill(self, bar: BarBuilder, ts: int) -> float:
        return bar.priced.count / self.size


class VolumeAggregator(TickAggregator):
    """At least N of volume; the print that reaches it is whole in the bar it ends, never split."""

    def room(self, bar: BarBuilder) -> int:
        return NO_LIMIT

    def volume_room(self, bar: BarBuilder) -> float:
        # A little less than it is: whoever runs ahead adds up in another order, and rounding must not hide the end.
        return self.size * (1.0 - 1e-9) - bar.volume

    def is_full(self, bar: BarBuilder) -> bool:
        return bar.volume >= self.size

    def fill(self, bar: BarBuilder, ts: int) -> float:
        return min(bar.volume / self.size, 1.0)


_KINDS: dict[TimeframeKind, type[Aggregator]] = {
    TimeframeKind.TIME: TimeAggregator,
    TimeframeKind.SESSION: SessionAggregator,
    TimeframeKind.TICK: TickAggregator,
    TimeframeKind.VOLUME: VolumeAggregator,
}


def aggregator(timeframe: Timeframe, session: SessionOf = utc_day) -> Aggregator:
    """The aggregator of `timeframe`."""
    return _KINDS[timeframe.kind](timeframe, remembering(session))


def remembering(session: SessionOf) -> SessionOf:
    """`session`, asked anew only when ts leaves the span that the last answer is known to hold for."""
    since, known = NEVER, Session(0, 0)

    def of(ts: int) -> Session:
        nonlocal since, known
        if not since <= ts < known.close:
            since, known = ts, session(ts)
            if known.close <= ts:
                raise InvalidInput(
                    f"session: expected one that closes after {ts}, found the close {known.close}", field="session"
                )
        return known

    return of


class PassThrough:
    """Bars that the vendor made: published as they are, each once; a changed one again as a revision."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[float, ...]] = {}

    def quality(self, bar: Bar) -> str | None:
        """ "vendor", or "revised" when it changes what was said before; None when it says nothing new."""
        values = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        before = self._seen.get(bar.ts)
        if before == values:
            return None
        self._seen[bar.ts] = values
        if len(self._seen) > _REMEMBERED:
            del self._seen[min(self._seen)]
        return "vendor" if before is None else "revised"
