"""The way of one account's orders to the venue: each leaves once, and what became of it is known or asked about."""

import asyncio
import logging
import time
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from brokers.venue import OrderRefused, OutcomeUnknown, RateLimited, VenueOrder
from engine.model.enums import OrderIntent, OrderState
from engine.model.event import Event
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    Order,
    OrderCancelled,
    OrderRejected,
    OrderSubmitted,
)
from engine.orders.lifecycle import OrderRecord
from engine.risk.gate import Hold, adds_exposure
from infra.backoff import Backoff
from trading.runtime import preflight
from trading.runtime.account import UNANSWERED, Account, Verdict
from trading.runtime.inquiry import Inquiry
from trading.runtime.pacing import Priority
from trading.runtime.preflight import Refusal

logger = logging.getLogger(__name__)

NOT_COMPARED = Hold("the account was not compared with our books yet")
MAX_PUT_OFF = 5  # how often a venue may ask for a pause before the order is given up


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
        self._leaving: set[str] = set()  # told to be submitted, the commit is awaited

    # ---- what the engine decided, once it is committed -------------------------------------------------------

    def committed(self, outputs: Iterable[Event]) -> None:
        """Begin what follows from committed outputs of this account; returns at once."""
        account = self._account
        for out in outputs:
            if isinstance(out, ApprovedOrder) and out.order.broker == account.name:
                account.errands.start("prepare", out.order.client_id, self._prepare(out.order.client_id))
            elif isinstance(out, OrderSubmitted) and account.record(out.client_id) is not None:
                account.errands.start("send", out.client_id, self._send(out.client_id))
            elif isinstance(out, CancelRequested) and out.broker == account.name:
                account.errands.start("cancel", out.client_id, self._cancel(out.client_id))
        account.errands.beat()

    def set_hold(self, hold: Hold | None) -> None:
        """Why orders of this account wait; None lets them go."""
        self.hold = hold
        self._account.errands.beat()

    def recover(self) -> None:
        """Take up the orders that a predecessor left open, each by how far it is known to have come."""
        for record in self._account.open_records():
            client_id = record.order.client_id
            self._inquiry.remember(record)
            if record.state is OrderState.APPROVED:
                self._recover_unsent(record)
            elif record.state in UNANSWERED:
                reason = "the process ended before the venue's answer was recorded"
                self._inquiry.became_unknown(client_id, reason)
            if record.is_cancelling and record.state is not OrderState.APPROVED:
                self._account.errands.start("cancel", client_id, self._cancel(client_id))

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

    async def _prepare(self, client_id: str) -> None:
        """Everything that can be checked before the network; then say that it leaves."""
        account, record, began = self._account, self._account.record(client_id), time.monotonic()
        if record is None or not record.is_open or record.state is not OrderState.APPROVED:
            return
        if client_id in self._leaving:
            return
        order, waits = record.order, Backoff(base_s=0.2, cap_s=2.0)
        while not account.errands.is_closed:
            refused = await self._refusal(record)
            if refused is not None:
                self._refuse(order, refused)
                return
            await account.pacing.turn(_priority(order))
            allowed = await account.locks.ask(order)
            if not record.is_open or record.is_cancelling:
                return  # its cancel says so itself
            if allowed.verdict is Verdict.REFUSE:
                self._refuse(order, Refusal(allowed.rule, allowed.reason))
                return
            if adds_exposure(order) and time.monotonic() - began > account.policy.stale_entry_s:
                account.outlet.emit([OrderCancelled(account.now_ns(), client_id, "it waited too long for its turn")])
                return
            if allowed.verdict is Verdict.GO and self._may_leave(order):
                self._leave(order)
                return
            if waits.attempt == 0 and allowed.verdict is Verdict.WAIT:
                account.outlet.alert("order_waits", f"{account.name}: {client_id} waits: {allowed.reason}")
            await asyncio.sleep(waits.next_delay())

    async def _refusal(self, record: OrderRecord) -> Refusal | None:
        """Why the order cannot be sent. An exit waits until the account is known, an entry does not."""
        account, order = self._account, record.order
        if not self._may_leave(order):
            if adds_exposure(order):
                return Refusal("reconciliation", self.hold.reason if self.hold else "")
            await account.errands.until(lambda: self._may_leave(order) or not record.is_open or record.is_cancelling)
        found = preflight.refusal(order, self._situation(order))
        if found is not None:
            return found
        try:
            account.venue.request_for(order, account.instrument(order))
        except OrderRefused as error:
            return Refusal(error.venue_code or error.code, error.detail)
        return None

    def _may_leave(self, order: Order) -> bool:
        """Whether the account agrees with our books as far as this order needs it to. A difference in one symbol does
        not keep its exits back: they are held against what the account has of it."""
        if self.hold is None or not self.hold.concerns(order.symbol):
            return True
        return bool(self.hold.symbols) and not adds_exposure(order)

    def _leave(self, order: Order) -> None:
        account = self._account
        request = msgspec.to_builtins(account.venue.request_for(order, account.instrument(order)))
        self._leaving.add(order.client_id)
        account.outlet.emit([OrderSubmitted(account.now_ns(), order.client_id, request)])

    def _refuse(self, order: Order, refused: Refusal) -> None:
        account = self._account
        account.outlet.emit([OrderRejected(account.now_ns(), order.client_id, refused.reason, refused.rule)])
        what = "exit_refused" if order.intent is OrderIntent.EXIT else "order_refused"
        account.outlet.alert(what, f"{account.name}: {order.client_id} ({order.side} {order.symbol}): {refused.reason}")

    async def _send(self, client_id: str) -> None:
        """Call the venue once, and make a fact of every way in which that may end."""
        account, record = self._account, self._account.record(client_id)
        self._leaving.discard(client_id)
        if record is None or not record.is_open or record.state is not OrderState.SUBMITTED:
            return
        if record.is_cancelling:
            account.outlet.emit([OrderCancelled(account.now_ns(), client_id, "cancelled before it was sent")])
            return
        for _ in range(MAX_PUT_OFF):
            if not await self._may_call():
                return  # a successor finds it submitted, and asks
            try:
                self._inquiry.tell(record, await self._place(record.order))
                return
            except RateLimited as error:
                refused = Refusal(error.venue_code, error.detail)
                account.pacing.pause(error.retry_after_s)
                await account.pacing.turn(_priority(record.order))
            except OrderRefused as error:
                refused = Refusal(error.venue_code or error.code, error.detail)
                break
            except OutcomeUnknown as error:
                self._inquiry.became_unknown(client_id, error.detail)
                return
        self._refuse(record.order, refused)

    async def _may_call(self) -> bool:
        """Whether the venue may be called now. A lease that our clock doubts is either renewed in a moment, and then
        nobody else had it, or lost: then all of this ends."""
        account = self._account
        while not account.errands.is_closed and not account.locks.holds_lease():
            await asyncio.sleep(0.05)
        return account.may_call()

    async def _place(self, order: Order) -> VenueOrder:
        """The one call that may make an order. Whatever breaks after it began, the venue may have the order."""
        account = self._account
        try:
            async with asyncio.timeout(account.policy.answer_s):
                return await account.venue.place(order, account.instrument(order))
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
            told = self._inquiry.working.get(client_id)
            if told is not None and await self._inquiry.ask_cancel(told):
                await account.errands.until(lambda: not record.is_open, timeout_s=account.policy.confirm_cancel_s)
            if record.is_open:
                await self._inquiry.look(record)
                await asyncio.sleep(backoff.next_delay())

    # ---- the rest ------------------------------------------------------------------------------------------------

    def _recover_unsent(self, record: OrderRecord) -> None:
        account, order = self._account, record.order
        if adds_exposure(order) or record.is_cancelling:
            reason = "it was approved before a restart and not sent; an entry is not sent late"
            account.outlet.emit([OrderCancelled(account.now_ns(), order.client_id, reason)])
        else:
            account.errands.start("prepare", order.client_id, self._prepare(order.client_id))

    def _situation(self, order: Order) -> preflight.Situation:
        account = self._account
        check = account.engine.checks.get(account.name)
        disputed = {d.symbol: d.theirs for d in check.differences} if check is not None else {}
        return preflight.Situation(
            instrument=account.instrument(order),
            features=account.venue.features,
            now=account.now_ns(),
            position=account.engine.ledger.position(order.strategy, order.symbol, order.broker).quantity,
            in_account=disputed.get(order.symbol),
            last_price=account.engine.price_of(order.symbol),
            buying_power=self.buying_power,
            allow_short=account.policy.allow_short,
            is_always_open=account.policy.sessions == "always",
        )


def _priority(order: Order) -> Priority:
    return Priority.ENTRY if adds_exposure(order) else Priority.EXIT
