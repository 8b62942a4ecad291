"""One connection to IB Gateway, from its greeting to its end: questions and their answers, and what is told unasked."""

# mypy: allow-untyped-calls
# (ib_async leaves its client untyped)

import asyncio
import logging
import time
from decimal import Decimal
from typing import Protocol

from ib_async.objects import ExecutionFilter

from brokers.clock import VenueClock
from brokers.ibkr.auth import GatewayAddress
from brokers.ibkr.codec import Codec
from brokers.ibkr.documents import ExecutionDoc, OrderDoc, PositionDoc
from brokers.ibkr.ear import Ear
from brokers.ibkr.errands import Errands
from brokers.ibkr.ledger import Ledger
from brokers.ibkr.questions import Questions
from brokers.ibkr.rounds import Rounds
from brokers.ibkr.translate import SUMMARY_TAGS
from brokers.ibkr.words import (
    CANCELLED,
    IN_USE,
    LOST,
    READ_ONLY,
    RESTORED,
    TOO_FAST,
    is_news,
    refusal,
    refuses,
    sentence,
)
from brokers.venue import NotUnderstood, OutcomeUnknown

logger = logging.getLogger(__name__)

_FEE_WAIT_S = 1.0  # so long what an execution cost may be on its way


class Watcher(Protocol):
    """Who hears what is told unasked."""

    def order_told(self, line: "Line", perm_id: int) -> None: ...
    def cut_off(self, line: "Line", reason: str) -> None: ...


