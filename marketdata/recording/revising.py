"""Bars made again of the archive's prints where the venue took a print back long after its bar was given out."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.instruments.catalog import bar_session
from engine.model.conditions import NOT_PRICED
from engine.model.market import NAN, Bar, Tick, TickCorrected
from engine.model.time import NS_PER_DAY, NS_PER_MINUTE
from marketdata.archive.merge import Change
from marketdata.archive.store import Archive
from marketdata.archive.tables import column, to_bars
from marketdata.files.numbers import Array

logger = logging.getLogger(__name__)

_AT_ONCE_NS = NS_PER_MINUTE  # for so long the feed itself can correct a bar that it gave out
_MOST_LATE = 16  # prints of one bar that a clock may have ended
_OURS = ("built", "revised")


class Revised(NamedTuple):
    """What corrections change: stored prints, and stored bars as they are now. `unknown`: corrections of prints that
    are not stored, or of which nobody can tell which one is meant."""

    changes: list[Change]
    bars: list[Bar]
    unknown: int


class Values(NamedTuple):
    """Columns of prints."""

    price: Array
    size: Array
    conditions: Array


class Content(NamedTuple):
    """What prints make of a bar."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int
    vwap: float
    is_priced: bool

    def is_in(self, bar: Bar) -> bool:
        """Whether `bar` was made of the same prints, as far as it shows."""
        mine, its = self[:4], (bar.open, bar.high, bar.low, bar.close)
        return mine == its and self.trade_count == bar.trade_count and bool(np.isclose(self.volume, bar.volume))


class Members(NamedTuple):
    """The rows that may be those of a bar: which of them came after it, and so made neither open nor close, and which
    conditions keep a print from making a price."""

    rows: Array
    is_late: Array
    exclude: int


def revise(archive: Archive, feed: str, symbol: str, events: Sequence[TickCorrected]) -> Revised:
    """What `events` change of what `feed` brought of `symbol`. One reading of the prints and of each timeframe, however
    many corrections there are; nothing is written."""
    sessions = [bar_session(symbol)(event.original.ts or event.ts) for event in events]
    start, end = min(each.open for each in sessions), max(each.close for each in sessions)
    prints = Prints(archive.tick_table(symbol, start=start, end=end), source=feed)
    changes = [
        change
        for event, session in zip(events, sessions, strict=True)
        if (change := prints.correct(event, since=session.open)) is not None
    ]
    if not changes:
        return Revised([], [], len(events))
    told = max(event.ts for event in events)
    bars = [
        bar
        for timeframe in archive.timeframes(symbol)
        for bar in prints.made_again(_touched(archive, symbol, timeframe, prints, feed=feed), told=told)
    ]
    return Revised(changes, bars, len(events) - len(changes))


def _touched(archive: Archive, symbol: str, timeframe: str, prints: "Prints", *, feed: str) -> list[Bar]:
    """Whole bars that `feed` made of prints, and that may hold a corrected one. Not the bars of N prints of one moment:
    they have no time of their own by which to find them again."""
    spans = prints.spans_of_changes(is_on_grid=_is_on_grid(timeframe))
    longest = parse_timeframe(timeframe).duration_ns or 2 * NS_PER_DAY
    table = archive.bar_table(symbol, timeframe, start=int(spans[0].min()) - 1, end=int(spans[1].max()) + longest)
    opened, closed = column(table, "ts_open"), column(table, "ts")
    holds = np.searchsorted(np.sort(spans[1]), opened, "left") < np.searchsorted(np.sort(spans[0]), closed, "right")
    bars = to_bars(table.take(np.flatnonzero(holds & (opened < closed))), symbol, timeframe)
    return [bar for bar in bars if bar.is_complete and bar.quality in _OURS and bar.source == feed]


def _is_on_grid(timeframe: str) -> bool:
    return parse_timeframe(timeframe).kind in (TimeframeKind.TIME, TimeframeKind.SESSION)


