"""Changing a book's rules: checked, recorded with their author, and taken over by its process within a second."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from engine.errors import InvalidInput, NotFound
from trading.limits import CHECKS
from trading.models import Book
from trading.services import wake
from users.models import User


def book_of(name: str) -> Book:
    """The book of that name; `NotFound` where there is none."""
    found = Book.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no book {name!r}.", field="book")
    return found


def rules_of(book: Book) -> dict[str, Any]:
    """Every rule document of the book by its name."""
    return {name: getattr(book, name) for name in CHECKS}


@transaction.atomic
def set_rules(*, user: User, book: str, documents: dict[str, Any]) -> Book:
    """Replace the documents that are named; nothing is changed where one of them is wrong."""
    for name, document in documents.items():
        if name not in CHECKS:
            raise InvalidInput(f"{name}: one of {', '.join(CHECKS)} was expected", field=name)
        CHECKS[name](document)
    found = Book.objects.select_for_update().get(pk=book_of(book).pk)
    changed = [name for name, document in documents.items() if getattr(found, name) != document]
    if not changed:
        return found
    said = "; ".join(f"{name}: {getattr(found, name)} → {documents[name]}" for name in changed)
    for name in changed:
        setattr(found, name, documents[name])
    found.save(update_fields=changed)
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Book),
        object_id=str(found.pk),
        object_repr=str(found),
        action_flag=CHANGE,
        change_message=said,
    )
    transaction.on_commit(wake)
    return found