class Line:
    """`timeout_s` is how long an answer may take. A line that owes one is given up: what came late could be taken for
    the answer to the next question."""

    def __init__(
        self, address: GatewayAddress, account: str, watcher: Watcher, *, timeout_s: float, clock: VenueClock
    ) -> None:
        self.ledger = Ledger()
        self.upstream = ""  # why the gateway cannot reach the venue; empty where it can
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.account = account
        self._address = address
        self._watcher = watcher
        self._timeout_s = timeout_s
        self._clock = clock
        self._codec = Codec(Ear(self))
        self.errands = Errands(self._codec, timeout_s=timeout_s)
        self._questions = Questions(self._codec, timeout_s=timeout_s, too_late=self.give_up)
        self._heard_at: dict[int, float] = {}  # when an order was told last, by our clock
        self._listed: set[int] = set()
        self._positions: list[PositionDoc] = []
        self._values: dict[int, dict[str, str]] = {}  # of a request for the account's money
        self._flaws = 0
        self._beats = Rounds(lambda: self._questions.ask("time", self._codec.reqCurrentTime))
        self._looks = Rounds(self._look)
        self._trades = Rounds(self._look_at_executions)
        self._holdings = Rounds(self._ask_positions)

    # ---- the connection ----------------------------------------------------------------------------------------

    async def open(self) -> list[str]:
        """Connect; the accounts behind the gateway. `OutcomeUnknown` or `OSError` where it does not come up."""
        ready = self._questions.expect("greeting")
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._codec.dial(self._address.host, self._address.port, self._address.client_id)
                await ready
        except TimeoutError:
            self.give_up("it did not greet us")
            text = f"IB Gateway at {self._address} did not greet us within {self._timeout_s:g} s"
            raise OutcomeUnknown(text) from None
        finally:
            self._questions.forget("greeting")
        return self._codec.getAccounts()

    def give_up(self, reason: str) -> None:
        """The line is over; whoever waits for an answer is told so."""
        if self.broken.done():
            return
        self.broken.set_result(reason)
        self._codec.abort()
        error = OutcomeUnknown(f"the line to IB Gateway broke: {reason}")
        self.errands.fail_all(error)
        self._questions.fail_all(error)

    @property
    def is_up(self) -> bool:
        return not self.broken.done()

    def find_own(self, perm_id: int) -> OrderDoc | None:
        """An order that this program placed, under its number for it."""
        doc = self.ledger.orders.get(perm_id)
        return doc if doc is not None and doc.order_id and doc.client_id == self._address.client_id else None

    # ---- questions ---------------------------------------------------------------------------------------------

    async def look(self) -> Ledger:
        """Every open order, those that ended today and today's executions, as of a moment after this was asked."""
        return await self._looks.next()

    async def look_at_executions(self) -> Ledger:
        """Today's executions alone."""
        return await self._trades.next()

    async def positions(self) -> list[PositionDoc]:
        return await self._holdings.next()

    async def summary(self) -> dict[str, str]:
        """The account's money, by tag."""
        number = self._number()
        self._values[number] = {}
        try:
            await self._questions.ask(
                number, lambda: self._codec.reqAccountSummary(number, "All", ",".join(SUMMARY_TAGS))
            )
            self._codec.cancelAccountSummary(number)  # it would go on telling, and there may be two
        finally:
            found = self._values.pop(number)
        return found

    async def beat(self) -> None:
        """Whether the gateway lives; its clock is read on the way."""
        await self._beats.next()

    async def _look(self) -> Ledger:
        """Open orders before those that are over: one that ends in between is in both lists and never in none."""
        flaws, began = self._flaws, time.monotonic()
        self._listed = set()
        await self.beat()
        await self._questions.ask("open orders", self._codec.reqAllOpenOrders)
        await self._questions.ask("completed orders", lambda: self._codec.reqCompletedOrders(False))
        await self._ask_executions()
        self._check_read(flaws)
        self._check_listed(began)
        return self.ledger

    async def _look_at_executions(self) -> Ledger:
        flaws = self._flaws
        await self._ask_executions()
        self._check_read(flaws)
        return self.ledger

    async def _ask_executions(self) -> None:
        number, wanted = self._number(), ExecutionFilter(acctCode=self.account)
        await self._questions.ask(number, lambda: self._codec.reqExecutions(number, wanted))
        await self._wait_for_costs()

    def _check_read(self, flaws: int) -> None:
        if self._flaws != flaws:
            raise NotUnderstood("a message of IB Gateway could not be read, so its lists may lack something")

    def _check_listed(self, began: float) -> None:
        lost = [
            doc
            for doc in self.ledger.orders.values()
            if not doc.is_over and doc.perm_id not in self._listed and self._heard_at.get(doc.perm_id, 0.0) < began
        ]
        for doc in lost:
            self.ledger.forget(doc.perm_id)
        if lost:
            names = ", ".join(str(doc.perm_id) for doc in lost)
            raise NotUnderstood(f"IB Gateway lists orders neither as open nor as over that it had before: {names}")

    async def _wait_for_costs(self) -> None:
        deadline = time.monotonic() + _FEE_WAIT_S
        while late := self.ledger.uncharged():
            if time.monotonic() > deadline:
                self.ledger.assume_no_costs(late)
                return
            await asyncio.sleep(0.01)

    async def _ask_positions(self) -> list[PositionDoc]:
        self._positions = []
        await self._questions.ask("positions", self._codec.reqPositions)
        self._codec.cancelPositions()  # it would go on telling
        return self._positions

    def _number(self) -> int:
        try:
            return self._codec.getReqId()
        except ConnectionError as error:
            raise OutcomeUnknown(f"the line to IB Gateway is not up: {error}") from error

    # ---- being told --------------------------------------------------------------------------------------------

    def on_closed(self) -> None:
        self.give_up("it was closed")

    def on_garbled(self, message: str) -> None:
        self._flaws += 1
        logger.error("IB Gateway sent what cannot be read: %s", message)

    def on_order(self, told: OrderDoc) -> None:
        self._listed.add(told.perm_id)
        if told.client_id == self._address.client_id:
            self._codec.updateReqId(told.order_id + 1)
        if told.account == self.account and told.perm_id:
            self._has_changed(self.ledger.opened(told, is_listed="open orders" in self._questions))

    def on_status(self, numbers: tuple[int, int, int], status: str, filled: Decimal, average: Decimal) -> None:
        doc = self.ledger.stands(numbers[0], status, filled=filled, average=average, ts=self._clock.now())
        if doc is not None:
            self._has_changed(doc)

    def on_ended_order(self, told: OrderDoc) -> None:
        self._listed.add(told.perm_id)
        if told.account == self.account:
            is_known = told.perm_id in self.ledger.orders
            doc = self.ledger.ended(told)
            self._heard_at[doc.perm_id] = time.monotonic()
            if is_known:
                self._has_changed(doc)

    def on_execution(self, request: int, told: ExecutionDoc) -> None:
        if told.account != self.account:
            return
        kept = self.ledger.executed(told)
        if kept.execution_id != told.execution_id or not told.execution_id.endswith(".01"):
            logger.warning("execution %s was corrected: %s", kept.name, kept)
        if request not in self._questions:
            self._watcher.order_told(self, told.perm_id)

    def on_fee(self, execution_id: str, fee: Decimal) -> None:
        execution = self.ledger.charged(execution_id, fee)
        if execution is not None:
            self._watcher.order_told(self, execution.perm_id)

    def on_position(self, told: PositionDoc) -> None:
        if told.account == self.account:
            self._positions.append(told)

    def on_value(self, request: int, account: str, tag: str, value: str) -> None:
        if account == self.account and request in self._values:
            self._values[request][tag] = value

    def on_time(self, seconds: int) -> None:
        self._clock.heard(float(seconds))

    def on_greeting(self) -> None:
        if self._codec.isReady():  # it came in two messages
            self._questions.end("greeting")

    def on_end(self, question: int | str) -> None:
        self._questions.end(question)

    def on_error(self, request: int, code: int, text: str) -> None:
        if code in LOST or code in RESTORED:
            self.upstream = sentence(code, text) if code in LOST else ""
            self._watcher.cut_off(self, self.upstream)
        elif code == IN_USE:
            text = f"IB Gateway at {self._address}: this client id is in use by another program"
            self._questions.fail_all(OutcomeUnknown(text))
        elif code == TOO_FAST:
            self._too_fast(text)
        elif READ_ONLY in text:
            self._fail(request, refusal(code, text))
        elif is_news(code) or request < 0:
            logger.info("IB Gateway: %s %s", code, text)
        else:
            self._said_of(request, code, text)

    def _said_of(self, number: int, code: int, text: str) -> None:
        """Of a question: it has no answer. Of an order: refused only where the code says so for certain."""
        self._questions.fail(number, refusal(code, text))
        if code != CANCELLED and not refuses(code):
            logger.warning("IB Gateway says of order %s: %s %s", number, code, text)
            return
        self.ledger.noted(self._address.client_id, number, code, sentence(code, text))
        doc = self.ledger.find(self._address.client_id, number)
        if doc is not None:
            self._watcher.order_told(self, doc.perm_id)
        if code != CANCELLED:  # its status says so, too
            self.errands.fail(number, refusal(code, text))

    def _fail(self, number: int, error: Exception) -> None:
        """Whoever waits for that number; all questions where it concerns none."""
        self.errands.fail(number, error)
        if number < 0:
            self._questions.fail_all(error)
        else:
            self._questions.fail(number, error)

    def _too_fast(self, text: str) -> None:
        """It does not say which message it dropped."""
        self.errands.fail_all(OutcomeUnknown(f"IB Gateway dropped a message: {text}"))
        if self._questions:
            self.give_up(f"it dropped a question: {text}")

    def _has_changed(self, doc: OrderDoc) -> None:
        self._heard_at[doc.perm_id] = time.monotonic()
        if doc.client_id == self._address.client_id:
            self.errands.told(doc)
        self._watcher.order_told(self, doc.perm_id)
