"""A recorded session once more: the same inputs through the same engine, held against what was journalled then."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec
from django.db.models import QuerySet

from engine.core import Engine
from engine.errors import FortifiedError, InvariantBroken, NotFound
from engine.model.event import Event
from engine.model.signals import WarmupProgressed
from engine.model.time import iso
from infra import codec
from strategies.registry import STRATEGIES
from strategies.versions import code_version
from trading.book_services import book_of
from trading.models import Book, JournalEvent, RecordedInputs, Run
from trading.runtime import compose
from trading.runtime.recording import Entry, Input, Opened, Rewarmed, Warmed, unpack
from trading.runtime.runner import Desk

Progress = Callable[[int, int], None]  # rows done, of how many


class NothingRecorded(FortifiedError):
    """There is no recording to repeat."""

    code = "nothing_recorded"


class Difference(msgspec.Struct, frozen=True):
    """Where the repetition first put out something else. One side is None where it put out nothing more.

    `number` is the row of recorded inputs, `entry` the journal's entry that should have followed, `after` the input.
    """

    what: str  # output | state | failure
    number: int
    entry: int
    after: dict[str, Any] | None
    recorded: dict[str, Any] | None
    repeated: dict[str, Any] | None
    detail: str = ""


class Repetition(msgspec.Struct):
    """What was repeated, and whether it came to the same."""

    book: str
    first_at: str = ""
    last_at: str = ""
    rows: int = 0
    beginnings: int = 0  # times that a loop began: started, taken over, or composed again
    inputs: int = 0
    outputs: dict[str, int] = {}  # kind → how many were equal
    code_changed: dict[str, tuple[str, str]] = {}  # strategy → version then and now
    difference: Difference | None = None

    @property
    def is_equal(self) -> bool:
        return self.difference is None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {"is_equal": self.is_equal, **found}


def recording_of(target: str, *, start: datetime | None = None, end: datetime | None = None) -> tuple[Book, Any]:
    """The book that `target` names (its name, or the number of a run of it) and its recorded rows, oldest first.

    Rows begin where a loop began at or before `start`, or else with the first beginning there is.
    """
    if target.isdigit():
        run = Run.objects.select_related("book").filter(pk=int(target)).first()
        if run is None:
            raise NotFound(f"run: there is no run {target}", field="run")
        book, start, end = run.book, start or run.started_at, end or run.stopped_at
    else:
        book = book_of(target)
    return book, _rows(book, start, end)


def _rows(book: Book, start: datetime | None, end: datetime | None) -> "QuerySet[RecordedInputs]":
    rows = RecordedInputs.objects.filter(book=book).order_by("number")
    openings = rows.filter(is_opening=True)
    before = openings.filter(recorded_at__lte=start).last() if start is not None else None
    first = before or openings.first()
    if first is None:
        raise NothingRecorded(f"nothing was recorded of book {book.name}, or all of it has been removed since")
    rows = rows.filter(number__gte=first.number)
    return rows if end is None else rows.filter(recorded_at__lte=end)


def repeat(target: str, *, start: datetime | None = None, end: datetime | None = None,
           progress: Progress = lambda done, total: None) -> Repetition:  # fmt: skip
    """Repeat what was recorded of `target`, up to the first difference."""
    book, rows = recording_of(target, start=start, end=end)
    found, total = Repetition(book=book.name), rows.count()
    desk: Desk | None = None
    counts: Counter[str] = Counter()
    for done, row in enumerate(rows.iterator(chunk_size=200), 1):
        found.rows += 1
        found.first_at, found.last_at = found.first_at or row.recorded_at.isoformat(), row.recorded_at.isoformat()
        inputs = unpack(bytes(row.data))
        found.inputs += sum(isinstance(each, Event) for each in inputs)
        if row.is_opening:
            desk = _begin(found, row, inputs, desk)
        if desk is None or found.difference is not None:
            break
        found.difference = _repeat_row(desk, row, inputs, counts)
        if found.difference is not None:
            break
        progress(done, total)
    found.outputs = dict(sorted(counts.items()))
    return found


def _begin(found: Repetition, row: RecordedInputs, inputs: Sequence[Input], before: Desk | None) -> Desk:
    """The desk as the loop began with it; the repetition so far must have come to the state that it began from."""
    opened = inputs[0]
    if not isinstance(opened, Opened):
        raise InvariantBroken(f"row {row.number} is marked as a beginning and begins with {type(opened).__name__}")
    found.beginnings += not opened.is_checkpoint
    for strategy, then in opened.versions.items():
        now = code_version(strategy) if strategy in STRATEGIES else ""
        if now != then:
            found.code_changed[strategy] = (then, now)
    if before is not None and opened.state is not None and before.save() != opened.state:
        found.difference = Difference(
            "state", row.number, row.first_output, None, None, None,
            "a loop began from another state than the inputs before it lead to",
        )  # fmt: skip
    return compose.desk_of(opened)


def _repeat_row(desk: Desk, row: RecordedInputs, inputs: Sequence[Input], counts: Counter[str]) -> Difference | None:
    entries = JournalEvent.objects.filter(
        book=row.book_id, number__gte=row.first_output, number__lte=row.last_output
    ).order_by("number")
    recorded = entries.values_list("payload", flat=True)
    outputs = _outputs(desk, inputs)
    for place, (then, now) in enumerate(zip_longest(recorded, outputs)):
        after, output = now if now is not None else (None, None)
        document = None if output is None else codec.to_builtins(output)
        if document != then:
            return Difference("output", row.number, row.first_output + place, _told(after), then, document)
        counts[type(output).__name__] += 1
    return None


def _outputs(desk: Desk, inputs: Sequence[Input]) -> Iterator[tuple[Input, Event]]:
    """What follows from each input, with that input."""
    for each in inputs:
        for output in _give(desk, each):
            if not isinstance(output, WarmupProgressed):
                yield each, output


def _give(desk: Desk, each: Input) -> Sequence[Event]:
    engine: Engine = desk.engine  # type: ignore[attr-defined]
    match each:
        case Opened():
            return desk.opening
        case Warmed():
            engine.warm(each.bar)
        case Rewarmed():
            engine.begin_rewarm(each.symbol)
        case Event():
            return desk.handle(each)
    return ()


def _told(each: Input | None) -> dict[str, Any] | None:
    if each is None or isinstance(each, Entry):
        return None if each is None else {"event": type(each).__name__}
    return codec.to_builtins(each)


def sentence(found: Difference) -> str:
    """The difference for people."""
    if found.what != "output":
        return f"row {found.number}: {found.detail}"
    after = found.after or {}
    where = " ".join(str(after[name]) for name in ("event", "symbol", "timeframe") if name in after)
    at = f" at {iso(after['ts'])}" if "ts" in after else ""
    return (
        f"after {where or 'the last input'}{at} (row {found.number}, journal entry {found.entry})\n"
        f"  then: {_line(found.recorded)}\n  now:  {_line(found.repeated)}"
    )


def _line(document: dict[str, Any] | None) -> str:
    return "nothing more" if document is None else msgspec.json.encode(document).decode()
