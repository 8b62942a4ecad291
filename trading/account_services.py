"""What people do about accounts that do not agree with our books."""

from engine.errors import Conflict, InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.model.accounts import AccountState, Policy
from engine.model.commands import AcceptDifferences
from trading.models import AccountCheck, Book, CommandRecord
from trading.services import command_head, send
from users.models import User


def latest_checks(*, book: str = "") -> list[AccountCheck]:
    """How each account of each book stood when it was last compared."""
    found = AccountCheck.objects.select_related("book").order_by("book__name", "broker", "-id")
    newest: dict[tuple[int, str], AccountCheck] = {}
    for check in found.filter(book__name=book) if book else found:
        newest.setdefault((check.book_id, check.broker), check)
    return list(newest.values())


def accept_differences(*, user: User | None, book: Book, broker: str, policy: str, symbol: str = "") -> CommandRecord:
    """A person settles what `broker` holds differently (in one symbol, where named); the book's process answers."""
    if policy not in (Policy.ADOPT, Policy.IGNORE):
        raise InvalidInput(f"policy: adopt or ignore was expected, found {policy!r}.", field="policy")
    check = AccountCheck.objects.filter(book=book, broker=broker).first()
    if check is None:
        raise Conflict(f"The account {broker!r} of book {book.name!r} was never compared.", field="broker")
    if check.state != AccountState.RED:
        raise Conflict(f"The account {broker!r} is {check.state}: there is no difference to accept.", field="broker")
    command = AcceptDifferences(
        **command_head(user), broker=broker, symbol=normalize_symbol(symbol) if symbol else "", policy=Policy(policy)
    )
    return send(book=book, command=command, user=user)
