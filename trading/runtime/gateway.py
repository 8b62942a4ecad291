"""The way of one account's orders to the venue: each leaves once, and what became of it is known or asked about."""

import asyncio
import logging
import time
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from brokers.venue import OrderRefused, OutcomeUnknown, RateLimited, TryLater, VenueOrder, VenueRequest
from engine.model.enums import OrderIntent, OrderState
from engine.model.event import Event
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderRejected,
    OrderSubmitted,
    StopMoveRequested,
)
from engine.orders.lifecycle import OrderRecord
from engine.risk.gate import Hold, adds_exposure
from engine.venue.refusal import Refusal
from infra.backoff import Backoff
from trading.runtime import preflight
from trading.runtime.account import UNANSWERED, Account, Verdict
from trading.runtime.inquiry import Inquiry
from trading.runtime.moves import StopMover
from trading.runtime.pacing import Priority
from trading.runtime.parcels import Names, parcels, place, request_for

logger = logging.getLogger(__name__)

NOT_COMPARED = Hold("the account was not compared with our books yet")


class Gateway:
    """Carries out what the engine decided for one account, after it was committed.

    An order leaves in two steps: `OrderSubmitted` is told, and the network is touched when that is committed. So after
    a kill an order that is only approved was not sent for certain, and one that is submitted is asked about.
    """

    def __init__(self, account: Account, inquiry: Inquiry) -> None:
        self.hold: Hold | None = NOT_COMPARED
        self.buying_power: Decimal | None = None
        self._account = account
        self._inquiry = inquiry
        self._mover = StopMover(account, inquiry)
        self._leaving: dict[str, Names] = {}  # told to be submitted, the commit is awaited: with whom

    # ---- what the engine decided, once it is committed -------------------------------------------------------

    def committed(self, outputs: Iterable[Event]) -> None:
        """Begin what follows from committed outputs of this account; returns at once."""
        account, outputs = self._account, tuple(outputs)
        for out in outputs:
            if isinstance(out, CancelRequested) and out.broker == account.name:
                account.errands.start("cancel", out.client_id, self._cancel(out.client_id))
            elif isinstance(out, StopMoveRequested) and out.broker == account.name:
                self._mover.start(out.client_id)
        approved = (out.order for out in outputs if isinstance(out, ApprovedOrder) and out.order.broker == account.name)
        for names in parcels(approved, account):
            account.errands.start("prepare", names[0], self._prepare(names))
        submitted = (out.client_id for out in outputs if isinstance(out, OrderSubmitted))
        for names in dict.fromkeys(self._leaving.get(name, (name,)) for name in submitted):
            if account.record(names[0]) is not None:
                account.errands.start("send", names[0], self._send(names))
        account.errands.beat()

    def set_hold(self, hold: Hold | None) -> None:
        """Why orders of this account wait; None lets them go."""
        self.hold = hold
        self._account.errands.beat()

    def recover(self) -> None:
        """Take up the orders that a predecessor left open, each by how far it is known to have come."""
        unsent: list[Order] = []
        for record in self._account.open_records():
            client_id = record.order.client_id
            self._inquiry.remember(record)
            if record.state is OrderState.APPROVED:
                unsent += self._recover_unsent(record)
            elif record.state in UNANSWERED:
                reason = "the process ended before the venue's answer was recorded"
                self._inquiry.became_unknown(client_id, reason)
            if record.is_cancelling and record.state is not OrderState.APPROVED:
                self._account.errands.start("cancel", client_id, self._cancel(client_id))
            elif record.moving_to is not None:
                self._mover.start(client_id)
        for names in parcels(unsent, self._account):
            self._account.errands.start("prepare", names[0], self._prepare(names))

    @property
    def is_settled(self) -> bool:
        """Nothing is between us and the venue: every order is answered, every execution is told."""
        account = self._account
        is_any_open = any(record.state in UNANSWERED for record in account.open_records())
        return not is_any_open and not account.errands.is_any("send", "resolve", "fills", "bury")

    def unresolved(self) -> list[str]:
        """Names of orders of which only the venue knows what became of them."""
        return [
            record.order.client_id
            for record in self._account.open_records()
            if record.state in UNANSWERED and record.state is not OrderState.APPROVED
        ]

    # ---- sending ------------------------------------------------------------------------------------------------

    async def _prepare(self, names: Names) -> None:
        """Everything that can be checked before the network; then say that it leaves."""
        account, began, waits = self._account, time.monotonic(), Backoff(base_s=0.2, cap_s=2.0)
        while not account.errands.is_closed:
            records = self._unsent(names)
            refused = await self._first_refusal(records)
            if refused is not None:
                self._refuse(records, refused)
                return
            if not records:
                return
            order = records[0].order
            await account.pacing.turn(_priority(order))
            allowed = await account.locks.ask(order)
            if self._unsent(names) != records:
                continue  # a cancel says so itself; of a pair the other one is looked at again
            if allowed.verdict is Verdict.REFUSE:
                self._refuse(records, Refusal(allowed.rule, allowed.reason))
                return
            if adds_exposure(order) and time.monotonic() - began > account.policy.stale_entry_s:
                reason = "it waited too long for its turn"
                account.outlet.emit([OrderCancelled(account.now_ns(), order.client_id, reason)])
                return
            if allowed.verdict is Verdict.GO and self._may_leave(order):
                self._leave([record.order for record in records])
                return
            if waits.attempt == 0 and allowed.verdict is Verdict.WAIT:
                account.outlet.alert("order_waits", f"{account.name}: {order.client_id} waits: {allowed.reason}")
            await asyncio.sleep(waits.next_delay())

    def _unsent(self, names: Names) -> list[OrderRecord]:
        """Those of them that are still to be sent."""
        found = [record for name in names if (record := self._account.record(name)) is not None]
        return [
            record
            for record in found
            if record.is_open
            and record.state is OrderState.APPROVED
            and not record.is_cancelling
            and record.order.client_id not in self._leaving
        ]

    async def _first_refusal(self, records: list[OrderRecord]) -> Refusal | None:
        for record in records:
            refused = await self._refusal(record)
            if refused is not None:
                return refused
        return self._not_taken([record.order for record in records])

    async def _refusal(self, record: OrderRecord) -> Refusal | None:
        """Why the order cannot be sent. An exit waits until the account is known, an entry does not."""
        account, order = self._account, record.order
        if not self._may_leave(order):
            if adds_exposure(order):
                return Refusal("reconciliation", self.hold.reason if self.hold else "")
            await account.errands.until(lambda: self._may_leave(order) or not record.is_open or record.is_cancelling)
        return preflight.refusal(order, self._situation(order))

    def _not_taken(self, orders: list[Order]) -> Refusal | None:
        """Why the venue has no such order, or no such pair."""
        return preflight.not_taken(lambda: self._request(orders)) if orders else None

    def _request(self, orders: list[Order]) -> VenueRequest:
        return request_for(self._account.venue, orders, self._account.instrument(orders[0]))

    def _may_leave(self, order: Order) -> bool:
        """Whether the account agrees with our books as far as this order needs it to. A difference in one symbol does
        not keep its exits back: they are held against what the account has of it."""
        if self.hold is None or not self.hold.concerns(order.symbol):
            return True
        return bool(self.hold.symbols) and not adds_exposure(order)

    def _leave(self, orders: list[Order]) -> None:
        request = msgspec.to_builtins(self._request(orders))
        names = tuple(order.client_id for order in orders)
        self._leaving |= dict.fromkeys(names, names)
        now = self._account.now_ns()
        self._account.outlet.emit([OrderSubmitted(now, name, request) for name in names])

    def _refuse(self, records: list[OrderRecord], refused: Refusal) -> None:
        account, orders = self._account, [record.order for record in records]
        now = account.now_ns()
        account.outlet.emit([OrderRejected(now, order.client_id, refused.reason, refused.rule) for order in orders])
        for order in orders:
            what = "exit_refused" if order.intent is OrderIntent.EXIT else "order_refused"
            told = f"{account.name}: {order.client_id} ({order.side} {order.symbol}): {refused.reason}"
            account.outlet.alert(what, told)

    async def _send(self, names: Names) -> None:
        """Call the venue once, and make a fact of every way in which that may end."""
        account = self._account
        records = [record for name in names if (record := account.record(name)) is not None]
        for name in names:
            self._leaving.pop(name, None)
        if any(not record.is_open or record.state is not OrderState.SUBMITTED for record in records):
            return
        if self._was_cancelled(records):
            return
        try:
            for record, told in zip(records, await self._place_in_time(records), strict=False):
                self._inquiry.tell(record, told)
        except OrderRefused as error:
            self._refuse(records, Refusal(error.venue_code or error.code, error.detail))
        except OutcomeUnknown as error:
            for name in names:
                self._inquiry.became_unknown(name, error.detail)

    async def _place_in_time(self, records: list[OrderRecord]) -> tuple[VenueOrder, ...]:
        """What the venue took. What is certain not to have happened is tried again while it is worth it; nothing else
        is. Nothing, where this process may not call: a successor finds it submitted, and asks."""
        account, orders = self._account, [record.order for record in records]
        began, backoff = time.monotonic(), Backoff(base_s=0.2, cap_s=2.0)
        while await self._may_call():
            try:
                self._check_still_reduces(orders)
                return await self._place(orders)
            except TryLater as error:
                delay = backoff.next_delay()
                if isinstance(error, RateLimited):
                    delay = max(delay, error.retry_after_s)
                    account.pacing.pause(delay)
                if time.monotonic() + delay - began > account.policy.retry_s:
                    raise
                if backoff.attempt == 1:
                    text = f"{account.name}: {orders[0].client_id} is tried again: {error.detail}"
                    account.outlet.alert("order_put_off", text)
                await asyncio.sleep(delay)
                await account.pacing.turn(_priority(orders[0]))
                allowed = await account.locks.ask(orders[0])
                if allowed.verdict is Verdict.REFUSE:
                    raise OrderRefused(allowed.reason, venue_code=allowed.rule) from error
                if self._was_cancelled(records):
                    break
        return ()

    def _check_still_reduces(self, orders: list[Order]) -> None:
        """The order has waited since it was checked: for its turn, for the commit, for the venue. A position that is
        gone meanwhile is not closed a second time."""
        for order in orders:
            refused = preflight.reduces_only(order, self._situation(order))
            if refused is not None:
                raise OrderRefused(refused.reason, venue_code=refused.rule)

    def _was_cancelled(self, records: list[OrderRecord]) -> bool:
        """Whether a cancel came before anything was sent: then the orders are over. What leaves together ends so."""
        if not any(record.is_cancelling for record in records):
            return False
        now, reason = self._account.now_ns(), "cancelled before it was sent"
        self._account.outlet.emit([OrderCancelled(now, record.order.client_id, reason) for record in records])
        return True

    async def _may_call(self) -> bool:
        """Whether the venue may be called now. A lease that our clock doubts is either renewed in a moment, and then
        nobody else had it, or lost: then all of this ends."""
        account = self._account
        while not account.errands.is_closed and not account.locks.holds_lease():
            await asyncio.sleep(0.05)
        return account.may_call()

    async def _place(self, orders: list[Order]) -> tuple[VenueOrder, ...]:
        """The one call that may make an order. Whatever breaks after it began, the venue may have the order."""
        account, order = self._account, orders[0]
        try:
            async with asyncio.timeout(account.policy.answer_s):
                return await place(account.venue, orders, account.instrument(order))
        except (OrderRefused, OutcomeUnknown):
            raise
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer within {account.policy.answer_s:g} s") from error
        except Exception as error:
            logger.exception("%s: sending %s broke", account.name, order.client_id)
            raise OutcomeUnknown(f"{type(error).__name__}: {error}") from error

    # ---- cancelling ----------------------------------------------------------------------------------------------

    async def _cancel(self, client_id: str) -> None:
        """Until the venue says that the order is over; it may have been filled first: then that is what happened."""
        account, record = self._account, self._account.record(client_id)
        if record is None or not record.is_open:
            return
        if record.state is OrderState.APPROVED and client_id not in self._leaving:
            account.outlet.emit([OrderCancelled(account.now_ns(), client_id, "cancelled before it was sent")])
            return
        backoff, attempts = Backoff(base_s=0.2, cap_s=5.0), 0
        while record.is_open and not account.errands.is_closed:
            if record.state in UNANSWERED:
                await account.errands.until(lambda: not record.is_open or record.state not in UNANSWERED, timeout_s=1.0)
                continue
            attempts += 1
            if attempts == 4:
                account.outlet.alert("cancel_stuck", f"{account.name}: {client_id} does not get cancelled")
            await account.errands.until(lambda: not account.errands.is_under_way("move", client_id))
            told = self._inquiry.working.get(client_id)
            if told is not None and record.is_open and await self._inquiry.ask_cancel(told):
                await account.errands.until(lambda: not record.is_open, timeout_s=account.policy.confirm_cancel_s)
            if record.is_open:
                await self._inquiry.look(record)
                await asyncio.sleep(backoff.next_delay())

    # ---- the rest ------------------------------------------------------------------------------------------------

    def _recover_unsent(self, record: OrderRecord) -> list[Order]:
        """An exit is still sent."""
        account, order = self._account, record.order
        if adds_exposure(order) or record.is_cancelling:
            reason = "it was approved before a restart and not sent; an entry is not sent late"
            account.outlet.emit([OrderCancelled(account.now_ns(), order.client_id, reason)])
            return []
        return [order]

    def _situation(self, order: Order) -> preflight.Situation:
        account = self._account
        check = account.engine.checks.get(account.name)
        rolls = account.engine.rolls
        disputed = {rolls.active(d.symbol, check.ts): d.theirs for d in check.differences} if check is not None else {}
        return preflight.Situation(
            instrument=account.instrument(order),
            features=account.venue.features,
            now=account.now_ns(),
            position=account.engine.ledger.position(order.strategy, order.symbol, order.broker).quantity,
            in_account=disputed.get(order.traded),
            last_price=account.engine.price_of(order.symbol),
            buying_power=self.buying_power,
            allow_short=account.policy.allow_short,
            is_always_open=account.policy.sessions == "always",
        )


def _priority(order: Order) -> Priority:
    return Priority.ENTRY if adds_exposure(order) else Priority.EXIT
