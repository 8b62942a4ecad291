"""Whether a book and the venue tell the same story."""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from engine.model.enums import FINAL_STATES
from trading.journal.writer import first_broken_link
from trading.models import AccountCheck, Book, Fill, JournalEvent, Order, Position

WORKING = ("working", "received")


class Verdict:
    """What is wrong, and how much was looked at."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()


def news(name: str) -> int:
    """A number that rises with every order and every step of one."""
    return JournalEvent.objects.filter(book__name=name, kind__startswith="Order").exclude(kind="OrderDenied").count()


def is_quiet(name: str, *, must_be_flat: bool) -> str:
    """What is still open in the book; empty when it has come to rest."""
    book = Book.objects.get(name=name)
    waiting = book.commands.filter(state="sent").count()
    if waiting:
        return f"{waiting} commands are not answered"
    check = AccountCheck.objects.filter(book=book).first()
    if check is None or check.state != "green":
        return f"the account is {check.state if check else 'never compared'}: {check.reason if check else ''}"
    open_orders = Order.objects.filter(book=book).exclude(state__in=FINAL_STATES)
    if open_orders.exists():
        return f"open: {', '.join(f'{order} {order.state}' for order in open_orders)}"
    held = Position.objects.filter(book=book).exclude(quantity=0).first()
    return f"held: {held}" if must_be_flat and held is not None else ""


def judge(name: str, truth: dict[str, Any], *, unit: int) -> Verdict:
    """Hold every order, fill and position of the book against what the venue really did."""
    found, book = Verdict(), Book.objects.get(name=name)
    rows = {row.client_id: row for row in Order.objects.filter(book=book)}
    theirs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for order in truth["orders"]:
        theirs[order["client_id"]].append(order)
    _orders(found, rows, theirs)
    _fills(found, book, rows, theirs, truth)
    _positions(found, book, truth, unit)
    broken = first_broken_link(book.pk)
    if broken is not None:
        found.failures.append(f"the journal is broken at {broken}")
    found.counts.update(orders=len(rows), venue_orders=len(truth["orders"]), executions=len(truth["executions"]))
    for row in rows.values():
        if any(step["state"] == "unknown" for step in row.timeline):
            found.counts["unknown"] += 1
        found.counts["moved"] += sum(step["state"].startswith("stop at") for step in row.timeline)
        found.counts["paired"] += "complex-orders" in (row.request or {}).get("path", "")
        if row.state_reason == "it never reached the venue":
            found.counts["never_came"] += 1
    return found


def _orders(found: Verdict, rows: dict[str, Order], theirs: dict[str, list[dict[str, Any]]]) -> None:
    for client_id, orders in theirs.items():
        # A stop that was moved is another order there each time, in the place of the one before.
        working = [order for order in orders if order["state"] in WORKING]
        if len([order for order in orders if not order["replaces"]]) > 1 or len(working) > 1:
            found.failures.append(f"duplicate: {client_id} is at the venue {len(orders)} times")
            found.counts["duplicate_orders"] += 1
        if client_id not in rows:
            found.failures.append(f"the venue has {client_id!r}, and our books do not know it")
    for client_id, row in rows.items():
        was_sent = any(step["state"] == "submitted" for step in row.timeline)
        is_there = client_id in theirs
        if is_there and not was_sent:
            found.failures.append(f"{client_id} is at the venue, and was never told to be sent")
        if row.venue_id and not is_there:
            found.failures.append(f"lost: {client_id} ({row.state}) was taken by the venue, which does not have it")
            found.counts["lost_orders"] += 1
        if is_there and not row.venue_id and row.state != "rejected":
            found.failures.append(
                f"lost: {client_id} is at the venue, and our books say {row.state} {row.state_reason}"
            )
            found.counts["lost_orders"] += 1
        is_working = is_there and any(order["state"] in WORKING for order in theirs[client_id])
        if is_working and row.state in ("cancelled", "filled", "expired"):
            found.failures.append(f"{client_id} is {row.state} here and works at the venue")


def _fills(
    found: Verdict, book: Book, rows: dict[str, Order], theirs: dict[str, list[dict[str, Any]]], truth: dict[str, Any]
) -> None:
    """Each order's executions are the same here and there, one by one."""
    names = {order["id"]: client_id for client_id, orders in theirs.items() for order in orders}
    executed: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for each in truth["executions"]:
        executed[names[each["order"]]].append((Decimal(each["signed"]), Decimal(each["price"])))
    booked: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for fill in Fill.objects.filter(order__book=book).select_related("order"):
        booked[fill.order.client_id].append((fill.quantity * (1 if fill.side == "buy" else -1), fill.price))
    for client_id in sorted({*executed, *booked}):
        if sorted(executed[client_id]) != sorted(booked[client_id]):
            found.failures.append(f"{client_id} was filled {executed[client_id]}, our books say {booked[client_id]}")
            found.counts["wrong_fills"] += 1
    for client_id, row in rows.items():
        total = sum((abs(quantity) for quantity, _ in booked[client_id]), Decimal(0))
        if row.filled_quantity != total:
            found.failures.append(f"{client_id}: its row says {row.filled_quantity} filled, its fills say {total}")


def _positions(found: Verdict, book: Book, truth: dict[str, Any], unit: int) -> None:
    """What is held is the sum of the fills, here and there, and never was more than asked for."""
    held: Counter[str] = Counter()
    most = unit + _filled_after_all(book)
    for each in truth["executions"]:
        held[each["symbol"]] += Decimal(each["signed"])  # type: ignore[assignment]
        if abs(held[each["symbol"]]) > most:
            found.failures.append(f"{each['symbol']}: {held[each['symbol']]} were held, {most} are the most asked for")
            found.counts["wrong_positions"] += 1
    there = sum((Decimal(quantity) for quantity in truth["positions"].values()), Decimal(0))
    row = Position.objects.filter(book=book).first()
    here = row.quantity if row is not None else Decimal(0)
    total = sum((Decimal(each["signed"]) for each in truth["executions"]), Decimal(0))
    if not here == there == total:
        found.failures.append(f"position: our books say {here}, the venue {there}, the executions {total}")
        found.counts["wrong_positions"] += 1


def _filled_after_all(book: Book) -> Decimal:
    """What the venue filled after it had said that the order was gone: nobody can ask for less than that."""
    total = Decimal(0)
    for row in Order.objects.filter(book=book, filled_quantity__gt=0):
        states = [step["state"] for step in row.timeline]
        if "cancelled" in states and states.index("cancelled") < len(states) - 1:
            total += row.filled_quantity
    return total
