"""What the process of a book left for its successor: forgetting it, or beginning again at an earlier moment."""

from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db import transaction

from engine.errors import Conflict
from engine.model.enums import FINAL_STATES
from engine.model.time import NS_PER_MS, from_datetime, to_datetime
from infra.redis import keys
from infra.redis.client import sync_client
from infra.redis.leases import holder
from trading.models import Book, EngineState, Order, Position, Run
from trading.runtime import compose


def describe(book: Book) -> dict[str, Any]:
    """What is kept for the next process of `book`."""
    saved = EngineState.objects.filter(book=book).first()
    return {
        "book": book.name,
        "mode": book.mode,
        "generation": book.generation,
        "saved_at": saved.saved_at.isoformat() if saved else None,
        "bytes": len(saved.data) if saved else 0,
        "cursors": dict(saved.cursors) if saved else {},
        "positions": [str(each) for each in Position.objects.filter(book=book).exclude(quantity=0)],
        "working_orders": Order.objects.filter(book=book).exclude(state__in=FINAL_STATES).count(),
    }


@transaction.atomic
def clear(book: Book) -> int:
    """Forget what the engine knew, and the views in Redis; how many views went. The ledger stays: the next process
    begins a new generation with the positions that the fills add up to. Refused for real accounts and while it runs."""
    _refuse_unless_at_rest(book)
    compose.forget_state(compose.load(book.name), why="the state of the book was cleared by hand")
    client = sync_client(settings.REDIS_URL)
    rows = Position.objects.filter(book=book).values_list("strategy", "symbol", "broker")
    names = [keys.trade_state(*row) for row in rows]
    return int(client.delete(*names, keys.slot_state(book.name), keys.usage(book.name)))


@transaction.atomic
def rewind(book: Book, moment: datetime) -> dict[str, str]:
    """Let the next process of `book` read its streams again from `moment` on, as a new generation that decides anew;
    the places it begins at. Refused for real accounts, while it runs, and while it holds something."""
    _refuse_unless_at_rest(book)
    if Position.objects.filter(book=book).exclude(quantity=0).exists():
        raise Conflict(f"Book {book.name} holds something: flatten it first.")
    composition = compose.load(book.name)
    if not composition.subscriptions:
        raise Conflict(f"Book {book.name} runs no strategy: there is nothing to read again.")
    at_ms = from_datetime(moment) // NS_PER_MS
    cursors: dict[str, str] = {}
    for pair in composition.subscriptions:
        cursors[keys.bars_stream(*pair)] = _last_bar_before(keys.bars_stream(*pair), at_ms)
        cursors[keys.ticks_stream(*pair)] = _place(keys.ticks_stream(*pair), at_ms)
    kept = {**composition.cursors, **cursors, compose.REWOUND: str(from_datetime(moment))}
    Book.objects.filter(pk=book.pk).update(generation=composition.generation + 1)
    EngineState.objects.filter(book=book).delete()
    EngineState.objects.create(
        book=book, data=b"", cursors=kept, fencing_token=composition.fencing_token, saved_at=moment
    )
    return cursors


def _last_bar_before(stream: str, at_ms: int) -> str:
    """The entry after which to read; refused where the stream does not reach back so far."""
    client = sync_client(settings.REDIS_URL)
    before = cast("list[Any]", client.xrevrange(stream, at_ms, "-", count=1))
    if before:
        return str(before[0][0])
    first = cast("list[Any]", client.xrange(stream, "-", "+", count=1))
    since = to_datetime(int(first[0][0].partition("-")[0]) * NS_PER_MS).isoformat() if first else "nothing"
    raise Conflict(f"{stream} does not reach back so far: it holds what came since {since}.")


def _place(stream: str, at_ms: int) -> str:
    """The same where less is kept: at the moment, or at the first entry that is left."""
    client = sync_client(settings.REDIS_URL)
    before = client.xrevrange(stream, at_ms, "-", count=1) or client.xrange(stream, "-", "+", count=1)
    found = cast("list[Any]", before)
    return str(found[0][0]) if found else "0-0"


def _refuse_unless_at_rest(book: Book) -> None:
    if book.mode == Book.Mode.LIVE:
        raise Conflict(f"Book {book.name} trades with real accounts: its state is compared with them, never cleared.")
    if holder(sync_client(settings.REDIS_URL), "trader", book.name) is not None:
        running = ", ".join(Run.objects.filter(book=book, state=Run.State.RUNNING).values_list("strategy", flat=True))
        raise Conflict(f"A process trades book {book.name} ({running or 'what it holds'}): stop it first.")
