"""What of a book's life people are told, in words."""

from collections.abc import Callable, Iterable
from typing import Any

from engine.model.commands import AnyCommand, Flatten, Halt, Resume, StopSlot
from engine.model.event import Event
from engine.model.orders import ApprovedOrder, OrderDenied, OrderFilled, OrderRejected
from engine.model.positions import TradeClosed
from engine.model.signals import StrategyFaulted
from infra.notices import Level, Notice

LOSS_RULES = ("max_daily_loss", "max_drawdown")
STOPS = ("stop", "trailing", "break_even")
GRAVE = ("account_red", "account_closed", "gateway_broken", "order_unknown", "exit_refused", "cancel_stuck")


def of_outputs(book: str, outputs: Iterable[Event], *, is_live: bool = False) -> list[Notice]:
    """What of the engine's outputs is worth telling. A rejection by a real venue comes as an alarm, too."""
    found = []
    for event in outputs:
        if is_live and isinstance(event, OrderRejected):
            continue
        words = _WORDS.get(type(event))
        notice = words(book, event) if words is not None else None
        if notice is not None:
            found.append(notice)
    return found


def of_command(book: str, command: AnyCommand) -> Notice | None:
    """What a person told the book, where others must know of it."""
    who = command.by if "@" in command.by else "the system"
    key = f"kill_switch|{book}"
    if isinstance(command, Halt):
        text = f"Book {book} is halted by {who}: {command.reason or 'no reason given'}. Exits still pass."
        return Notice("kill_switch", Level.CRITICAL, text, book, key)
    if isinstance(command, Resume):
        return Notice(
            "kill_switch", Level.CRITICAL, f"Book {book} may trade again, says {who}.", book, key, is_over=True
        )
    if isinstance(command, Flatten) or (isinstance(command, StopSlot) and command.flatten):
        what = " ".join(each for each in (command.strategy, command.symbol) if each) or "everything"
        text = f"Book {book}: {who} closes what is held of {what}."
        return Notice("kill_switch", Level.CRITICAL, text, book, f"flatten|{book}|{command.command_id}")
    return None


def of_alarm(book: str, what: str, text: str) -> Notice:
    """What the brokers' side of a book raised an alarm about."""
    level = Level.CRITICAL if what in GRAVE else Level.WARNING
    return Notice("account", level, f"Book {book}: {text}", book, f"account|{book}|{what}|{text}")


def _approved(book: str, approved: ApprovedOrder) -> Notice:
    order = approved.order
    text = (
        f"Book {book}: {order.strategy} orders {order.side} {_plain(order.quantity)} {order.symbol} ({order.reason})."
    )
    return Notice("order", Level.INFO, text, book, f"order|{order.client_id}")


def _filled(book: str, fill: OrderFilled) -> Notice:
    text = f"Book {book}: {fill.strategy} {fill.side} {_plain(fill.quantity)} {fill.symbol} at {_plain(fill.price)}."
    return Notice("fill", Level.CRITICAL, text, book, f"fill|{fill.broker}|{fill.fill_id}")


def _closed(book: str, trade: TradeClosed) -> Notice | None:
    if not trade.exit_reason.startswith(STOPS):
        return None
    text = (
        f"Book {book}: a stop closed {_plain(trade.quantity)} {trade.symbol} of {trade.strategy} at "
        f"{_plain(trade.exit_price)}, {_plain(trade.pnl)} net."
    )
    return Notice("stop", Level.CRITICAL, text, book, f"stop|{trade.trade_id}")


def _denied(book: str, denied: OrderDenied) -> Notice | None:
    if denied.rule not in LOSS_RULES:
        return None
    text = f"Book {book}: entries are stopped, {denied.reason} ({denied.value} of {denied.limit})."
    return Notice("loss", Level.CRITICAL, text, book, f"loss|{book}|{denied.rule}|{denied.reason}")


def _rejected(book: str, rejected: OrderRejected) -> Notice:
    text = f"Book {book}: order {rejected.client_id} was rejected: {rejected.reason}"
    return Notice("account", Level.WARNING, text, book, f"rejected|{rejected.client_id}")


def _faulted(book: str, fault: StrategyFaulted) -> Notice:
    text = f"Book {book}: {fault.strategy} on {fault.symbol} broke and is disabled; its exits stay. {fault.error}"
    return Notice("strategy", Level.CRITICAL, text, book, f"strategy|{book}|{fault.strategy}|{fault.symbol}")


def _plain(value: Any) -> str:
    return f"{value.normalize():f}"


_WORDS: dict[type[Event], Callable[[str, Any], Notice | None]] = {
    ApprovedOrder: _approved,
    OrderFilled: _filled,
    TradeClosed: _closed,
    OrderDenied: _denied,
    OrderRejected: _rejected,
    StrategyFaulted: _faulted,
}
