"""What people do to books: start, stop, flatten, halt. The only writers of runs and commands."""

import logging
import time
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import KombuError
from redis import RedisError

from engine.errors import Conflict, InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.instruments.options import underlying_of
from engine.model.commands import AnyCommand, CancelOrder, Flatten, Halt, ManualSignal, Resume, StopSlot
from engine.model.time import from_datetime
from infra import codec
from infra.notices import tell
from infra.redis import keys
from infra.redis.client import sync_client
from strategies.models import Ticker
from strategies.registry import STRATEGIES
from trading import live_mode as locks
from trading import notices
from trading.manual_entry import MANUAL
from trading.manual_slots import complete_tickers
from trading.models import Book, CommandRecord, Order, Position, Run
from users.models import User

logger = logging.getLogger(__name__)

PAPER_BOOK = "paper"
COMMANDS_KEPT = 10_000
LOOK_S = 0.1  # between two looks at what became of a command

ACTIONS = {"long": 1, "call": 1, "short": -1, "put": -1, "flat": 0, "close": 0}


def start_strategy(*, user: User | None, strategy: str, symbol: str = "", live_mode: bool = False) -> Run:
    """Start `strategy` on its tickers (all, or `symbol` only); the configuration is frozen in the run.

    On paper, unless `live_mode`: then only with quantities at real accounts that a person has armed, by a person with
    the permission; and its process enters nothing before these accounts agree with our books. A strategy that runs
    already is left alone and its run returned.
    """
    name = STRATEGIES.canonical(strategy)
    if live_mode:
        locks.check_person(user)
    if name == MANUAL:
        complete_tickers(user=user)
    slots = [slot_document(ticker) for ticker in _startable(name, symbol)]
    if live_mode:
        slots = locks.real_slots(slots)
        locks.check_certified(slots)
        book = locks.live_book()
        locks.check_accounts_are_free(book, slots)
    else:
        book = paper_book()
    try:
        with transaction.atomic():
            run = Run.objects.create(book=book, strategy=name, slots=slots, started_by=user)
            transaction.on_commit(wake)
    except IntegrityError:
        return Run.objects.get(book=book, strategy=name, state=Run.State.RUNNING)
    return run


def _startable(strategy: str, symbol: str) -> list[Ticker]:
    tickers = Ticker.objects.filter(strategy=strategy)
    if symbol:
        tickers = tickers.filter(symbol=normalize_symbol(symbol))
    found = list(tickers.order_by("symbol"))
    if not found:
        where = f" on {symbol}" if symbol else ""
        raise InvalidInput(
            f"There is no ticker for strategy {strategy!r}{where}. Add one in the admin or with POST /api/tickers.",
            field="symbol" if symbol else "strategy",
        )
    return found


def slot_document(ticker: Ticker) -> dict[str, Any]:
    """The ticker's configuration as a run keeps it."""
    return {
        "strategy": ticker.strategy,
        "symbol": ticker.symbol,
        "timeframe": ticker.timeframe,
        "params": ticker.params,
        "quantities": {broker: str(quantity) for broker, quantity in ticker.quantities.items()},
        "exits": ticker.exits or None,
    }


def stop_strategy(*, user: User | None, strategy: str, flatten: bool = False, reason: str = "") -> list[Run]:
    """No new entries from `strategy`, in whichever books it runs; what it holds there stays with its exits, or is
    closed with `flatten`. What was stopped, real money first."""
    name = STRATEGIES.canonical(strategy)
    runs = _running(name)
    if not runs:
        raise Conflict(f"Strategy {name!r} is not running, so there is nothing to stop.", field="strategy")
    with transaction.atomic():
        for run in runs:
            run.state, run.stopped_at, run.stop_reason = Run.State.STOPPED, timezone.now(), reason or "asked to stop"
            run.save(update_fields=["state", "stopped_at", "stop_reason"])
            command = StopSlot(**command_head(user), strategy=name, flatten=flatten)
            send(book=run.book, command=command, user=user)
        transaction.on_commit(wake)
    return runs


def _running(strategy: str) -> list[Run]:
    """The runs of it in all books, real money first."""
    runs = Run.objects.filter(strategy=strategy, state=Run.State.RUNNING).select_related("book").order_by("-id")
    return sorted(runs, key=lambda run: run.book.mode != Book.Mode.LIVE)


def flatten(*, user: User | None, strategy: str = "", symbol: str = "", book: str = "") -> list[CommandRecord]:
    """Close what is held (of `strategy`, in `symbol`, in `book`; empty means all): a command for each book that holds
    some of it; refused where nothing is held."""
    held = Position.objects.exclude(quantity=0)
    if book:
        held = held.filter(book__name=book)
    if strategy:
        held = held.filter(strategy=STRATEGIES.canonical(strategy))
    if symbol:
        held = held.filter(pk__in=_concerned(held, normalize_symbol(symbol)))
    books = Book.objects.filter(pk__in=held.values("book")).order_by("name")
    if not books:
        what = " ".join(part for part in (strategy, symbol) if part) or "any strategy"
        raise Conflict(f"No position is open for {what}: there is nothing to flatten.")
    name = STRATEGIES.canonical(strategy) if strategy else ""
    symbol = underlying_of(normalize_symbol(symbol)) if symbol else ""
    return [
        send(book=each, command=Flatten(**command_head(user), strategy=name, symbol=symbol), user=user)
        for each in books
    ]


