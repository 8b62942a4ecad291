"""Compares an account with our books: at the start, after every loss of the stream, and all the time in between."""

import asyncio
import logging
import re
from decimal import Decimal
from typing import Any

from msgspec import UNSET, UnsetType

from brokers.venue import Unknown, VenueFill, VenueOrder
from engine.core.account_checks import cash_flow, expected, expected_cash
from engine.model.accounts import CASH, AccountChecked, AccountState, Difference, Policy
from engine.model.orders import StopMoved
from engine.model.time import NS_PER_S
from trading.runtime.account import UNANSWERED, Account
from trading.runtime.compare import (
    Findings,
    Truth,
    cash_difference,
    may_have_moved,
    missing_fills,
    position_differences,
    why_cash_is_unknown,
)
from trading.runtime.gateway import Gateway
from trading.runtime.inquiry import Inquiry

logger = logging.getLogger(__name__)

SAME = 3  # a difference counts when it was found as often in a row: a venue's own tables lag behind each other
MAX_LOOKS = 10
OVERLAP_NS = 900 * NS_PER_S  # questions about the past reach back further than the last answer: clocks differ
QUIET = ("periodic", "activity")  # comparisons that are told only when they find something new


class Reconciler:
    """Keeps comparing one account, and tells the engine what it found; the engine holds entries back accordingly.

    A question that is not answered is `unknown`, never "nothing there". A difference must be found several times in a
    row: what is on its way in between is not one.
    """

    def __init__(self, account: Account, inquiry: Inquiry, gateway: Gateway) -> None:
        self.is_stream_up = False
        self._account = account
        self._inquiry = inquiry
        self._gateway = gateway
        self._since = account.now_ns() - int(account.policy.look_back_s * NS_PER_S)
        self._was_green = False
        self._last: tuple[Any, ...] = ()
        self._trigger = "start"
        self._bell = asyncio.Event()
        self._strangers: dict[str, VenueFill] = {}  # executions of others since the last green comparison
        self._ours = re.compile(rf"{re.escape(account.engine.config.run.rstrip('0123456789'))}\d+-")
        self._elsewhere: dict[str, Decimal] = {}  # our stops that the venue told at another price than ours, last time
        self._is_absorbing = False
        inquiry.on_activity = self._on_activity

    def request(self, trigger: str) -> None:
        """Compare soon."""
        if self._trigger in ("", *QUIET):
            self._trigger = trigger
        self._bell.set()

    def _on_activity(self, symbol: str) -> None:
        if not self._is_absorbing:  # what a comparison reads is part of it
            self.request("activity")

    async def run(self) -> None:
        """For ever: on request, and from time to time; soon again while the account is not green or not streamed."""
        policy = self._account.policy
        while True:
            trigger, self._trigger = self._trigger or "periodic", ""
            self._bell.clear()
            state = await self.check(trigger)
            is_calm = state is AccountState.GREEN and self.is_stream_up
            try:
                await asyncio.wait_for(self._bell.wait(), policy.check_every_s if is_calm else policy.poll_s)
            except TimeoutError:
                continue

    async def check(self, trigger: str) -> AccountState:
        """Compare, tell what was found where it is news, and return the state of the account."""
        account = self._account
        asked_at = account.now_ns()
        truth, findings = await self._look_until_sure()
        if isinstance(truth, Unknown):
            await self._tell(AccountState.UNKNOWN, truth.reason, trigger, Findings(), None)
            return AccountState.UNKNOWN
        self._since = asked_at - OVERLAP_NS
        self._gateway.buying_power = truth.balances.buying_power
        is_open = findings.problems or any(d.policy is Policy.PAUSE for d in findings.differences)
        state = AccountState.RED if is_open else AccountState.GREEN
        await self._tell(state, _reason(findings), trigger, findings, truth)
        if state is AccountState.GREEN:
            self._was_green = True
            self._strangers.clear()
        return state

    # ---- looking ------------------------------------------------------------------------------------------------

    async def _look_until_sure(self) -> tuple[Truth | Unknown, Findings]:
        """Look until there is no difference, or the same one again and again."""
        account, last, seen = self._account, Findings(), 0
        found: Truth | Unknown = Unknown("it was not asked yet")
        for _ in range(MAX_LOOKS):
            found = await self._look()
            if isinstance(found, Unknown):
                findings = Findings(problems=(found.reason,))
            else:
                findings = self._compare(found)
                if findings.are_none:
                    return found, findings
            seen = seen + 1 if findings.key == last.key else 1
            last = findings
            if seen >= SAME:
                return found, findings
            await asyncio.sleep(account.policy.recheck_s)
        return Unknown("it changes while it is being compared"), Findings()

    async def _look(self) -> Truth | Unknown:
        """One round of questions. What it tells of our orders is passed on, and must be known before it counts."""
        account = self._account
        truth = await ask(account, self._since)
        if isinstance(truth, Unknown):
            return truth
        self._is_absorbing = True
        self._absorb(truth)
        self._is_absorbing = False
        await account.errands.until(lambda: self._gateway.is_settled, timeout_s=account.policy.answer_s)
        self._follow_stops(truth)
        unresolved = self._gateway.unresolved()
        if unresolved:
            return Unknown(f"what became of {', '.join(unresolved)} is not known")
        return truth

    def _follow_stops(self, truth: Truth) -> None:
        """A stop of ours that somebody moved at the venue is where it is there: told when it was seen there twice."""
        account, seen = self._account, self._elsewhere
        self._elsewhere = {}
        for told in truth.orders:
            record = self._inquiry.record_of(told)
            if record is None or not may_have_moved(record, told):
                continue
            name, price = record.order.client_id, told.stop_price
            if account.errands.is_under_way("move", name):
                continue
            if price is None or seen.get(name) != price:
                self._elsewhere |= {name: price} if price is not None else {}
                continue
            account.outlet.emit([StopMoved(account.now_ns(), name, told.venue_id, price)])
            account.outlet.alert("stop_moved_elsewhere", f"{account.name}: somebody moved {name} to {price}")

    def _absorb(self, truth: Truth) -> None:
        """Tell what concerns our orders; remember who else traded; find our orders that the venue does not list."""
        for order in truth.orders:
            if not self._inquiry.told(order):
                self._meet_stranger(order)
        for fill in truth.fills:
            if not self._inquiry.told_fill(fill) and not self._is_named_by_us(fill.client_id):
                self._strangers[fill.fill_id] = fill
        listed = {order.venue_id for order in truth.orders} | {order.client_id for order in truth.orders}
        for record in self._account.open_records():
            if record.state not in UNANSWERED and not {record.venue_id, record.order.client_id} & listed:
                self._inquiry.lost_sight(record)

    def _meet_stranger(self, order: VenueOrder) -> None:
        """An order nobody here knows. One that bears our name is of a run whose memory is gone: it must not work on."""
        if self._is_named_by_us(order.client_id) and not order.state.is_final:
            text = (
                f"{self._account.name}: {order.client_id} works at the venue and is of no present run: it is cancelled"
            )
            self._account.outlet.alert("order_of_the_past", text)
            self._account.errands.start("bury", order.client_id, self._cancel_stranger(order))

    async def _cancel_stranger(self, order: VenueOrder) -> None:
        await self._inquiry.ask_cancel(order)

    def _is_named_by_us(self, client_id: str) -> bool:
        return bool(client_id) and self._ours.match(client_id) is not None

    # ---- comparing ----------------------------------------------------------------------------------------------

    def _compare(self, truth: Truth) -> Findings:
        account = self._account
        books, strangers = expected(account.engine, account.name), self._strangers.values()
        differences = position_differences(
            books, truth, strangers, account.policy, rolls=account.engine.rolls, now=account.now_ns()
        )
        opened, closed = account.engine.desk.orders.state()
        ours = [record for record in (*opened, *closed) if record.order.broker == account.name]
        left = [
            f"{order.client_id} works at the venue and is of no present run"
            for order in truth.orders
            if not order.state.is_final
            and self._is_named_by_us(order.client_id)
            and account.record(order.client_id) is None
        ]
        problems = (*missing_fills(ours, truth, sent_after=truth.since + OVERLAP_NS // 2), *left)
        if not differences and not problems and not self._cash_is_unknown(truth):  # they would explain it
            money = cash_difference(expected_cash(account.engine, account.name), truth, account.policy)
            differences = (money,) if money is not None else ()
        return Findings(differences, problems)

    def _cash_is_unknown(self, truth: Truth) -> str:
        engine = self._account.engine
        symbols = {key[1] for key in engine.holdings if key[2] == self._account.name}
        return why_cash_is_unknown(truth, [engine.config.instruments[symbol] for symbol in symbols])

    def _opening_balance(self, truth: Truth) -> tuple[Difference, ...]:
        """What the account's money is compared with from now on; nothing where that is known already."""
        account, cash = self._account, truth.balances.cash
        if cash is None or self._cash_is_unknown(truth) or expected_cash(account.engine, account.name) is not None:
            return ()
        ours = cash_flow(account.engine, account.name)
        opening = Difference(CASH, ours, cash, Policy.IGNORE, Decimal(1), "its money when it was first compared")
        return (opening,) if opening.gap else ()

    # ---- telling ------------------------------------------------------------------------------------------------

    async def _tell(
        self, state: AccountState, reason: str, trigger: str, findings: Findings, truth: Truth | None
    ) -> None:
        """Hand the result to the engine, and wait until it knows; a quiet one that found nothing new is not told."""
        account = self._account
        news = (state, reason, findings)
        if trigger in QUIET and news == self._last:
            return
        self._last = news
        now = account.now_ns()
        event = AccountChecked(
            ts=now,
            broker=account.name,
            check_id=f"{account.name}-{now}",
            state=state,
            reason=reason,
            trigger=trigger,
            differences=(*findings.differences, *(self._opening_balance(truth) if truth and findings.are_none else ())),
            problems=findings.problems,
            blocks_all=not self._was_green or state is AccountState.UNKNOWN or _concern_all(findings),
            cash=truth.balances.cash if truth else None,
            net_liquidation=truth.balances.net_liquidation if truth else None,
            buying_power=_told(truth),
            orders=len(truth.orders) if truth else 0,
            fills=len(truth.fills) if truth else 0,
            positions=len(truth.positions) if truth else 0,
            notes=self._notes(truth) if truth else (),
        )
        account.outlet.emit([event])
        if state is not AccountState.GREEN:
            account.outlet.alert("account_" + state, f"{account.name}: {reason}")
        await account.errands.until(
            lambda: (known := account.engine.checks.get(account.name)) is not None and known.check_id == event.check_id,
            timeout_s=account.policy.answer_s,
        )

    def _notes(self, truth: Truth) -> tuple[str, ...]:
        strangers = tuple(
            f"an order that is not ours works: {order.side} {order.quantity.normalize():f} {order.symbol}"
            for order in truth.orders
            if not order.state.is_final
            and not self._is_named_by_us(order.client_id)
            and self._inquiry.record_of(order) is None
        )
        unknown = self._cash_is_unknown(truth)
        return (*strangers, unknown) if unknown else strangers


async def ask(account: Account, since: int) -> Truth | Unknown:
    """One round of questions; unknown as soon as one of them is not answered."""
    venue = account.venue
    orders = await account.answered(venue.orders(since=since), "its orders")
    if isinstance(orders, Unknown):
        return _unasked("orders", orders)
    fills = await account.answered(venue.fills(since=since), "its executions")
    if isinstance(fills, Unknown):
        return _unasked("executions", fills)
    positions = await account.answered(venue.positions(), "its positions")
    if isinstance(positions, Unknown):
        return _unasked("positions", positions)
    balances = await account.answered(venue.balances(), "its balances")
    if isinstance(balances, Unknown):
        return _unasked("balances", balances)
    return Truth(orders.value, fills.value, positions.value, balances.value, since)


def _unasked(what: str, answer: Unknown) -> Unknown:
    return Unknown(f"its {what} could not be asked: {answer.reason}")


def _concern_all(findings: Findings) -> bool:
    """Whether what is found is about the account and not about single symbols."""
    return bool(findings.problems) or any(each.symbol == CASH for each in findings.differences)


def _reason(findings: Findings) -> str:
    """The findings in one line."""
    return "; ".join([*(f"{d.symbol}: {d.detail}" for d in findings.differences), *findings.problems])


def _told(truth: Truth | None) -> Decimal | UnsetType:
    power = truth.balances.buying_power if truth else None
    return UNSET if power is None else power
