"""The trade log: a line for everything that was decided and done, with its book, strategy and symbol to filter by."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from engine.model.event import Event
from engine.model.orders import (
    ApprovedOrder,
    OrderBecameUnknown,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from engine.model.positions import TradeClosed
from engine.model.signals import Signal, SignalSuppressed, SlotStateChanged, StrategyFaulted

logger = logging.getLogger("trades")

Line = tuple[int, str, str, str]  # level, strategy, symbol, words


def write(book: str, outputs: Sequence[Event]) -> None:
    """A line for each output that has words. An order's end names the order, which says whose it is."""
    for event in outputs:
        words = _WORDS.get(type(event))
        if words is not None:
            level, strategy, symbol, text = words(event)
            logger.log(level, text, extra={"book": book, "strategy": strategy, "symbol": symbol})


def _signal(event: Signal) -> Line:
    return logging.INFO, event.strategy, event.symbol, f"signal {event.target:+d}: {event.reason}"


def _suppressed(event: SignalSuppressed) -> Line:
    signal, why = event.signal, f"{event.rule}: {event.reason}"
    return logging.INFO, signal.strategy, signal.symbol, f"signal {signal.target:+d} is not followed, {why}"


def _approved(event: ApprovedOrder) -> Line:
    order = event.order
    text = f"order {order.client_id}: {order.side} {order.quantity} at {order.broker} ({order.type}, {order.reason})"
    return logging.INFO, order.strategy, order.symbol, text


def _denied(event: OrderDenied) -> Line:
    order = event.order
    text = f"order denied by {event.rule} ({event.value} of {event.limit}): {event.reason}"
    return logging.WARNING, order.strategy, order.symbol, text


def _filled(event: OrderFilled) -> Line:
    text = f"fill {event.client_id}: {event.side} {event.quantity} @ {event.price} at {event.broker}, fee {event.fee}"
    return logging.INFO, event.strategy, event.symbol, text


def _closed(event: TradeClosed) -> Line:
    text = f"trade closed: {event.side} {event.quantity}, {event.pnl} net, {event.entry_reason} → {event.exit_reason}"
    return logging.INFO, event.strategy, event.symbol, text


def _ended(event: Any) -> Line:
    word = type(event).__name__.removeprefix("Order").removeprefix("Became").lower()
    return logging.WARNING, "", "", f"order {event.client_id} {word} {getattr(event, 'reason', '')}".rstrip()


def _state(event: SlotStateChanged) -> Line:
    return logging.INFO, event.strategy, event.symbol, f"slot {event.state} {event.reason}".rstrip()


def _faulted(event: StrategyFaulted) -> Line:
    return logging.ERROR, event.strategy, event.symbol, f"strategy broke and is disabled: {event.error}"


_WORDS: dict[type[Event], Callable[[Any], Line]] = {
    Signal: _signal,
    SignalSuppressed: _suppressed,
    ApprovedOrder: _approved,
    OrderDenied: _denied,
    OrderFilled: _filled,
    TradeClosed: _closed,
    OrderRejected: _ended,
    OrderCancelled: _ended,
    OrderExpired: _ended,
    OrderBecameUnknown: _ended,
    SlotStateChanged: _state,
    StrategyFaulted: _faulted,
}
