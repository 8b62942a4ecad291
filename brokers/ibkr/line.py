"""One connection to IB Gateway, from its greeting to its end: questions and their answers, and what is told unasked."""

# mypy: allow-untyped-calls
# (ib_async leaves its client untyped)

import asyncio
import logging
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from ib_async.objects import ExecutionFilter

from brokers.clock import VenueClock
from brokers.ibkr.auth import GatewayAddress
from brokers.ibkr.codec import Codec, Letter
from brokers.ibkr.documents import ExecutionDoc, OrderDoc, PositionDoc
from brokers.ibkr.ear import Ear
from brokers.ibkr.ledger import Ledger
from brokers.ibkr.rounds import Rounds
from brokers.ibkr.translate import SUMMARY_TAGS
from brokers.ibkr.words import CANCELLED, IN_USE, LOST, READ_ONLY, RESTORED, TOO_FAST, is_remark, refusal, sentence
from brokers.venue import NotUnderstood, OrderRefused, OutcomeUnknown, RateLimited, VenueUnreachable

logger = logging.getLogger(__name__)

_FEE_WAIT_S = 1.0  # so long what an execution cost may be on its way


class Watcher(Protocol):
    """Who hears what is told unasked."""

    def order_told(self, line: "Line", perm_id: int) -> None: ...
    def cut_off(self, line: "Line", reason: str) -> None: ...


class Errand(NamedTuple):
    """An instruction that waits for its answer. `is_answer` says whether an order as it stands now is that, and raises
    where it means no."""

    answer: "asyncio.Future[OrderDoc]"
    is_answer: Callable[[OrderDoc], bool]


