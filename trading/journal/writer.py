"""The journal: one thread that commits batches of outputs with the state that made them, or refuses an old owner."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import msgspec
from django.db import close_old_connections, connections, transaction
from django.db.models import Max
from django.utils import timezone

from engine.errors import FortifiedError
from engine.model.event import Event
from engine.model.market import Bar
from infra import codec
from trading.journal.ledger import Projection
from trading.models import Book, EngineState, JournalEvent, RecordedInputs
from trading.runtime.recording import Input, Opened, pack

logger = logging.getLogger(__name__)

FIRST_DIGEST = "0" * 64


class FencedOff(FortifiedError):
    """A newer process owns the book: this one must stop at once, and nothing of its batch was written."""

    code = "fenced_off"


class Batch(msgspec.Struct, frozen=True):
    """Outputs in order, and the state of engine and readers after them."""

    outputs: tuple[Event, ...]
    state: bytes
    cursors: dict[str, str]
    bars: dict[str, Bar]  # by `slot_key` and `fill_key` of `trading.runtime.seen`
    inputs: tuple[Input, ...] = ()  # what the outputs follow from

    def bar_of(self, key: str) -> dict[str, Any] | None:
        bar = self.bars.get(key)
        return None if bar is None else codec.to_builtins(bar)


class DatabaseJournal:
    """Commits one batch after the other on a thread of its own; `append` returns when the batch is durable."""

    def __init__(
        self, *, book_id: int, token: int, on_commit: Callable[[Sequence[Event]], None] = lambda _: None
    ) -> None:
        self._book_id = book_id
        self._token = token
        self._on_commit = on_commit
        self._last: tuple[int, str] | None = None
        self._recorded: int | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    async def append(
        self,
        *,
        outputs: tuple[Event, ...],
        state: bytes,
        cursors: dict[str, str],
        bars: dict[str, Bar],
        inputs: tuple[Input, ...] = (),
    ) -> None:
        """Commit all of it; `FencedOff` where a newer owner has written. Calls commit in their order."""
        batch = Batch(outputs=outputs, state=state, cursors=cursors, bars=bars, inputs=inputs)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, batch)

    async def close(self) -> None:
        """Wait for what was handed over, then end the thread and its database connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=True)

    def _commit(self, batch: Batch) -> None:
        close_old_connections()
        write_batch(self, batch)
        if batch.outputs:
            self._on_commit(batch.outputs)

    # The functions below run on the journal's thread.

    def write(self, batch: Batch) -> None:
        book = claim(self._book_id, self._token)
        if batch.outputs:
            Projection(book, bar_of=batch.bar_of).apply(batch.outputs)
        last = self._chain(batch.outputs)
        recorded = self._record(batch, last[0])
        self._keep_state(book, batch)
        transaction.on_commit(lambda: self._remember(last, recorded))

    def _keep_state(self, book: Book, batch: Batch) -> None:
        columns: dict[str, Any] = {
            "data": batch.state,
            "cursors": batch.cursors,
            "fencing_token": self._token,
            "saved_at": timezone.now(),
        }
        if not EngineState.objects.filter(book=book).update(**columns):
            EngineState.objects.create(book=book, **columns)

    def _remember(self, last: tuple[int, str], recorded: int) -> None:
        self._last, self._recorded = last, recorded

    def _record(self, batch: Batch, last_output: int) -> int:
        """The inputs in a row of their own; its number, or the last one's where there were none."""
        number = self._recorded if self._recorded is not None else last_of_recording(self._book_id)
        if not batch.inputs and not batch.outputs:
            return number
        RecordedInputs.objects.create(
            book_id=self._book_id,
            number=number + 1,
            is_opening=bool(batch.inputs) and isinstance(batch.inputs[0], Opened),
            count=len(batch.inputs),
            data=pack(batch.inputs),
            first_output=last_output - len(batch.outputs) + 1,
            last_output=last_output,
            fencing_token=self._token,
        )
        return number + 1

    def _chain(self, outputs: Sequence[Event]) -> tuple[int, str]:
        number, digest = self._last or last_of_journal(self._book_id)
        rows = []
        for event in outputs:
            payload = msgspec.json.decode(codec.encode(event))
            number, digest = number + 1, _link(digest, payload)
            rows.append(
                JournalEvent(
                    book_id=self._book_id,
                    number=number,
                    kind=type(event).__name__,
                    payload=payload,
                    ts=event.ts,
                    fencing_token=self._token,
                    digest=digest,
                )
            )
        JournalEvent.objects.bulk_create(rows)
        return number, digest


def write_batch(journal: DatabaseJournal, batch: Batch) -> None:
    """One transaction: all of the batch or nothing of it."""
    with transaction.atomic():
        journal.write(batch)


def claim(book_id: int, token: int) -> Book:
    """The book, locked for this transaction and marked with `token`; `FencedOff` where a newer token stands."""
    if Book.objects.filter(pk=book_id, fencing_token__lte=token).update(fencing_token=token) != 1:
        newer = Book.objects.values_list("fencing_token", flat=True).get(pk=book_id)
        raise FencedOff(f"book {book_id} is owned by fencing token {newer}; this process holds {token}")
    return Book.objects.get(pk=book_id)


def take_over(book_id: int, token: int) -> None:
    """Mark the book before anything of it is read: what a predecessor was still committing is there by then, or is
    refused. `FencedOff` like `claim`."""
    with transaction.atomic():
        claim(book_id, token)


def last_of_journal(book_id: int) -> tuple[int, str]:
    """Number and digest of the newest entry; (0, zeros) for an empty journal."""
    row = JournalEvent.objects.filter(book_id=book_id).order_by("-number").values_list("number", "digest").first()
    return row or (0, FIRST_DIGEST)


def last_of_recording(book_id: int) -> int:
    """Number of the newest row of recorded inputs; 0 where there is none."""
    return RecordedInputs.objects.filter(book_id=book_id).aggregate(last=Max("number"))["last"] or 0


def first_broken_link(book_id: int) -> int | None:
    """Number of the first journal entry whose digest does not follow from its predecessor; None where all do."""
    digest, expected = FIRST_DIGEST, 1
    for row in JournalEvent.objects.filter(book_id=book_id).order_by("number").iterator():
        if row.number != expected or row.digest not in (_link(digest, row.payload), _early_link(digest, row.payload)):
            return expected
        digest, expected = row.digest, expected + 1
    return None


def _link(digest: str, payload: Any) -> str:
    """The digest of the entry that follows the one with `digest`."""
    return hashlib.sha256(digest.encode() + msgspec.json.encode(_plain(payload))).hexdigest()


def _early_link(digest: str, payload: Any) -> str:
    """The same as it was first made: of the event as it stood, which PostgreSQL does not keep to the letter."""
    data = codec.encode(codec.decode(msgspec.json.encode(payload)))
    return hashlib.sha256(digest.encode() + data).hexdigest()


def _plain(value: Any) -> Any:
    """JSON in the one form that every database gives back: keys in order, whole numbers without a fraction.
    PostgreSQL sorts keys in a way of its own, drops the sign of -0.0 and the exponent of large numbers."""
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        value = int(Decimal(repr(value)))  # as its shortest spelling reads, which is what the database was given
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value
