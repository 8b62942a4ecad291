"""The bars of a recorded session made again, step by step as the feed made them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from engine.bars.builder import NEVER
from engine.bars.expand import Expander
from engine.errors import SnapshotIncompatible
from engine.instruments.sessions import SessionOf
from engine.model.market import Bar, FeedGap, Tick
from marketdata.recording.records import Advanced, Began, Changed, Missed, Numbered, Received, Record, Recorded
from marketdata.states import Left

logger = logging.getLogger(__name__)


class Rebuild:
    """Takes a recording's records in their order; gives out the bars that the feed gave out, revisions included.

    The settings must be those of the feed. `seq` numbers differ: live they count partial bars too, whose number
    depends on how busy the process was. Everything else is equal, byte for byte.
    """

    def __init__(
        self,
        *,
        feed: str,
        session_of: Callable[[str], SessionOf | None] = lambda symbol: None,
        revises_late: bool = True,
        quality: str = "built",
    ) -> None:
        self._feed = feed
        self._session_of = session_of
        self._revises_late = revises_late
        self._quality = quality
        self._expanders: dict[str, Expander] = {}

    def bars(self, records: Iterable[Numbered]) -> Iterator[Bar]:
        for number, record in records:
            if isinstance(record, Received):
                yield from self._received(record)
            elif isinstance(record, Advanced):
                for symbol in self._expanders.keys() & set(record.symbols):
                    yield from self._expanders[symbol].on_time(record.ts, ts_recv=record.ts_recv)
            elif isinstance(record, Began):
                self._began(record)
            elif isinstance(record, Changed):
                self._changed(record)
            elif isinstance(record, Missed):
                logger.warning("%s: %d records are missing before record %d", self._feed, record.records, number)

    def _received(self, record: Received) -> Iterator[Bar]:
        for event in record.events:
            expander = self._expanders.get(event.symbol)
            if expander is not None:
                yield from given(expander, event)

    def _began(self, record: Began) -> None:
        """A symbol that is known goes on as it is: what the feed went on with then is what we have made of it. Unless
        it could not go on with what it found."""
        expander = self._expanders.get(record.symbol)
        if expander is None or (record.state is None and record.is_lossy):
            expander = self._expanders[record.symbol] = self._make(record)
            if record.state is not None:
                try:
                    expander.restore(record.state)
                except SnapshotIncompatible as error:
                    logger.warning("%s: the recorded state is not continued: %s", record.symbol, error)
        else:
            expander.forget_given()
            _set_timeframes(expander, record.timeframes)
        if record.is_lossy:
            expander.gap()

    def _changed(self, record: Changed) -> None:
        expander = self._expanders.get(record.symbol)
        if expander is None:
            expander = self._expanders[record.symbol] = self._make(Began(record.symbol, record.timeframes, None, True))
        if record.clock > expander.clock:
            expander.on_time(record.clock)
        _set_timeframes(expander, record.timeframes)

    def _make(self, began: Began) -> Expander:
        return Expander(
            began.symbol,
            began.timeframes,
            session=self._session_of(began.symbol),
            exclude=began.exclude,
            source=self._feed,
            quality=self._quality,
            revises_late=self._revises_late,
            passed=frozenset(began.passed),
        )


def received_frames(records: Iterable[Numbered]) -> Iterator[list[Recorded]]:
    """What a feed received, frame by frame, and a gap where it was away in between."""
    latest: dict[str, int] = {}
    for _, record in records:
        if isinstance(record, Received):
            latest.update((event.symbol, event.ts) for event in record.events)
            yield list(record.events)
        elif isinstance(record, Began) and record.is_lossy and record.symbol in latest:
            # No bar that was given out before is in doubt: all that was received until then is in it.
            yield [FeedGap(latest[record.symbol], record.symbol, "the feed was restarted", since=NEVER)]


def catch_up(left: Left, expanders: Mapping[str, Expander], contained: Mapping[str, int]) -> set[str]:
    """Let the aggregators take once more what a predecessor had published, but not saved in every state: of each
    symbol the records after the one that is in its state (`contained`). Who was brought up to what was published."""
    found: set[str] = set()
    for number, record in left.records:
        if number > left.published:
            break
        for symbol, again in _parts(record):
            expander = expanders.get(symbol)
            if expander is not None and number > contained.get(symbol, left.published):
                again(expander)
                found.add(symbol)
    for symbol in found:
        expanders[symbol].partials()  # they were given out
    return found


def make_up(
    left: Left,
    expanders: Mapping[str, Expander],
    contained: Mapping[str, int],
    *,
    aggregate: Callable[[list[Any]], None],
    give: Callable[[list[Bar]], None],
) -> None:
    """Do again what a killed predecessor had recorded but not published: its frames go to `aggregate`, and the bars
    that time ended to `give`."""
    for number, record in left.records:
        if number <= left.published:
            continue
        if isinstance(record, Received):
            aggregate([event for event in record.events if number > contained.get(event.symbol, 0)])
            continue
        for symbol, again in _parts(record):
            if symbol in expanders and number > contained.get(symbol, 0):
                give(again(expanders[symbol]))


def _parts(record: Record) -> Iterator[tuple[str, Callable[[Expander], list[Bar]]]]:
    """What a record did, symbol by symbol. Changed timeframes are none of it: states were written with them at once."""
    if isinstance(record, Received):
        for event in record.events:
            yield event.symbol, partial(given, event=event)
    elif isinstance(record, Advanced):
        for symbol in record.symbols:
            yield symbol, partial(Expander.on_time, ts=record.ts, ts_recv=record.ts_recv)
    elif isinstance(record, Began) and record.is_lossy:
        yield record.symbol, Expander.gap


def given(expander: Expander, event: Recorded) -> list[Bar]:
    """The bars that one event makes."""
    if isinstance(event, Tick):
        return expander.on_tick(event)
    if isinstance(event, Bar):
        return expander.on_bar(event)
    if isinstance(event, FeedGap):
        return expander.gap(since=event.since or event.ts or None)
    return expander.correct(event.original, event.replacement) if event.is_known else []


def _set_timeframes(expander: Expander, timeframes: list[str]) -> None:
    for gone in set(expander.timeframes) - set(timeframes):
        expander.remove(gone)
    for added in sorted(set(timeframes) - set(expander.timeframes)):
        expander.add(added)