class Prints:
    """One source's prints in the order in which they came: as they were taken, and as they are after corrections."""

    def __init__(self, table: Any, *, source: str) -> None:
        table = table.take(np.flatnonzero(column(table, "source") == source))
        table = table.take(np.argsort(column(table, "ts_recv"), kind="stable"))
        self.ts = column(table, "ts")
        self._clock = np.maximum.accumulate(self.ts)
        self._received = column(table, "ts_recv")
        self._was = Values(*(column(table, name) for name in Values._fields))
        self._is = Values(*(np.array(each) for each in self._was))
        self._stands = np.ones(len(self.ts), np.bool_)
        self._changed: set[int] = set()

    def correct(self, event: TickCorrected, *, since: int) -> Change | None:
        """Take back or change one print; None where it cannot be told which. A time that the venue did not tell is
        after `since`."""
        row = self._row(event.original, since, event.ts)
        if row is None:
            logger.warning("%s: a correction of %s has no print of its own", event.symbol, event.original)
            return None
        self._changed.add(row)
        now, new = event.replacement, None
        price, size, _ = (each[row] for each in self._is)
        if now is None:
            self._stands[row] = False
        else:
            new = (now.price, now.size, now.conditions)
            for values, value in zip(self._is, new, strict=True):
                values[row] = value
        return Change(int(self.ts[row]), float(price), float(size), int(self._received[row]), new)

    def spans_of_changes(self, *, is_on_grid: bool) -> tuple[Array, Array]:
        """Within which times the bars of the corrected prints are: at the print, and, of bars that take a late print as
        it arrives, up to when it came."""
        rows = list(self._changed)
        return self.ts[rows], (self.ts if is_on_grid else self._clock)[rows]

    def made_again(self, bars: Sequence[Bar], *, told: int) -> Iterator[Bar]:
        """Those of `bars`, all of one timeframe, that are others now.

        Which prints made a bar, it tells itself: those that give all its figures. Where none do, not all that made it
        are known: the bar is in doubt then, unless the feed was `told` so soon that it knew the bar's prints itself.
        """
        settled: set[int] = set()
        unsettled: list[Bar] = []
        for bar in bars:
            members = list(self._members(bar))
            is_right = next((each for each in members if _content(self._is, each, self._stands).is_in(bar)), None)
            made_of = is_right or next((each for each in members if _content(self._was, each).is_in(bar)), None)
            if made_of is None:
                unsettled.append(bar)
                continue
            settled |= self._changed & set(made_of.rows.tolist())
            if is_right is None:
                yield _replaced(bar, _content(self._is, made_of, self._stands))
        left = self._changed - settled
        for bar in unsettled:
            if told - bar.ts > _AT_ONCE_NS and any(self._is_within(bar, row) for row in left):
                yield msgspec.structs.replace(bar, quality="gapped", is_complete=False)

    def _is_within(self, bar: Bar, row: int) -> bool:
        if _is_on_grid(bar.timeframe):
            return bar.ts_open <= int(self.ts[row]) < bar.ts
        return bar.ts_open <= int(self._clock[row]) <= bar.ts

    def _row(self, original: Tick, since: int, until: int) -> int | None:
        """Where the print is. Of equal prints of one moment it does not matter which."""
        same = self.ts == original.ts if original.ts else (self.ts >= since) & (self.ts <= until)
        same &= self._stands
        if original.price == original.price:
            same &= (self._is.price == original.price) & (self._is.size == original.size)
        rows = np.flatnonzero(same)
        if len(rows) > 1 and original.conditions:
            rows = rows[self._is.conditions[rows] == original.conditions]
        is_one = len(rows) == 1 or (len(rows) > 1 and original.ts and original.price == original.price)
        return int(rows[0]) if is_one else None

    def _members(self, bar: Bar) -> Iterator[Members]:
        """The prints that may have made `bar`, likelier ones first."""
        for exclude in (int(NOT_PRICED), 0):
            if _is_on_grid(bar.timeframe):
                rows = np.flatnonzero((self.ts >= bar.ts_open) & (self.ts < bar.ts))
                for late in self._numbers_of_late(bar, rows):
                    is_late = np.arange(len(rows)) >= len(rows) - late
                    yield Members(rows, is_late, exclude)
                    if late:
                        yield Members(rows[~is_late], is_late[~is_late], exclude)
            else:  # as many prints as it counts, in their order
                for first in self._beginnings(bar):
                    rows = np.arange(first, min(first + bar.trade_count, len(self.ts)))
                    yield Members(rows, np.zeros(len(rows), np.bool_), exclude)

    def _beginnings(self, bar: Bar) -> list[int]:
        """Where so many prints as `bar` has may begin with a corrected one among them; first where the time agrees. A
        late print may have begun it as well."""
        changed = [range(max(row - bar.trade_count + 1, 0), row + 1) for row in self._changed]
        found = {row for rows in changed for row in rows if self.ts[row] <= bar.ts_open}
        return sorted(found, key=lambda row: (self.ts[row] != bar.ts_open, row))

    def _numbers_of_late(self, bar: Bar, rows: Array) -> list[int]:
        """How many of these prints may have come when the bar had ended: by the first print behind it, or by time."""
        behind = np.flatnonzero(self.ts >= bar.ts)
        first = int((rows > behind[0]).sum()) if len(behind) else 0
        return [first, *(late for late in range(min(_MOST_LATE, len(rows))) if late != first)]


def _content(values: Values, members: Members, stands: Array | None = None) -> Content:
    keep = np.ones(len(members.rows), np.bool_) if stands is None else stands[members.rows]
    rows, is_late = members.rows[keep], members.is_late[keep]
    price, size = values.price[rows], values.size[rows]
    counts = (values.conditions[rows] & members.exclude) == 0
    shown = counts if counts.any() else np.ones(len(rows), np.bool_)
    if not len(rows):
        return Content(NAN, NAN, NAN, NAN, 0.0, 0, NAN, is_priced=False)
    ends = shown & ~is_late if (shown & ~is_late).any() else shown
    volume = float(size[counts].sum())
    return Content(
        float(price[ends][0]), float(price[shown].max()), float(price[shown].min()), float(price[ends][-1]),
        float(size.sum()), len(rows), float((price * size)[counts].sum()) / volume if volume else NAN,
        is_priced=bool(counts.any()),
    )  # fmt: skip


def _replaced(bar: Bar, now: Content) -> Bar:
    """The bar with these figures; one without any print keeps its prices and is not whole."""
    figures = now._asdict()
    is_complete = figures.pop("is_priced")
    if not now.trade_count:
        figures = {"volume": 0.0, "trade_count": 0, "vwap": NAN}
    return msgspec.structs.replace(bar, **figures, is_complete=is_complete, quality="revised")
