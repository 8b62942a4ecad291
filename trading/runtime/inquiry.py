"""What the venue tells of our orders, and asking it when nobody knows."""

import asyncio
import logging
from collections.abc import Callable

from brokers.venue import Known, OrderRefused, OutcomeUnknown, RateLimited, VenueFill, VenueOrder
from engine.model.orders import OrderBecameUnknown, OrderCancelled
from engine.model.time import NS_PER_S
from engine.orders.lifecycle import OrderRecord
from infra.backoff import Backoff
from trading.runtime.account import Account
from trading.runtime.pacing import Priority
from trading.runtime.reports import facts_of, lacks_fills, new_fills

logger = logging.getLogger(__name__)

KEPT_UNCLAIMED = 500  # orders reported whose name is not known yet, or that are not ours


class Inquiry:
    """Turns reports into facts about our orders; asks for what is missing. `on_activity(symbol)` is called for trades
    that are not ours as far as can be told."""

    def __init__(self, account: Account) -> None:
        self.on_activity: Callable[[str], None] = lambda _: None
        self.working: dict[str, VenueOrder] = {}  # our name → how the venue told the open order last
        self._account = account
        self._names: dict[str, str] = {}  # the venue's name → ours
        self._unclaimed: dict[str, dict[str, VenueOrder | VenueFill]] = {}  # the venue's name → what was told under it

    # ---- being told -------------------------------------------------------------------------------------------

    def told(self, order: VenueOrder) -> bool:
        """An order as the venue has it now; whether it is one of ours."""
        record = self._record_of(order.client_id, order.venue_id)
        if record is None:
            self._keep_unclaimed(order.venue_id, order)
            return False
        self.tell(record, order)
        return True

    def told_fill(self, fill: VenueFill) -> bool:
        """An execution; whether it is one of ours."""
        record = self._record_of(fill.client_id, fill.venue_id)
        if record is None:
            self._keep_unclaimed(fill.venue_id, fill)
            return False
        facts = new_fills(record, (fill,), now=self._account.now_ns())
        if facts:
            self._account.outlet.emit(facts)
        return True

    def tell(self, record: OrderRecord, told: VenueOrder) -> None:
        """`told` is the order of `record`."""
        account, client_id = self._account, record.order.client_id
        self._claim(client_id, told)
        facts = facts_of(record, told, now=account.now_ns())
        if facts:
            account.outlet.emit(facts)
        if lacks_fills(record, told):
            account.errands.start("fills", client_id, self._fetch_fills(client_id))
        if not record.is_open and not told.state.is_final:
            account.errands.start("bury", client_id, self._bury(client_id))

    def record_of(self, order: VenueOrder) -> OrderRecord | None:
        """Which of ours the order is, by its name here or there; None where it is not ours."""
        return self._record_of(order.client_id, order.venue_id)

    def lost_sight(self, record: OrderRecord) -> None:
        """The venue does not list an order that it once took: ask until it says where it is."""
        client_id = record.order.client_id
        self._account.errands.start("resolve", client_id, self._resolve(client_id))

    def remember(self, record: OrderRecord) -> None:
        """The venue's name of an order that was taken over."""
        if record.venue_id:
            self._names[record.venue_id] = record.order.client_id

    def _claim(self, client_id: str, told: VenueOrder) -> None:
        """The venue's name of our order is known: what was told under it before is ours as well."""
        if told.state.is_final:
            self.working.pop(client_id, None)
        else:
            self.working[client_id] = told
        if told.venue_id and self._names.get(told.venue_id) != client_id:
            self._names[told.venue_id] = client_id
            for earlier in self._unclaimed.pop(told.venue_id, {}).values():
                if isinstance(earlier, VenueFill):
                    self.told_fill(earlier)
                else:
                    self.told(earlier)

    def _keep_unclaimed(self, venue_id: str, report: VenueOrder | VenueFill) -> None:
        """Not ours; or ours under a name that the answer under way will tell."""
        told = self._unclaimed.setdefault(venue_id, {})
        what = report.fill_id if isinstance(report, VenueFill) else "order"
        is_news = told.get(what) != report
        told[what] = report
        while len(self._unclaimed) > KEPT_UNCLAIMED:
            del self._unclaimed[next(iter(self._unclaimed))]
        if is_news and (isinstance(report, VenueFill) or report.filled_quantity):
            self.on_activity(report.symbol)

    def _record_of(self, client_id: str, venue_id: str) -> OrderRecord | None:
        name = client_id or self._names.get(venue_id, "")
        return self._account.record(name) if name else None

    # ---- asking -----------------------------------------------------------------------------------------------

    def became_unknown(self, client_id: str, reason: str) -> None:
        """Nobody knows what became of the order: say so, and ask until somebody does."""
        account = self._account
        account.outlet.emit([OrderBecameUnknown(account.now_ns(), client_id, reason)])
        account.outlet.alert("order_unknown", f"{account.name}: what became of {client_id} is not known: {reason}")
        account.errands.start("resolve", client_id, self._resolve(client_id))

    async def look(self, record: OrderRecord) -> None:
        """Take over how the venue has the order now, where it can be asked."""
        answer = await self._account.find(record)
        if isinstance(answer, Known) and answer.value is not None:
            self.tell(record, answer.value)

    async def _resolve(self, client_id: str) -> None:
        """Ask until the venue says what became of the order. It is never sent again."""
        account, backoff, denials = self._account, Backoff(base_s=0.2, cap_s=5.0), 0
        while (record := account.record(client_id)) is not None and record.is_open:
            answer = await account.find(record)
            if isinstance(answer, Known) and answer.value is not None:
                self.tell(record, answer.value)
                return
            denials = denials + 1 if isinstance(answer, Known) else 0
            age_s = (account.now_ns() - record.sent_ts) / NS_PER_S if record.sent_ts else 0.0
            if denials >= 2 and age_s >= account.policy.never_came_after_s:
                reason = "the venue does not know it any more" if record.venue_id else "it never reached the venue"
                account.outlet.emit([OrderCancelled(account.now_ns(), client_id, reason)])
                return
            await asyncio.sleep(backoff.next_delay())

    async def _fetch_fills(self, client_id: str) -> None:
        """The venue counts more as filled than it told: ask for the executions until they add up."""
        account, backoff = self._account, Backoff(base_s=0.1, cap_s=5.0)
        while (record := account.record(client_id)) is not None:
            answer = await account.answered(account.venue.fills(since=record.sent_ts), "executions")
            if isinstance(answer, Known):
                for fill in answer.value:
                    self.told_fill(fill)
            await asyncio.sleep(backoff.next_delay())  # the facts arrive meanwhile
            told = await account.find(record)
            if isinstance(told, Known) and told.value is not None and not lacks_fills(record, told.value):
                self.tell(record, told.value)
                return

    # ---- what must not be there -------------------------------------------------------------------------------

    async def _bury(self, client_id: str) -> None:
        """An order that counts as over works at the venue: if that is still true now, it is cancelled there."""
        account, record = self._account, self._account.record(client_id)
        answer = await account.find(record) if record is not None else None
        if not isinstance(answer, Known) or answer.value is None or answer.value.state.is_final:
            return
        text = f"{account.name}: {client_id} counts as over and works at the venue: it is cancelled"
        account.outlet.alert("order_resurrected", text)
        await self.ask_cancel(answer.value)

    async def ask_cancel(self, told: VenueOrder) -> bool:
        """Ask for a cancel, once; False when the venue would not have it, or nobody knows."""
        account = self._account
        await account.pacing.turn(Priority.CANCEL)
        if not account.may_call():
            return False
        try:
            async with asyncio.timeout(account.policy.answer_s):
                await account.venue.cancel(told)
        except RateLimited as error:
            account.pacing.pause(error.retry_after_s)
            return False
        except (OrderRefused, OutcomeUnknown, TimeoutError) as error:
            logger.warning("%s: the cancel of %s: %s", account.name, told.client_id or told.venue_id, error)
            return False
        except Exception:  # a cancel may be asked for again
            logger.exception("%s: the cancel of %s broke", account.name, told.client_id or told.venue_id)
            return False
        return True
