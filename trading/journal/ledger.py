"""Turns facts of the engine into rows of the ledger; called inside the journal's transaction."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import F

from brokers.paper.would_send import would_send
from engine.errors import InvariantBroken
from engine.model.accounts import AccountChecked, PositionAdjusted
from engine.model.commands import CommandHandled, CommandSettled
from engine.model.enums import FINAL_STATES, OrderState
from engine.model.event import Event
from engine.model.numbers import finite
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.model.positions import ExitArmed, PositionChanged, TradeClosed
from engine.model.signals import Signal, SignalSuppressed, SlotStateChanged, StrategyFaulted
from engine.model.time import iso, to_datetime
from engine.options.events import ContractChosen, ContractRefused
from trading.journal import accounts
from trading.journal.columns import order_columns
from trading.models import Book, CommandRecord, Decision, Fill, Order, Position, Run, Trade
from trading.runtime.seen import fill_key, slot_key

# The columns of an order that change after its approval.
MOVING = (
    "state",
    "state_reason",
    "timeline",
    "updated_at",
    "venue_id",
    "filled_quantity",
    "average_price",
    "request",
    "stop_price",
)

NEAR_STRIKES = 11  # of a chain, around the money, that a decision shows

BarOf = Callable[[str], dict[str, Any] | None]


class _OfSlot(Protocol):
    """What tells whose it is."""

    @property
    def strategy(self) -> str: ...
    @property
    def symbol(self) -> str: ...


class Projection:
    """Writes the rows of one batch for one book. `bar_of(key)` gives a slot's or an execution's bar as a document."""

    def __init__(self, book: Book, *, bar_of: BarOf) -> None:
        self.book = book
        self._bar_of = bar_of
        self._runs: dict[str, Run | None] = {}
        self._orders: dict[str, Order] = {}
        self._moved: dict[str, Order] = {}  # orders that differ from their rows
        self._decisions: list[Decision] = []

    def apply(self, events: Iterable[Event]) -> None:
        """Write what `events` say, in order; one without a row of its own is kept by the journal alone."""
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        Order.objects.bulk_update(self._moved.values(), MOVING)
        Decision.objects.bulk_create(self._decisions)

    # ---- orders -----------------------------------------------------------------------------------------

    def approved(self, event: ApprovedOrder) -> None:
        order, at = event.order, to_datetime(event.ts)
        self._orders[order.client_id] = Order.objects.create(
            book=self.book,
            run=self.run_of(order.strategy),
            created_at=at,
            updated_at=at,
            timeline=[{"state": OrderState.APPROVED, "at": iso(event.ts)}],
            bar=self._bar_of(slot_key(order.strategy, order.symbol)),
            request=would_send(order) if self.book.mode == Book.Mode.PAPER else None,
            **order_columns(order),
        )

    def denied(self, event: OrderDenied) -> None:
        order = event.order
        self._decide(
            event.ts,
            order,
            Decision.Kind.DENIED,
            event.reason,
            target=order.side.sign,
            rule=event.rule,
            value=event.value[:120],
            limit=event.limit[:120],
            evidence={"intent": order.intent, "quantity": str(order.quantity), "broker": order.broker},
            client_id=order.client_id,
            bar_ts=order.bar_ts,
        )

    def submitted(self, event: OrderSubmitted) -> None:
        columns = {} if event.request is None else {"request": event.request}
        self._move(event.client_id, OrderState.SUBMITTED, ts=event.ts, **columns)

    def accepted(self, event: OrderAccepted) -> None:
        self._move(event.client_id, OrderState.ACCEPTED, ts=event.ts, venue_id=event.venue_id)

    def rejected(self, event: OrderRejected) -> None:
        self._move(event.client_id, OrderState.REJECTED, ts=event.ts, state_reason=event.reason[:400])

    def cancelled(self, event: OrderCancelled) -> None:
        self._move(event.client_id, OrderState.CANCELLED, ts=event.ts, state_reason=event.reason[:400])

    def expired(self, event: OrderExpired) -> None:
        self._move(event.client_id, OrderState.EXPIRED, ts=event.ts)

    def unknown(self, event: OrderBecameUnknown) -> None:
        self._move(event.client_id, OrderState.UNKNOWN, ts=event.ts, state_reason=event.reason[:400])

    def cancel_requested(self, event: CancelRequested) -> None:
        self._note(event.client_id, event.ts, "cancel requested", event.reason)

    def move_requested(self, event: StopMoveRequested) -> None:
        self._note(event.client_id, event.ts, f"stop to {event.stop_price.normalize():f} requested", event.reason)

    def moved(self, event: StopMoved) -> None:
        order = self._note(event.client_id, event.ts, f"stop at {event.stop_price.normalize():f}")
        order.stop_price, order.venue_id = event.stop_price, event.venue_id

    def move_refused(self, event: StopMoveRefused) -> None:
        self._note(event.client_id, event.ts, "stop not moved", event.reason)

    def _note(self, client_id: str, ts: int, what: str, reason: str = "") -> Order:
        """A line in the order's life that is no state of it."""
        order = self._order(client_id)
        line = {"state": what, "at": iso(ts)} | ({"reason": reason} if reason else {})
        order.timeline, order.updated_at = [*order.timeline, line], to_datetime(ts)
        self._moved[client_id] = order
        return order

    def filled(self, event: OrderFilled) -> None:
        if Fill.objects.filter(broker=event.broker, fill_id=event.fill_id).exists():
            return  # told before
        order = self._order(event.client_id)
        Fill.objects.create(
            order=order,
            fill_id=event.fill_id,
            broker=event.broker,
            symbol=event.symbol,
            side=event.side,
            quantity=event.quantity,
            price=event.price,
            fee=event.fee,
            reference_price=finite(event.reference_price),
            is_ambiguous=event.is_ambiguous,
            bar=self._bar_of(fill_key(event.fill_id)),
            ts=event.ts,
            at=to_datetime(event.ts),
        )
        before, paid = order.filled_quantity, order.average_price or Decimal(0)
        filled = before + event.quantity
        order.average_price = ((paid * before + event.price * event.quantity) / filled).quantize(Decimal("1e-8"))
        order.filled_quantity = filled
        # An execution that raced with a cancel is counted; the order is over all the same.
        partly = OrderState(order.state) if order.state in FINAL_STATES else OrderState.PARTIALLY_FILLED
        state = OrderState.FILLED if filled >= order.quantity else partly
        self._move(order.client_id, state, ts=event.ts)

    def _move(self, client_id: str, state: OrderState, *, ts: int, **columns: Any) -> None:
        order = self._order(client_id)
        order.timeline = [*order.timeline, {"state": state.value, "at": iso(ts)}]
        # The venue's answer may come after the execution: the order is further than that.
        is_behind = state is OrderState.ACCEPTED and (order.filled_quantity > 0 or order.state in FINAL_STATES)
        order.state, order.updated_at = order.state if is_behind else state.value, to_datetime(ts)
        for name, value in columns.items():
            setattr(order, name, value)
        self._moved[client_id] = order

    def _order(self, client_id: str) -> Order:
        found = self._orders.get(client_id) or Order.objects.filter(client_id=client_id).first()
        if found is None:
            raise InvariantBroken(f"the journal was told of order {client_id!r}, which it never approved")
        self._orders[client_id] = found
        return found

    # ---- positions and trades ---------------------------------------------------------------------------

    def position_changed(self, event: PositionChanged) -> None:
        self._write_position(
            event,
            quantity=event.quantity,
            average_price=event.average_price.quantize(Decimal("1e-8")),
            realized_pnl=event.realized_pnl,
            fees=event.fees,
            contract=event.contract or "",
        )

    def exit_armed(self, event: ExitArmed) -> None:
        self._write_position(event, stop_price=event.stop_price, target_price=event.target_price, exit_kind=event.kind)

    def _write_position(self, event: PositionChanged | ExitArmed, **columns: Any) -> None:
        key = {"book": self.book, "strategy": event.strategy, "symbol": event.symbol, "broker": event.broker}
        columns["updated_at"] = to_datetime(event.ts)
        if not Position.objects.filter(**key).update(**columns):
            Position.objects.create(**key, **columns)

    def trade_closed(self, event: TradeClosed) -> None:
        entry, leave = self._known(event.entry_order), self._known(event.exit_order)
        Trade.objects.get_or_create(
            trade_id=event.trade_id,
            defaults={
                "book": self.book,
                "run": entry.run if entry else self.run_of(event.strategy),
                "mode": self.book.mode,
                "strategy": event.strategy,
                "symbol": event.symbol,
                "broker": event.broker,
                "side": event.side,
                "quantity": event.quantity,
                "entry_at": to_datetime(event.entry_ts),
                "entry_price": event.entry_price,
                "exit_at": to_datetime(event.exit_ts),
                "exit_price": event.exit_price,
                "pnl": event.pnl,
                "fees": event.fees,
                "entry_order": entry,
                "exit_order": leave,
                "entry_reason": event.entry_reason[:400],
                "exit_reason": event.exit_reason[:400],
                "entry_bar": entry.bar if entry else None,
                "exit_bar": leave.bar if leave else None,
                "mae": event.mae,
                "mfe": event.mfe,
                "is_ambiguous": event.is_ambiguous,
            },
        )

    def _known(self, client_id: str) -> Order | None:
        """The order, or None where it is older than this ledger."""
        return self._orders.get(client_id) or Order.objects.filter(client_id=client_id).first()

    # ---- decisions --------------------------------------------------------------------------------------

    def signal(self, event: Signal) -> None:
        self._wish(event, kind=Decision.Kind.SIGNAL, reason=event.reason, rule="")

    def suppressed(self, event: SignalSuppressed) -> None:
        self._wish(event.signal, kind=Decision.Kind.SUPPRESSED, reason=event.reason, rule=event.rule)

    def _wish(self, signal: Signal, *, kind: str, reason: str, rule: str) -> None:
        self._decide(
            signal.ts,
            signal,
            kind,
            reason,
            timeframe=signal.timeframe,
            target=signal.target,
            confidence=signal.confidence,
            rule=rule,
            evidence={name: finite(value) for name, value in signal.evidence.items()},
            bar_ts=signal.bar_ts,
        )

    def faulted(self, event: StrategyFaulted) -> None:
        self._decide(event.ts, event, Decision.Kind.FAULT, event.error, rule="strategy")

    def slot_changed(self, event: SlotStateChanged) -> None:
        self._decide(event.ts, event, Decision.Kind.STATE, event.reason or event.state, rule=event.state)

    def _decide(self, ts: int, of: _OfSlot, kind: str, reason: str, **columns: Any) -> None:
        """`of` names the slot: an event, or the order or signal that it is about."""
        columns |= {"kind": kind, "strategy": of.strategy, "symbol": of.symbol, "reason": reason[:400]}
        self._decisions.append(Decision(book=self.book, at=to_datetime(ts), **columns))

    def command_handled(self, event: CommandHandled) -> None:
        state = CommandRecord.State.ACCEPTED if event.accepted else CommandRecord.State.REFUSED
        CommandRecord.objects.filter(book=self.book, command_id=event.command_id).update(
            state=state, detail=event.detail[:400]
        )

    def command_settled(self, event: CommandSettled) -> None:
        CommandRecord.objects.filter(book=self.book, command_id=event.command_id).update(
            outcome=event.outcome, detail=event.detail[:400]
        )

    def contract_chosen(self, event: ContractChosen) -> None:
        """The chain around the money is kept with the decision; all of it is in the journal's entry."""
        near = event.chain.near(event.spot, NEAR_STRIKES)
        self._decide(
            event.ts,
            event,
            Decision.Kind.CONTRACT,
            event.reason,
            target=event.target,
            rule=event.wish[:64],
            evidence={
                "contract": event.contract,
                "spot": event.spot,
                "bid": finite(event.bid),
                "ask": finite(event.ask),
                "source": event.chain.source,
                "quoted_at": iso(event.chain.ts),
                "listed": len(event.chain.entries),
                "chain": [
                    {
                        "strike": f"{entry.contract.strike.normalize():f}",
                        "right": entry.contract.right,
                        "bid": finite(entry.bid),
                        "ask": finite(entry.ask),
                    }
                    for entry in near
                ],
            },
        )

    def contract_refused(self, event: ContractRefused) -> None:
        self._decide(event.ts, event, Decision.Kind.SUPPRESSED, event.reason, target=event.target, rule=event.rule)

    def run_of(self, strategy: str) -> Run | None:
        if strategy not in self._runs:
            runs = Run.objects.filter(book=self.book, strategy=strategy)
            self._runs[strategy] = runs.order_by(F("stopped_at").desc(nulls_first=True), "-id").first()
        return self._runs[strategy]


_HANDLERS: dict[type[Event], Callable[[Projection, Any], None]] = {
    ApprovedOrder: Projection.approved,
    OrderDenied: Projection.denied,
    CancelRequested: Projection.cancel_requested,
    OrderSubmitted: Projection.submitted,
    OrderAccepted: Projection.accepted,
    OrderRejected: Projection.rejected,
    OrderFilled: Projection.filled,
    OrderCancelled: Projection.cancelled,
    OrderExpired: Projection.expired,
    OrderBecameUnknown: Projection.unknown,
    StopMoveRequested: Projection.move_requested,
    StopMoved: Projection.moved,
    StopMoveRefused: Projection.move_refused,
    PositionChanged: Projection.position_changed,
    ExitArmed: Projection.exit_armed,
    TradeClosed: Projection.trade_closed,
    Signal: Projection.signal,
    SignalSuppressed: Projection.suppressed,
    StrategyFaulted: Projection.faulted,
    SlotStateChanged: Projection.slot_changed,
    CommandHandled: Projection.command_handled,
    CommandSettled: Projection.command_settled,
    ContractChosen: Projection.contract_chosen,
    ContractRefused: Projection.contract_refused,
    AccountChecked: accounts.checked,
    PositionAdjusted: accounts.adjusted,
}
