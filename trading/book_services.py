"""Changing a book's rules: checked, recorded with their author, and taken over by its process within a second."""

from decimal import Decimal
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from engine.errors import InvalidInput
from infra.named import named
from strategies.models import Ticker
from trading.limits import CHECKS, sizes
from trading.live_mode import LIVE_BOOK
from trading.models import Book
from trading.services import PAPER_BOOK, wake
from users.models import User

BOOKS = {PAPER_BOOK: Book.Mode.PAPER, LIVE_BOOK: Book.Mode.LIVE}


def book_of(name: str) -> Book:
    """The book of that name; `NotFound` with the names that there are."""
    return named(Book, name, field="book")


def rules_of(book: Book) -> dict[str, Any]:
    """Every rule document of the book by its name."""
    return {name: getattr(book, name) for name in CHECKS}


def check_name(name: str, mode: str) -> None:
    """Strategies are started in one book of each mode: in another one nothing could ever trade."""
    if BOOKS.get(name) != mode:
        known = " or ".join(f"{each} (for {its})" for each, its in BOOKS.items())
        raise InvalidInput(
            f"name: {known} was expected, as strategies are started in these only; found {name} (for {mode})",
            field="name",
        )


def check_capital(document: dict[str, Any]) -> None:
    """A strategy that sizes by equity needs cash at every account at which its tickers trade; `InvalidInput` names the
    first one without."""
    found = sizes(document)
    for ticker in Ticker.objects.filter(strategy__in=found.by_equity):
        for account, quantity in ticker.quantities.items():
            if Decimal(quantity) and account not in found.capital:
                raise InvalidInput(
                    f"sizing.capital.{account}: cash was expected, as {ticker.strategy} sizes by equity and trades "
                    f"{ticker.symbol} there",
                    field="sizing",
                )


@transaction.atomic
def set_rules(*, user: User, book: str, documents: dict[str, Any]) -> Book:
    """Replace the documents that are named; nothing is changed where one of them is wrong."""
    for name, document in documents.items():
        if name not in CHECKS:
            raise InvalidInput(f"{name}: one of {', '.join(CHECKS)} was expected", field=name)
        CHECKS[name](document)
    if "sizing" in documents:
        check_capital(documents["sizing"])
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
