"""What people order: placed as it was previewed, changed, given exits; told to the book once, however often asked."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.errors import Conflict, InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.model.commands import AnyCommand, ReplaceOrder, SetExits
from engine.model.enums import FINAL_STATES
from engine.model.time import from_datetime
from infra import codec
from trading import services
from trading.manual_entry import EntryPlan, OrderEntry
from trading.manual_plan import book_for, check_grid, plan_entry
from trading.models import Book, CommandRecord, Order, Position
from users.models import User

_SALT = "trading.manual_order"
PREVIEW_AGE_S = 120
MAX_DRIFT = Decimal("0.01")  # of the price between preview and order
_NAMES = uuid.UUID("5a2f7a61-3c0e-5a55-9d5e-6f5f6c6f7264")


class PreviewChanged(Conflict):
    """The order was not placed because nobody has seen what it would become now; `plan` and `token` are to be seen."""

    code = "preview_changed"

    def __init__(self, detail: str, *, plan: EntryPlan, token: str) -> None:
        super().__init__(detail, field="preview")
        self.plan = plan
        self.token = token


class OrderNotPossible(Conflict):
    """Something speaks against the order; nothing was sent, at no account."""

    code = "order_not_possible"


def preview(*, user: User, entry: OrderEntry) -> tuple[EntryPlan, str]:
    """What `entry` would do, and the token that places exactly that within `PREVIEW_AGE_S`."""
    plan = plan_entry(entry, now=_now(), by=user.email)
    content = [user.pk, _digest(entry), plan.digest, plan.price, uuid.uuid4().hex]
    return plan, signing.dumps(content, salt=_SALT)


def place(*, user: User, entry: OrderEntry, token: str, key: str = "") -> list[CommandRecord]:
    """Order what was previewed with `token`: one command per account.

    The same request again (the same `key`, or without one the same token) orders nothing more and returns the same
    commands. `PreviewChanged` where the plan is another than the one seen, with the new one.
    """
    seen = _read(token, user=user)
    name = key or (seen[4] if seen else "")
    if name:
        told = _told_before(user, entry, name)
        if told:
            return told
    plan, fresh = preview(user=user, entry=entry)
    problem = _changed(seen, entry, plan)
    if problem:
        raise PreviewChanged(problem, plan=plan, token=fresh)
    if not plan.can_place:
        raise OrderNotPossible(" ".join(plan.problems))
    book = book_for(entry)
    check_person(user, book)
    now = _now()

    def command(account: str) -> AnyCommand:
        return entry.command(account, ts=now, command_id=_name(user, name, account), by=user.email)

    return _send_all(user, book, [command(account) for account in sorted(entry.quantities)])


def replace(
    *,
    user: User,
    order: Order,
    quantity: Decimal | None = None,
    limit_price: Decimal | None = None,
    stop_price: Decimal | None = None,
    trail: Decimal | None = None,
    key: str = "",
) -> CommandRecord:
    """Change a working order: withdrawn first, sent anew when that is confirmed, less what was filled until then."""
    if order.state in FINAL_STATES:
        raise Conflict(f"{order.client_id} is {order.state}: there is nothing to change.", field="client_id")
    check_person(user, order.book)
    for field, price in (("limit_price", limit_price), ("stop_price", stop_price), ("trail", trail)):
        check_grid(order.symbol, field, price)
    command = ReplaceOrder(
        _now(), _name(user, key, order.client_id), user.email, order.client_id, quantity, limit_price, stop_price, trail
    )
    return _send_all(user, order.book, [command])[0]


def set_exits(
    *,
    user: User,
    book: Book,
    strategy: str,
    symbol: str,
    broker: str,
    stop: Decimal | None = None,
    target: Decimal | None = None,
    key: str = "",
) -> CommandRecord:
    """Give an open position a stop and a target at these prices; None leaves that one as it is."""
    symbol = normalize_symbol(symbol)
    held = Position.objects.filter(book=book, strategy=strategy, symbol=symbol, broker=broker).exclude(quantity=0)
    if not held.exists():
        raise Conflict(f"{strategy} holds nothing in {symbol} at {broker!r} (book {book.name}).", field="symbol")
    check_grid(symbol, "stop", stop)
    check_grid(symbol, "target", target)
    command = SetExits(
        _now(), _name(user, key, f"{strategy} {symbol} {broker}"), user.email, strategy, symbol, broker, stop, target
    )
    return _send_all(user, book, [command])[0]


def check_person(user: User, book: Book) -> None:
    """Orders for real money need the permission that starting with real money needs."""
    if book.mode == Book.Mode.LIVE and not user.has_perm("trading.start_live"):
        raise Conflict("An order with real money needs the permission trading.start_live.", field="book")


def entry_of(values: dict[str, Any]) -> OrderEntry:
    """The entry in checked values of a request."""
    quantities = {account: _quantity(account, text) for account, text in values["quantities"].items()}
    kept = {name: value for name, value in values.items() if name in OrderEntry.__struct_fields__}
    return msgspec.convert(
        {**kept, "symbol": normalize_symbol(values["symbol"]), "quantities": quantities}, OrderEntry, strict=False
    )


def _quantity(account: str, text: Any) -> Decimal:
    try:
        found = Decimal(str(text))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise InvalidInput(f"quantities.{account}: a number was expected, found {text!r}.", field="quantities")
    return found


# ---- what was seen, and what was told already ------------------------------------------------------------------


def _read(token: str, *, user: User) -> list[Any] | None:
    """What the token of a preview says; None where there is none of this person that is still good."""
    try:
        content = signing.loads(token, salt=_SALT, max_age=PREVIEW_AGE_S) if token else None
    except signing.BadSignature:
        return None
    return content if content is not None and content[0] == user.pk else None


def _changed(seen: list[Any] | None, entry: OrderEntry, plan: EntryPlan) -> str:
    """Why the plan is not the one that was seen; empty where it is."""
    if seen is None:
        return f"preview: the token of a preview of the last {PREVIEW_AGE_S} s was expected. This is what it would do."
    if seen[1] != _digest(entry):
        return "preview: it was of another order. This is what this one would do."
    if seen[2] != plan.digest:
        return "preview: something changed since: the orders or their verdicts are others now. Look again."
    if seen[3] and plan.price and abs(Decimal(plan.price) / Decimal(seen[3]) - 1) > MAX_DRIFT:
        return f"preview: the price moved from {seen[3]} to {plan.price} since. Look again."
    return ""


def _digest(entry: OrderEntry) -> str:
    return msgspec.json.encode(entry, order="deterministic").decode()


def _name(user: User, key: str, what: str) -> str:
    """The command's id: of a repeated request the same."""
    return uuid.uuid5(_NAMES, f"{user.pk} {key} {what}").hex if key else uuid.uuid4().hex


def _told_before(user: User, entry: OrderEntry, key: str) -> list[CommandRecord]:
    names = {_name(user, key, account): account for account in entry.quantities}
    found = list(CommandRecord.objects.filter(command_id__in=names).select_related("book").order_by("command_id"))
    if found and len(found) != len(names):
        raise Conflict("The idempotency key was used for an order at other accounts already.", field="idempotency_key")
    for record in found:
        wanted = codec.to_builtins(
            entry.command(names[record.command_id], ts=0, command_id=record.command_id, by=user.email)
        )
        if {**record.payload, "ts": 0} != wanted:
            raise Conflict("The idempotency key was used for another order already.", field="idempotency_key")
        services.deliver_again(record)
    return found


def _send_all(user: User, book: Book, commands: list[AnyCommand]) -> list[CommandRecord]:
    """All of them or none; those that somebody told in the same moment are returned as they are."""
    try:
        with transaction.atomic():
            return [services.send(book=book, command=command, user=user) for command in commands]
    except IntegrityError:
        names = [command.command_id for command in commands]
        return list(CommandRecord.objects.filter(command_id__in=names).select_related("book").order_by("command_id"))


def _now() -> int:
    return from_datetime(timezone.now())
