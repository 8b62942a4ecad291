"""`./run manage book`: what the admin does with books, positions and orders."""

from decimal import Decimal
from typing import Annotated, Any, cast

import typer
from django.conf import settings
from django.core.management import CommandError
from django_typer.management import TyperCommand, command

from engine.errors import NotFound
from infra.redis.client import sync_client
from infra.redis.leases import holder
from infra.terminal import AsJson, Yes, confirm, refusals, show
from infra.web.actor import actor_of
from trading import selectors, services
from trading.book_services import book_of
from trading.models import Book, CommandRecord, Order, Position, Run
from users.models import User

By = Annotated[str, typer.Option(help="In whose name: an account's e-mail address; else the system's")]
OfBook = Annotated[str, typer.Option("--book", help="One book only")]
OfStrategy = Annotated[str, typer.Option("--strategy", help="One strategy only")]
OfSymbol = Annotated[str, typer.Option("--symbol", help="One symbol only, options on it included")]

_ANSWER_WITHIN_S = 5.0


class Command(TyperCommand):
    """Says what was asked, and what the book's process made of it. `./run panic` needs neither process nor Redis."""

    help = "Books, their positions and orders: list, halt, resume, positions, flatten, orders, cancel."

    @command(name="list")
    def list_(self, as_json: AsJson = False) -> None:
        """Every book: its mode, its process, what runs in it and what it holds."""
        with refusals():
            rows = [_book(each) for each in Book.objects.order_by("name")]
        show(self.stdout, rows, as_json=as_json, empty="No book yet.")

    @command()
    def halt(self, book: str, reason: str = "halted from the command line", by: By = "") -> None:
        """No entries from now on; exits still pass."""
        with refusals():
            self._tell([services.halt(user=person(by), book=book_of(book), reason=reason)])

    @command()
    def resume(self, book: str, by: By = "", yes: Yes = False) -> None:
        """End a halt: entries again."""
        with refusals():
            found = book_of(book)
            confirm(f"Book {book} is halted ({found.halt_reason or 'no reason given'}): let it enter again?", yes=yes)
            self._tell([services.resume(user=person(by), book=found)])

    @command()
    def positions(self, book: OfBook = "", strategy: OfStrategy = "", as_json: AsJson = False) -> None:
        """What is held."""
        with refusals():
            found = selectors.positions(book=book, strategy=strategy)
            show(self.stdout, [_position(each) for each in found], as_json=as_json, empty="No position is open.")

    @command()
    def flatten(
        self, book: OfBook = "", strategy: OfStrategy = "", symbol: OfSymbol = "", by: By = "", yes: Yes = False
    ) -> None:
        """Close what is held: everything, or what the options name."""
        what = " ".join(part for part in (strategy, symbol, book and f"in book {book}") if part) or "EVERYTHING"
        with refusals():
            confirm(f"Close what is held of {what}?", yes=yes)
            self._tell(services.flatten(user=person(by), book=book, strategy=strategy, symbol=symbol))

    @command()
    def orders(
        self,
        book: OfBook = "",
        strategy: OfStrategy = "",
        state: Annotated[str, typer.Option(help="Of this state only: working, filled, rejected …")] = "",
        limit: Annotated[int, typer.Option(min=1, help="The newest so many")] = 50,
        as_json: AsJson = False,
    ) -> None:
        """The newest orders."""
        with refusals():
            found = selectors.orders(book=book, strategy=strategy, state=state)[:limit]
            show(self.stdout, [_order(each) for each in found], as_json=as_json, empty="No order.")

    @command()
    def cancel(self, client_id: Annotated[str, typer.Argument(help="As orders shows it")], by: By = "") -> None:
        """Ask for the cancel of a working order."""
        with refusals():
            order = Order.objects.select_related("book").filter(client_id=client_id).first()
            if order is None:
                raise NotFound(f"There is no order {client_id!r}.", field="client_id")
            self._tell([services.cancel_order(user=person(by), order=order)])

    def _tell(self, records: list[CommandRecord]) -> None:
        for record in records:
            self.stdout.write(told(record))
        if any(record.state == CommandRecord.State.REFUSED for record in records):
            raise CommandError("It was refused.")


def person(email: str) -> User | None:
    """Who acts; nobody named is the system."""
    return cast("User", actor_of(email)) if email else None


def told(record: CommandRecord) -> str:
    """What became of a command, as far as it is known within seconds."""
    services.await_outcome(record, within_s=_ANSWER_WITHIN_S)
    waits = "sent; no process has answered yet" if record.state == CommandRecord.State.SENT else str(record.state)
    return f"Book {record.book.name}: {record.kind} {waits}{f': {record.detail}' if record.detail else ''}"


def _book(book: Book) -> dict[str, Any]:
    running = Run.objects.filter(book=book, state=Run.State.RUNNING).order_by("strategy")
    process = holder(sync_client(settings.REDIS_URL), "trader", book.name)
    return {
        "book": book.name,
        "mode": str(book.mode),
        "state": f"halted: {book.halt_reason}" if book.is_halted else "open",
        "process": process.owner if process else "none",
        "strategies": ", ".join(running.values_list("strategy", flat=True)) or "none",
        "positions": Position.objects.filter(book=book).exclude(quantity=0).count(),
    }


def _position(each: Position) -> dict[str, Any]:
    return {
        "book": each.book.name, "strategy": each.strategy, "symbol": each.symbol, "broker": each.broker,
        "side": each.side, "quantity": _plain(each.quantity), "average_price": _plain(each.average_price),
        "stop_price": each.stop_price and _plain(each.stop_price), "updated_at": each.updated_at.isoformat(),
    }  # fmt: skip


def _order(each: Order) -> dict[str, Any]:
    return {
        "client_id": each.client_id, "book": each.book.name, "symbol": each.symbol, "side": each.side,
        "quantity": _plain(each.quantity), "type": each.type, "intent": each.intent, "state": each.state,
        "reason": each.state_reason, "broker": each.broker, "created_at": each.created_at.isoformat(),
    }  # fmt: skip


def _plain(value: Decimal) -> str:
    """Without the zeros of the column."""
    return f"{value.normalize():f}"
