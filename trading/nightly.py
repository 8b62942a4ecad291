"""Every night: was the day what its recording says, and what a simulation over stored history would have done?"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from heapq import merge
from operator import attrgetter
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from engine.core import Engine
from engine.errors import FortifiedError
from engine.model.event import Event
from engine.model.market import Bar, Quote
from engine.options.events import ChainReceived
from engine.simulation import step
from engine.venue.matching import SimulatedVenue
from infra import codec
from marketdata.archive.store import Archive
from strategies.registry import STRATEGIES
from trading.comparison import Cause, Row, Seen, Side, by_cause, compare
from trading.models import Book, JournalEvent, RecordedInputs, SessionComparison
from trading.rerun import NothingRecorded, Repetition, recording_of, repeat
from trading.runtime import compose
from trading.runtime.recording import Opened, Rewarmed, Warmed, unpack
from trading.runtime.simulated import SimulatedDesk
from trading.runtime.warmup import MIN_BARS

logger = logging.getLogger(__name__)

ROWS_KEPT = 500  # differences in the stored document
Stored = dict[tuple[str, str], dict[int, Bar]]


def compare_day(book: Book, day: date, *, archive: Archive | None = None) -> SessionComparison:
    """Compare the UTC day of `book` and store what came of it, in place of an earlier comparison of it.

    `NothingRecorded` where the book did not run. The simulation begins where the recording begins, and is warmed up as
    the loop was; with real accounts it begins flat, because its orders are not theirs.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    _, rows = recording_of(book.name, start=start, end=end)
    recorded, seen = Side(), Seen()
    for row in rows.iterator(chunk_size=200):
        seen.take(unpack(bytes(row.data)))
        recorded.take(_outputs(row))
    if seen.span is None:
        raise NothingRecorded(f"book {book.name} saw no bar on {day}")
    repetition = repeat(book.name, start=start, end=end)
    opened = seen.openings[0]
    stored = stored_bars(archive or Archive(settings.ARCHIVE_DIR), opened, seen.span)
    simulated = simulate(opened, seen, stored, seen.span)
    differences = compare(recorded, simulated, seen, stored, opened.config)
    document = _document(recorded, simulated, differences, repetition)
    found, _ = SessionComparison.objects.update_or_create(
        book=book, day=day, defaults={"verdict": document["verdict"], "document": document}
    )
    return found


def compare_all(day: date) -> dict[str, str]:
    """Every book that ran on `day`: its verdict, or why there is none."""
    found: dict[str, str] = {}
    for book in Book.objects.all():
        try:
            found[book.name] = compare_day(book, day).verdict
        except NothingRecorded as error:
            logger.info("book %s is not compared: %s", book.name, error.detail)
        except FortifiedError as error:
            logger.exception("book %s could not be compared", book.name)
            found[book.name] = f"failed: {error.detail}"
    return found


def forget_recordings(days: int) -> int:
    """Remove recorded inputs older than `days` (0: none), up to a place from which the rest can be repeated."""
    if not days:
        return 0
    before, removed = timezone.now() - timedelta(days=days), 0
    for book in Book.objects.all():
        openings = RecordedInputs.objects.filter(book=book, is_opening=True)
        last = openings.filter(recorded_at__lte=before).order_by("-number").first()
        if last is not None:
            removed += RecordedInputs.objects.filter(book=book, number__lt=last.number).delete()[0]
    return removed


def stored_bars(archive: Archive, opened: Opened, span: tuple[int, int]) -> Stored:
    """What the archive holds of every slot's bars: of the span, and of the time before for warming up."""
    first, last = span
    found: Stored = {}
    for symbol, timeframe in sorted({(slot.symbol, slot.timeframe) for slot in opened.config.slots}):
        start = archive.start_for(symbol, timeframe, MIN_BARS, end=first - 1)
        bars = archive.bars(symbol, timeframe, start=start, end=last)
        found[symbol, timeframe] = {bar.ts: bar for bar in bars if bar.is_complete}
    return found


def simulate(opened: Opened, seen: Seen, stored: Stored, span: tuple[int, int]) -> Side:
    """What the engine does over the stored bars of the span, with each where the loop was given its own, and warmed up
    as the loop was."""
    found = Side()
    engine, venue, opening = _beginning(opened, stored, span[0])
    found.take(opening)
    waiting = {key: deque(bar for ts, bar in bars.items() if span[0] <= ts <= span[1]) for key, bars in stored.items()}
    for each in seen.script:
        match each:
            case Warmed():
                engine.warm(each.bar)
            case Rewarmed():
                engine.begin_rewarm(each.symbol)
            case ChainReceived() | Quote():
                found.take(step(engine, venue, each))
            case Bar():
                bars = waiting.get((each.symbol, each.timeframe), deque())
                while bars and bars[0].ts <= each.ts:
                    found.take(step(engine, venue, bars.popleft()))
    for bar in merge(*waiting.values(), key=attrgetter("ts")):
        found.take(step(engine, venue, bar))
    return found


def _beginning(opened: Opened, stored: Stored, first: int) -> tuple[Engine, SimulatedVenue, Sequence[Event]]:
    """Where the recording began; with real accounts flat, warmed up by what is stored of the time before."""
    if opened.mode == Book.Mode.PAPER:
        desk = compose.desk_of(opened)
        if isinstance(desk, SimulatedDesk):
            return desk.engine, desk.venue, desk.opening
    engine = Engine(opened.config, strategies=STRATEGIES)
    if opened.state is not None:  # the loop was warm, and nothing that warmed it is in this recording
        for bars in stored.values():
            for ts, bar in bars.items():
                if ts < first:
                    engine.warm(bar)
    return engine, opened.simulated.venue(opened.config.instruments), ()


def _outputs(row: RecordedInputs) -> list[Any]:
    entries = JournalEvent.objects.filter(
        book=row.book_id, number__gte=row.first_output, number__lte=row.last_output
    ).order_by("number")
    return [codec.decode(msgspec.json.encode(payload)) for payload in entries.values_list("payload", flat=True)]


def _document(recorded: Side, simulated: Side, rows: Sequence[Row], repetition: Repetition) -> dict[str, Any]:
    same = sum(
        simulated.signals[key].target == signal.target
        for key, signal in recorded.signals.items()
        if key in simulated.signals
    )
    document: dict[str, Any] = {
        "verdict": _verdict(rows, repetition),
        "repetition": repetition.document(),
        "signals": {"recorded": len(recorded.signals), "simulated": len(simulated.signals), "same": same},
        "causes": {cause: {**each, "cash": str(each["cash"])} for cause, each in by_cause(rows).items()},
        "differences": [msgspec.to_builtins(row) for row in rows[:ROWS_KEPT]],
        "left_out": max(len(rows) - ROWS_KEPT, 0),
    }
    return document


def _verdict(rows: Sequence[Row], repetition: Repetition) -> str:
    if not repetition.is_equal:
        return SessionComparison.Verdict.NOT_REPEATED
    if any(row.cause is Cause.UNEXPLAINED for row in rows):
        return SessionComparison.Verdict.UNEXPLAINED
    return SessionComparison.Verdict.EXPLAINED if rows else SessionComparison.Verdict.EQUAL