class Line:
    """`timeout_s` is how long an answer may take. A line that owes one is given up: what came late could be taken for
    the answer to the next question."""

    def __init__(
        self, address: GatewayAddress, account: str, watcher: Watcher, *, timeout_s: float, clock: VenueClock
    ) -> None:
        self.ledger = Ledger()
        self.upstream = ""  # why the gateway cannot reach the venue; empty where it can
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._address = address
        self.account = account
        self._watcher = watcher
        self._timeout_s = timeout_s
        self._clock = clock
        self._codec = Codec(Ear(self))
        self._answers: dict[int | str, asyncio.Future[None]] = {}
        self._errands: dict[int, Errand] = {}
        self._heard_at: dict[int, float] = {}  # when an order was told last, by our clock
        self._listed: set[int] = set()
        self._positions: list[PositionDoc] = []
        self._values: dict[int, dict[str, str]] = {}  # of a request for the account's money
        self._flaws = 0
        self._looks = Rounds(self._look)
        self._holdings = Rounds(self._ask_positions)

    # ---- the connection ----------------------------------------------------------------------------------------

    async def open(self) -> list[str]:
        """Connect; the accounts behind the gateway. `OutcomeUnknown` or `OSError` where it does not come up."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers["greeting"] = ready
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._codec.dial(self._address.host, self._address.port, self._address.client_id)
                await ready
        except TimeoutError:
            self.give_up("it did not greet us")
            text = f"IB Gateway at {self._address} did not greet us within {self._timeout_s:g} s"
            raise OutcomeUnknown(text) from None
        finally:
            self._answers.pop("greeting", None)
        return self._codec.getAccounts()

    def give_up(self, reason: str) -> None:
        """The line is over; whoever waits for an answer is told so."""
        if self.broken.done():
            return
        self.broken.set_result(reason)
        self._codec.abort()
        error = OutcomeUnknown(f"the line to IB Gateway broke: {reason}")
        waiting: list[asyncio.Future[Any]] = [*self._answers.values()]
        waiting += [errand.answer for errand in self._errands.values()]
        self._answers.clear()
        self._errands.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # retrieved: who waited for it may be gone

    @property
    def is_up(self) -> bool:
        return not self.broken.done()

    def find_own(self, perm_id: int) -> OrderDoc | None:
        """An order that this program placed, under its number for it."""
        doc = self.ledger.orders.get(perm_id)
        return doc if doc is not None and doc.order_id and doc.client_id == self._address.client_id else None

    # ---- instructions ------------------------------------------------------------------------------------------

    async def place(self, contract: Any, order: Any) -> OrderDoc:
        """A new order; the answer is how the gateway has it first."""
        number = self._codec.getReqId()
        return await self._do(number, lambda: self._codec.placeOrder(number, contract, order), Errand(_future(), _any))

    async def change(self, doc: OrderDoc, contract: Any, order: Any) -> OrderDoc:
        """Other terms for a working order, under its number."""
        wanted = _price(order.lmtPrice), _price(order.auxPrice), Decimal(order.totalQuantity)

        def has_changed(told: OrderDoc) -> bool:
            terms = told.limit, told.aux, told.quantity
            is_done = all(new is None or new == now for new, now in zip(wanted, terms, strict=True))
            if told.is_over and not is_done:
                raise refusal(104, f"it is {told.status}")
            return is_done

        send = lambda: self._codec.placeOrder(doc.order_id, contract, order)  # noqa: E731
        return await self._do(doc.order_id, send, Errand(_future(), has_changed))

    async def cancel(self, doc: OrderDoc) -> OrderDoc:
        """Ask for the cancel; the answer is that it is under way, or that the order is over."""

        def is_ending(told: OrderDoc) -> bool:
            if told.status == "Filled":
                raise refusal(10148, "it is Filled")
            return told.status == "PendingCancel" or told.is_over

        send = lambda: self._codec.cancelOrder(doc.order_id)  # noqa: E731
        return await self._do(doc.order_id, send, Errand(_future(), is_ending))

    def cancel_everything(self) -> None:
        """Every order of every program and of persons; there is no answer."""
        self._codec.reqGlobalCancel()

    async def _do(self, number: int, send: Callable[[], None], errand: Errand) -> OrderDoc:
        """Sent once. A message that waits for its turn is taken back when nobody waits any more."""
        while number in self._errands:  # one thing at a time with one order
            await asyncio.wait({self._errands[number].answer})
        self._errands[number] = errand
        letter: Letter | None = None
        try:
            send()
            letter = self._codec.last
            async with asyncio.timeout(self._timeout_s):
                return await errand.answer
        except TimeoutError:
            if letter is not None and letter.withdraw():
                raise RateLimited("IB Gateway takes no more messages for the moment; nothing was sent") from None
            raise OutcomeUnknown(f"IB Gateway did not answer within {self._timeout_s:g} s") from None
        except ConnectionError as error:
            raise VenueUnreachable(f"the line to IB Gateway is not up: {error}") from error
        finally:
            if letter is not None:
                letter.withdraw()  # nobody waits for it any more
            if self._errands.get(number) is errand:
                del self._errands[number]

    # ---- questions ---------------------------------------------------------------------------------------------

    async def look(self) -> Ledger:
        """Every open order, those that ended today and today's executions, as of a moment after this was asked."""
        return await self._looks.next()

    async def positions(self) -> list[PositionDoc]:
        return await self._holdings.next()

    async def summary(self) -> dict[str, str]:
        """The account's money, by tag."""
        number = self._number()
        self._values[number] = {}
        try:
            await self._ask(number, lambda: self._codec.reqAccountSummary(number, "All", ",".join(SUMMARY_TAGS)))
            self._codec.cancelAccountSummary(number)  # it would go on telling, and there may be two
        finally:
            found = self._values.pop(number)
        return found

    async def beat(self) -> None:
        """Whether the gateway lives; its clock is read on the way."""
        await self._ask("time", self._codec.reqCurrentTime)

    async def _look(self) -> Ledger:
        """Open orders before those that are over: one that ends in between is in both lists and never in none."""
        flaws, began = self._flaws, time.monotonic()
        self._listed = set()
        await self.beat()
        await self._ask("open orders", self._codec.reqAllOpenOrders)
        await self._ask("completed orders", lambda: self._codec.reqCompletedOrders(False))
        number = self._number()
        wanted = ExecutionFilter(acctCode=self.account)
        await self._ask(number, lambda: self._codec.reqExecutions(number, wanted))
        await self._wait_for_costs()
        if self._flaws != flaws:
            raise NotUnderstood("a message of IB Gateway could not be read, so its lists may lack something")
        self._check_listed(began)
        return self.ledger

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
        await self._ask("positions", self._codec.reqPositions)
        self._codec.cancelPositions()  # it would go on telling
        return self._positions

    async def _ask(self, question: int | str, send: Callable[[], None]) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers[question] = answer
        try:
            send()
            async with asyncio.timeout(self._timeout_s):
                await answer
        except TimeoutError:
            self.give_up(f"it did not answer within {self._timeout_s:g} s")
            raise OutcomeUnknown(f"IB Gateway did not answer within {self._timeout_s:g} s") from None
        except ConnectionError as error:
            raise OutcomeUnknown(f"the line to IB Gateway is not up: {error}") from error
        finally:
            self._answers.pop(question, None)

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
            self._has_changed(self.ledger.opened(told))

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
        if request not in self._answers:
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
            self.on_end("greeting")

    def on_end(self, question: int | str) -> None:
        answer = self._answers.get(question)
        if answer is not None and not answer.done():
            answer.set_result(None)

    def on_error(self, request: int, code: int, text: str) -> None:
        if code in LOST or code in RESTORED:
            self.upstream = sentence(code, text) if code in LOST else ""
            self._watcher.cut_off(self, self.upstream)
        elif code == IN_USE:
            self._fail_all(
                OutcomeUnknown(f"IB Gateway at {self._address}: this client id is in use by another program")
            )
        elif code == TOO_FAST:
            self._too_fast(text)
        elif READ_ONLY in text:
            self._fail(request, refusal(code, text))
        elif is_remark(code):
            logger.info("IB Gateway: %s %s", code, text)
        elif request >= 0:
            self._refused(request, code, text)
        else:
            logger.warning("IB Gateway: %s %s", code, text)

    def _refused(self, number: int, code: int, text: str) -> None:
        self.ledger.noted(self._address.client_id, number, code, sentence(code, text))
        doc = self.ledger.find(self._address.client_id, number)
        if doc is not None:
            self._watcher.order_told(self, doc.perm_id)
        if code != CANCELLED:  # its status says so, too
            self._fail(number, refusal(code, text))

    def _too_fast(self, text: str) -> None:
        """It does not say which message it dropped: of every instruction under way nobody knows."""
        for errand in list(self._errands.values()):
            if not errand.answer.done():
                errand.answer.set_exception(OutcomeUnknown(f"IB Gateway dropped a message: {text}"))
        if self._answers:
            self.give_up(f"it dropped a question: {text}")

    def _fail(self, number: int, error: Exception) -> None:
        """Whoever waits for that number; all questions where it concerns none."""
        errand, question = self._errands.get(number), self._answers.get(number)
        waiting = [errand.answer if errand else None, question]
        if number < 0:
            waiting = list(self._answers.values())
        for future in waiting:
            if future is not None and not future.done():
                future.set_exception(error)

    def _fail_all(self, error: Exception) -> None:
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)

    def _has_changed(self, doc: OrderDoc) -> None:
        self._heard_at[doc.perm_id] = time.monotonic()
        errand = self._errands.get(doc.order_id) if doc.client_id == self._address.client_id else None
        if errand is not None and not errand.answer.done():
            try:
                if errand.is_answer(doc):
                    errand.answer.set_result(doc)
            except OrderRefused as refused:
                errand.answer.set_exception(refused)
        self._watcher.order_told(self, doc.perm_id)


def _future() -> "asyncio.Future[OrderDoc]":
    return asyncio.get_running_loop().create_future()


def _any(told: OrderDoc) -> bool:
    return True


def _price(text: Any) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) else None
