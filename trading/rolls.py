"""What is held of futures that roll: until when its contract is the active one, and what people are told of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from engine.instruments.futures import parse_contract
from engine.instruments.rolls import rolls_at
from engine.instruments.sessions import NEW_YORK
from engine.model.time import to_datetime
from infra.notices import Level, Notice
from marketdata.rolls import load_rolls
from trading.limits import execution_policy
from trading.models import Book, Position

TOLD_BEFORE = timedelta(days=1)


class Rolling(NamedTuple):
    """When the next contract is the active one, and when the book closes this one; None: it keeps it."""

    at: datetime
    closes_at: datetime | None


def rolling(positions: Iterable[Position]) -> dict[int, Rolling]:
    """Those of the positions that are held in a contract of a root, by their number."""
    held = [position for position in positions if position.contract and position.quantity]
    if held:
        load_rolls()
    return {position.pk: _of(position) for position in held}


def _of(position: Position) -> Rolling:
    book, contract = position.book, parse_contract(position.contract)
    policy = execution_policy(book.execution).rolls(is_real=book.mode == Book.Mode.LIVE)
    leaves = policy.leaves(contract)
    at = to_datetime(rolls_at(contract, rules=policy.rules))
    return Rolling(at, None if leaves is None else to_datetime(leaves))


def told() -> Iterator[Notice]:
    """A position whose contract rolls within a day, and one whose contract has rolled."""
    positions = list(Position.objects.exclude(quantity=0).exclude(contract="").select_related("book"))
    found, now = rolling(positions), timezone.now()
    for position in positions:
        soon = found[position.pk]
        if now >= (soon.closes_at or soon.at) - TOLD_BEFORE:
            yield _notice(position, soon, has_rolled=now >= soon.at)


def _notice(position: Position, soon: Rolling, *, has_rolled: bool) -> Notice:
    book, contract = position.book.name, position.contract
    text = f"Book {book}: {position.strategy} holds {position.quantity.normalize():f} {contract} at {position.broker}"
    key = f"roll|{book}|{position.strategy}|{contract}|{position.broker}"
    if has_rolled:
        text = (
            f"{text}, which has rolled: its prices are not seen here. By price only what waits at the venue closes it."
        )
        return Notice("roll", Level.CRITICAL, text, book, f"{key}|over")
    what = "It is kept, and exits that wait here are then not watched."
    if soon.closes_at is not None:
        what = f"It is closed at {_clock(soon.closes_at)}."
    return Notice("roll", Level.WARNING, f"{text}, which rolls at {_clock(soon.at)}. {what}", book, key)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%a %d %b, %H:%M} in New York"
