"""Turns targets into orders: one net order at a time per holding, through the gate, exits out of the way first."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from engine.core.config import EngineConfig
from engine.core.holding import ZERO, Holding, Plan
from engine.core.rolls import Rolls
from engine.decision.planner import Leg, next_leg
from engine.model.enums import OrderIntent, Side
from engine.model.event import Event
from engine.model.ids import slug
from engine.model.orders import (
    ByHand,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    StopMoveRequested,
)
from engine.orders.lifecycle import Change, OrderBook, OrderRecord
from engine.portfolio.ledger import Key, Ledger
from engine.risk.gate import RiskGate, adds_exposure
from engine.risk.rules import Facts

MANY = 2_000  # links of orders that are kept before the finished ones are looked for
FAILED = (OrderRejected, OrderCancelled, OrderExpired)


class Desk:
    """Owns the orders of a run. Every order gets its id here, from the run and a counter, and passes the gate here."""

    def __init__(
        self, config: EngineConfig, *, ledger: Ledger, gate: RiskGate, facts: Callable[[Order, int], Facts]
    ) -> None:
        self.orders = OrderBook()
        self.ledger = ledger
        self.gate = gate
        self.rolls = Rolls(config)
        self.counters: dict[str, int] = {}
        self._config = config
        self._facts = facts
        self._holding_of: dict[str, Holding] = {}
        self._prefix: dict[tuple[str, str], str] = {}
        self._many = MANY

    def adopt(self, record: OrderRecord, holding: Holding) -> None:
        """An open order belongs to `holding` (again, after a restore)."""
        self._holding_of[record.order.client_id] = holding
        (holding.protective if record.is_protective else holding.working)[record.order.client_id] = record

    def take_over(self, record: OrderRecord, holding: Holding) -> None:
        """An order of an earlier run, which may still work, belongs to `holding` from now on."""
        self.orders.take_over(record)
        self.adopt(record, holding)

    def link(self, client_id: str, holding: Holding) -> None:
        """A finished order belongs to `holding`: a late fill of it still counts."""
        self._holding_of[client_id] = holding

    def next_id(self, strategy: str, symbol: str) -> str:
        """ "r7-ema-NQ-000042": the next name of an order of that slot."""
        key = (strategy, symbol)
        prefix = self._prefix.get(key)
        if prefix is None:
            prefix = self._prefix[key] = f"{self._config.run}-{strategy}-{slug(symbol)}"
        counter = self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return f"{prefix}-{counter:06d}"

    def pursue(self, holding: Holding, plan: Plan, ts: int, out: list[Event]) -> None:
        """From now on the holding should reach the plan's target; an earlier plan is forgotten."""
        holding.plan = plan
        self.advance(holding, ts, out)

    def advance(self, holding: Holding, ts: int, out: list[Event]) -> None:
        """The next order towards the plan, as soon as nothing stands in its way."""
        plan, working, config = holding.plan, holding.working, self._config
        if plan is None or plan.waits_for in working:
            return
        if working:
            if any(record.is_cancelling for record in working.values()):
                return  # what they still fill is not known yet
            waiting = holding.waiting()
            if waiting:  # filled later, they would move the position away from where the plan brings it
                self.withdraw(waiting, ts, "the position is about to change", out)
                return
        leg = next_leg(
            target=plan.target,
            position=holding.position.quantity,
            working=holding.working_quantity() if working else ZERO,
            is_linked=config.linked_reversal.get(holding.broker, False)
            or ((holding.broker, holding.symbol) in config.linked_pairs if config.linked_pairs else False)
            or self.rolls.is_behind(holding, ts),
        )
        if leg is None:
            holding.plan = None
            return
        against = [r for r in working.values() if r.order.side is not leg.side] if working else None
        if against:
            # Orders of both sides at once could fill in any order, and hold more than anybody asked for.
            self.withdraw(against, ts, "the target changed", out)
        elif holding.protective:
            # A stop that fills while the position is turned would open the other way: it goes first.
            self.withdraw(holding.protective.values(), ts, "the position is about to change", out)
        else:
            self._send_leg(holding, plan, leg, ts, out)

    def _send_leg(self, holding: Holding, plan: Plan, leg: Leg, ts: int, out: list[Event]) -> None:
        order = Order(
            self.next_id(holding.strategy, holding.symbol),
            holding.strategy,
            holding.symbol,
            holding.broker,
            leg.side,
            leg.quantity,
            intent=leg.intent,
            reason=plan.reason,
            signal_ts=plan.signal_ts,
            bar_ts=plan.bar_ts,
            parent=plan.waits_for,
            by_hand=plan.by_hand or msgspec.UNSET,
        )
        if self.submit(holding, order, ts, out):
            if leg.is_last:
                holding.plan = None
            else:
                plan.waits_for = order.client_id
        elif order.intent is OrderIntent.REVERSAL:
            # The entry half was refused; the exit half is not an entry and must not be held back.
            plan.target = Decimal(0)
            self.advance(holding, ts, out)
        else:
            holding.plan = None

    def submit(self, holding: Holding, order: Order, ts: int, out: list[Event], *, is_protective: bool = False) -> bool:
        """Through the gate; True when it was approved. Of a futures root it is for one contract from here on."""
        order = self.rolls.stamped(order, holding, ts)
        if adds_exposure(order):
            verdict = self.gate.check(order, self._facts(order, ts))
            out.append(verdict)
            if type(verdict) is OrderDenied:
                return False
        else:
            out.append(self.gate.release(order, ts))
        self.adopt(self.orders.add(order, is_protective=is_protective), holding)
        if len(self._holding_of) > self._many:
            self._forget_closed()
        return True

    def withdraw(self, records: Iterable[OrderRecord], ts: int, reason: str, out: list[Event]) -> None:
        """Ask for the cancel of working orders, each once."""
        for record in records:
            if not record.is_cancelling:
                record.is_cancelling = True
                order = record.order
                out.append(CancelRequested(ts, order.client_id, order.broker, order.symbol, reason))

    def move_stop(self, record: OrderRecord, stop_price: Decimal, ts: int, reason: str, out: list[Event]) -> None:
        """Ask for another price of a stop that waits at the venue."""
        order = record.order
        record.moving_to = stop_price
        out.append(StopMoveRequested(ts, order.client_id, order.broker, order.symbol, stop_price, reason))

    def apply(self, update: Event, out: list[Event]) -> tuple[Holding, OrderRecord] | None:
        """Move the order; book its fill. None when the update changes nothing."""
        record = self.orders.apply(update)
        if record is None:
            return None
        order = record.order
        holding = self._holding_of[order.client_id]
        if not record.is_open:
            holding.working.pop(order.client_id, None)
            holding.protective.pop(order.client_id, None)
        if type(update) is OrderFilled:
            before = holding.position.quantity
            out.extend(self.ledger.apply(update, order))
            holding.take_levels(order, before)
            if self.orders.was_late:
                _give_back(holding, before, update.ts)
        elif isinstance(update, FAILED) and holding.plan and holding.plan.waits_for == order.client_id:
            holding.plan = None  # the closing leg failed: the opening leg must not follow
        if record.change is not None and type(update) is OrderCancelled and holding.plan is None:
            self._replace(holding, record, record.change, update.ts, out)
        return holding, record

    def _replace(self, holding: Holding, record: OrderRecord, change: Change, ts: int, out: list[Event]) -> None:
        """The old order is gone for certain: the changed one takes its place, less what the old one filled."""
        old, left = record.order, change.quantity - record.filled
        if left <= 0:
            return
        own = old.by_hand
        order = replace(
            old,
            client_id=self.next_id(holding.strategy, holding.symbol),
            quantity=left,
            limit_price=change.limit_price,
            stop_price=change.stop_price,
            trail=change.trail,
            reason=f"changed by {change.by or 'command'}",
            signal_ts=ts,
            parent=old.client_id,
            by_hand=ByHand(change.command) if own is msgspec.UNSET else replace(own, command=change.command),
        )
        self.submit(holding, order, ts, out)

    def pending(self) -> dict[Key, Decimal]:
        """Signed quantities on their way, protective orders left out."""
        found: dict[Key, Decimal] = {}
        for record in self.orders:
            if not record.is_protective:
                order = record.order
                key = (order.strategy, order.symbol, order.broker)
                found[key] = found.get(key, Decimal(0)) + record.signed_remaining
        return found

    def settle_in_cash(self, holding: Holding, price: Decimal, ts: int) -> tuple[OrderFilled, list[Event]] | None:
        """Book the end of a contract. No order is sent, so only the ledger's facts come of it."""
        position = holding.position
        if not position.quantity:
            return None
        side, quantity = (Side.SELL if position.quantity > 0 else Side.BUY), abs(position.quantity)
        name = self.next_id(holding.strategy, holding.symbol)
        order = Order(
            name, *holding.key, side, quantity, intent=OrderIntent.EXIT, reason="cash_settlement", signal_ts=ts
        )  # fmt: skip
        closing = OrderFilled(ts, name, f"{name}/settled", *holding.key, side, quantity, price)
        holding.plan = None
        return closing, self.ledger.apply(closing, order)

    def _forget_closed(self) -> None:
        """Drop the links of orders the book no longer remembers."""
        self._holding_of = {key: value for key, value in self._holding_of.items() if self.orders.get(key)}
        self._many = 2 * len(self._holding_of) + MANY


def _give_back(holding: Holding, before: Decimal, ts: int) -> None:
    """An order that was over is filled after all. Nobody counted on it any more: where more is held because of it, that
    is undone."""
    after = holding.position.quantity
    if holding.plan is None and abs(after) > abs(before):
        holding.plan = Plan(before + holding.working_quantity(), "filled_after_cancel", ts, 0)