def _concerned(held: Iterable[Position], symbol: str) -> list[int]:
    """The positions in `symbol`, or in options on it."""
    return [row.pk for row in held if symbol in (row.symbol, underlying_of(row.symbol))]


def halt(*, user: User | None, book: Book, reason: str) -> CommandRecord:
    """Kill switch: no entries until `resume`; exits still pass. Set as a key too, which the gateway reads."""
    with transaction.atomic():
        Book.objects.filter(pk=book.pk).update(is_halted=True, halt_reason=reason[:200])
        command = Halt(ts=_now(), command_id=_new_id(), by=_who(user), reason=reason)
        transaction.on_commit(lambda: _redis().set(keys.halt(book.name), reason or "halted"))
        return send(book=book, command=command, user=user)


def resume(*, user: User | None, book: Book) -> CommandRecord:
    """End a halt."""
    with transaction.atomic():
        Book.objects.filter(pk=book.pk).update(is_halted=False, halt_reason="")
        transaction.on_commit(lambda: _redis().delete(keys.halt(book.name)))
        return send(book=book, command=Resume(ts=_now(), command_id=_new_id(), by=_who(user)), user=user)


def manual_signal(*, user: User | None, strategy: str, symbol: str, action: str) -> CommandRecord:
    """A person's `long | short | call | put | close | flat` for a slot that runs in one book; anything else is
    refused."""
    name, symbol = STRATEGIES.canonical(strategy), normalize_symbol(symbol)
    target = ACTIONS.get(action.strip().lower())
    if target is None:
        raise InvalidInput(f"action must be one of {', '.join(ACTIONS)}; found {action!r}.", field="action")
    runs = [run for run in _running(name) if symbol in {slot["symbol"] for slot in run.slots}]
    if not runs:
        raise Conflict(f"{name!r} does not run on {symbol}: start it first.", field="symbol")
    if len(runs) > 1:
        books = " and ".join(run.book.name for run in runs)
        raise Conflict(
            f"{name!r} runs on {symbol} in the books {books}, and a signal does not say which is meant: stop it, or "
            "close what one of them holds with flatten.",
            field="strategy",
        )
    (run,) = runs
    command = ManualSignal(
        ts=_now(), command_id=_new_id(), by=_who(user), strategy=name, symbol=symbol, target=target,
        reason=f"manual {action.strip().lower()}",
    )  # fmt: skip
    return send(book=run.book, command=command, user=user)


def await_outcome(record: CommandRecord, *, within_s: float) -> None:
    """Read the record again until it is known what became of the command, or the time is over."""
    deadline = time.monotonic() + within_s
    while record.success is None and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        record.refresh_from_db()


def cancel_order(*, user: User | None, order: Order) -> CommandRecord:
    """Ask for a working order's cancel."""
    command = CancelOrder(ts=_now(), command_id=_new_id(), by=_who(user), client_id=order.client_id)
    return send(book=order.book, command=command, user=user)


def send(*, book: Book, command: AnyCommand, user: User | None) -> CommandRecord:
    """Record `command` and hand it to the book's process once the transaction is committed."""
    document = codec.to_builtins(command)
    record = CommandRecord.objects.create(
        book=book, command_id=command.command_id, kind=document["event"], payload=document, by=user
    )
    transaction.on_commit(lambda: _deliver(book.name, codec.encode(command)))
    notice = notices.of_command(book.name, command)
    if notice is not None:
        transaction.on_commit(lambda: tell(notice))
    return record


def deliver_again(record: CommandRecord) -> None:
    """Hand over once more what nobody has answered: a book carries a command out once, however often it comes."""
    if record.state == CommandRecord.State.SENT:
        _deliver(record.book.name, msgspec.json.encode(record.payload))


def _deliver(book: str, data: bytes) -> None:
    _redis().xadd(keys.commands(book), {"e": data}, maxlen=COMMANDS_KEPT, approximate=True)


def wake() -> None:
    """Tell supervisor and traders that what should run has changed."""
    try:
        _redis().incr(keys.config_changed())
        current_app.send_task("trading.tasks.supervise", expires=5)
    except (RedisError, KombuError):
        # The database is the truth; the supervisor looks at it every two seconds anyway.
        logger.warning("Supervisor and traders could not be woken: Redis does not answer.")


def paper_book() -> Book:
    """The book that everything trades in unless live mode is asked for."""
    book, _ = Book.objects.get_or_create(name=PAPER_BOOK, defaults={"mode": Book.Mode.PAPER})
    if book.mode != Book.Mode.PAPER:
        raise Conflict(f"the book {PAPER_BOOK!r} is one for {book.mode}; nothing was started.", field="live_mode")
    return book


def _redis() -> Any:
    return sync_client(settings.REDIS_URL)


def command_head(user: User | None) -> dict[str, Any]:
    """What every command begins with: when, its name, and who says it."""
    return {"ts": _now(), "command_id": _new_id(), "by": _who(user)}


def _now() -> int:
    return from_datetime(timezone.now())


def _new_id() -> str:
    return uuid.uuid4().hex


def _who(user: User | None) -> str:
    return user.email if user else "system"
