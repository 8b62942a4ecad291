"""Moves a stop that waits at the venue: in place, once, or else it is known that it stayed where it was."""

import asyncio
import logging
from decimal import Decimal

from msgspec.structs import replace

from brokers.venue import Known, OrderRefused, OutcomeUnknown, RateLimited, VenueOrder
from engine.model.orders import StopMoved, StopMoveRefused
from engine.orders.lifecycle import OrderRecord
from infra.backoff import Backoff
from trading.runtime.account import UNANSWERED, Account
from trading.runtime.inquiry import Inquiry
from trading.runtime.pacing import Priority

logger = logging.getLogger(__name__)

MAX_ASKED = 3  # times that the same move is asked for, while the venue says for certain that it did not happen


class StopMover:
    """At most one move of an order is under way, so there is at most one stop. A move that the venue refuses is told,
    and the engine withdraws the stop for another one; one without an answer is resolved by asking."""

    def __init__(self, account: Account, inquiry: Inquiry) -> None:
        self._account = account
        self._inquiry = inquiry

    def start(self, client_id: str) -> None:
        """The order's `moving_to` is where it should be; a move that is under way takes a new wish up by itself."""
        self._account.errands.start("move", client_id, self._move(client_id))

    async def _move(self, client_id: str) -> None:
        account, record, backoff = self._account, self._account.record(client_id), Backoff(base_s=0.2, cap_s=5.0)
        wanted, asked = None, 0
        while record is not None and _wants(record) and not account.errands.is_closed:
            if record.state in UNANSWERED:
                await account.errands.until(lambda: record.state not in UNANSWERED, timeout_s=1.0)
                continue
            if record.moving_to != wanted:
                wanted, asked = record.moving_to, 0
            told = None if asked else self._inquiry.working.get(client_id)
            told = told or await self._look(record)
            if told is None:
                await asyncio.sleep(backoff.next_delay())  # nothing is asked of an order that the venue does not tell
            elif told.stop_price == wanted:
                await self._tell(record, told)
            elif not _is_whole(record, told):
                self._refuse(record, "a part of it is filled, and another one would be for all of it")
                return
            elif asked == MAX_ASKED:
                self._refuse(record, "the venue did not do it")
                return
            else:
                asked += 1
                if _wants(record) and not await self._ask(record, told):
                    return

    async def _ask(self, record: OrderRecord, told: VenueOrder) -> bool:
        """Ask for the move, once; False where the venue refused it, or may not be called."""
        account, wanted = self._account, record.moving_to
        await account.pacing.turn(Priority.EXIT)
        if wanted is None or not account.may_call():
            return False
        order = replace(record.order, stop_price=wanted)
        try:
            async with asyncio.timeout(account.policy.answer_s):
                await self._tell(record, await account.venue.replace(told, order, account.instrument(order)))
        except RateLimited as error:
            account.pacing.pause(error.retry_after_s)
        except OrderRefused as error:
            self._refuse(record, error.detail)
            return False
        except (OutcomeUnknown, TimeoutError) as error:
            account.outlet.alert("move_unknown", f"{account.name}: whether {order.client_id} moved is asked: {error}")
            await asyncio.sleep(account.policy.confirm_cancel_s)  # it may be on its way
        except Exception:  # as with an order: whatever broke, it may have happened
            logger.exception("%s: moving %s broke", account.name, order.client_id)
        return True

    async def _look(self, record: OrderRecord) -> VenueOrder | None:
        """The order as the venue has it now; None while that is not known, or it is over."""
        answer = await self._account.find(record)
        if not isinstance(answer, Known) or answer.value is None:
            return None
        self._inquiry.tell(record, answer.value)
        return None if answer.value.state.is_final else answer.value

    async def _tell(self, record: OrderRecord, told: VenueOrder) -> None:
        """The stop is where the venue has it now; wait until the book knows."""
        account, client_id = self._account, record.order.client_id
        self._inquiry.tell(record, told)
        stop_price: Decimal | None = told.stop_price
        if stop_price is None:
            return
        account.outlet.emit([StopMoved(account.now_ns(), client_id, told.venue_id, stop_price)])
        await account.errands.until(
            lambda: not record.is_open or record.order.stop_price == stop_price, timeout_s=account.policy.answer_s
        )

    def _refuse(self, record: OrderRecord, reason: str) -> None:
        account, client_id = self._account, record.order.client_id
        account.outlet.emit([StopMoveRefused(account.now_ns(), client_id, reason)])
        text = f"{account.name}: {client_id} cannot be moved, and is withdrawn for another one: {reason}"
        account.outlet.alert("stop_not_moved", text)


def _is_whole(record: OrderRecord, told: VenueOrder) -> bool:
    """Whether nothing is filled of the stop, nor of the other leg of its pair: venues do not agree on what of it the
    order counts that takes its place."""
    return not record.filled and not told.filled_quantity and told.quantity == record.order.quantity


def _wants(record: OrderRecord) -> bool:
    return record.is_open and record.moving_to is not None and not record.is_cancelling
