"""The locks on real money that are asked when a strategy is started; those of every order are asked by its gateway."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from brokers.models import BrokerAccount
from brokers.services import check_quantity
from engine.errors import Conflict
from engine.model.enums import FINAL_STATES
from strategies.certificates import reason_against
from strategies.registry import traded_class
from trading.models import Book, Order, Position, Run
from users.models import User

LIVE_BOOK = "live"


class LiveModeLocked(Conflict):
    """Real money needs locks that are not open."""

    code = "live_mode_locked"


def check_person(user: User | None) -> None:
    """Only a person with the permission starts with real money."""
    if user is None or not user.has_perm("trading.start_live"):
        raise LiveModeLocked(
            "live_mode=true needs a person with the permission trading.start_live; nothing was started.",
            field="live_mode",
        )


def live_book() -> Book:
    """The book that trades with real money."""
    book, _ = Book.objects.get_or_create(name=LIVE_BOOK, defaults={"mode": Book.Mode.LIVE})
    if book.mode != Book.Mode.LIVE:
        raise LiveModeLocked(f"the book {LIVE_BOOK!r} is one for {book.mode}; nothing was started.", field="live_mode")
    return book


def real_slots(documents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The slots with what they trade at real accounts only; every such account must be armed by a person."""
    return [{**document, "quantities": _real_quantities(document)} for document in documents]


def _real_quantities(document: dict[str, Any]) -> dict[str, str]:
    symbol = document["symbol"]
    wanted = {name: Decimal(quantity) for name, quantity in document["quantities"].items()}
    real = BrokerAccount.objects.filter(name__in=[name for name, quantity in wanted.items() if quantity])
    accounts = list(real.filter(mode=BrokerAccount.Mode.LIVE).order_by("name"))
    if not accounts:
        raise LiveModeLocked(
            f"live_mode=true needs a quantity at a real account, and {symbol} has none: no account is armed for it; "
            "nothing was started. Leave live_mode out to trade on paper.",
            field="live_mode",
        )
    for account in accounts:
        if not account.enabled or not account.is_armed:
            raise LiveModeLocked(
                f"live_mode=true needs an account that a person has armed, and {account.name!r} ({symbol}) is not "
                "armed; nothing was started. Leave live_mode out to trade on paper.",
                field="live_mode",
            )
        traded = traded_class(document["strategy"], symbol, document["params"])
        check_quantity(account=account.name, asset_class=traded, quantity=wanted[account.name])
    return {account.name: str(wanted[account.name]) for account in accounts}


def check_certified(slots: Iterable[dict[str, Any]]) -> None:
    """Every strategy has shown, as its code is now, that it cannot see the future."""
    for name in sorted({slot["strategy"] for slot in slots}):
        reason = reason_against(name)
        if reason:
            raise LiveModeLocked(f"live_mode=true: {reason}; nothing was started.", field="strategy")


def check_accounts_are_free(book: Book, slots: Iterable[dict[str, Any]]) -> None:
    """An account belongs to one book: two that trade it could not tell their positions apart, and each would count
    limits and buying power for itself. A book whose strategies have stopped keeps it while it holds something there."""
    wanted = {name for slot in slots for name in slot["quantities"]}
    runs = Run.objects.filter(state=Run.State.RUNNING, book__mode=Book.Mode.LIVE).exclude(book=book)
    slots_of_others = [(run.book.name, slot) for run in runs.select_related("book") for slot in run.slots]
    taken = [(name, other) for other, slot in slots_of_others for name in slot["quantities"]]
    for rows in (Position.objects.exclude(quantity=0), Order.objects.exclude(state__in=FINAL_STATES)):
        held = rows.filter(book__mode=Book.Mode.LIVE).exclude(book=book)
        taken += held.values_list("broker", "book__name").distinct()
    for name, other in sorted(taken):
        if name in wanted:
            raise LiveModeLocked(
                f"the account {name!r} is traded by the book {other!r}; nothing was started.", field="live_mode"
            )
