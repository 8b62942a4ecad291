"""Instructions on one connection: each is sent once, and waits for what the gateway makes of it."""

# mypy: allow-untyped-calls
# (ib_async leaves its client untyped)

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from brokers.ibkr.codec import Codec, Letter
from brokers.ibkr.documents import PENDING, OrderDoc
from brokers.ibkr.words import refusal
from brokers.venue import OrderRefused, OutcomeUnknown, RateLimited, VenueUnreachable


class _Errand(NamedTuple):
    """`is_answer` says whether an order as it stands now is the answer, and raises where it means no."""

    answer: "asyncio.Future[OrderDoc]"
    is_answer: Callable[[OrderDoc], bool]


class Errands:
    """`timeout_s` is how long an answer may take."""

    def __init__(self, codec: Codec, *, timeout_s: float) -> None:
        self._codec = codec
        self._timeout_s = timeout_s
        self._under_way: dict[int, _Errand] = {}  # by the number of the order

    # ---- instructions ------------------------------------------------------------------------------------------

    async def place(self, contract: Any, order: Any, *, is_at_venue: bool = False) -> OrderDoc:
        """A new order; the answer is how the gateway has it first, or with `is_at_venue` the venue behind it."""
        try:
            number = self._codec.getReqId()
        except ConnectionError as error:
            raise _not_up(error) from error

        def is_answer(told: OrderDoc) -> bool:
            return not (is_at_venue and told.status in PENDING)

        return await self._do(number, lambda: self._codec.placeOrder(number, contract, order), is_answer)

    async def change(self, doc: OrderDoc, contract: Any, order: Any) -> OrderDoc:
        """Other terms for a working order, under its number."""
        wanted = _price(order.lmtPrice), _price(order.auxPrice), Decimal(order.totalQuantity)

        def has_changed(told: OrderDoc) -> bool:
            terms = told.limit, told.aux, told.quantity
            is_done = all(new is None or new == now for new, now in zip(wanted, terms, strict=True))
            if told.is_over and not is_done:
                raise refusal(104, f"it is {told.status}")
            return is_done

        return await self._do(doc.order_id, lambda: self._codec.placeOrder(doc.order_id, contract, order), has_changed)

    async def cancel(self, doc: OrderDoc) -> OrderDoc:
        """Ask for the cancel; the answer is that it is under way or done."""

        def is_ending(told: OrderDoc) -> bool:
            if told.status == "Filled":
                raise refusal(10148, "it is Filled")
            return told.status == "PendingCancel" or told.is_over

        return await self._do(doc.order_id, lambda: self._codec.cancelOrder(doc.order_id), is_ending)

    def cancel_everything(self) -> None:
        """Every order of every program and of persons; there is no answer."""
        self._codec.reqGlobalCancel()

    async def _do(self, number: int, send: Callable[[], None], is_answer: Callable[[OrderDoc], bool]) -> OrderDoc:
        """Sent once. A message that waits for its turn is taken back when nobody waits for its answer any more."""
        while number in self._under_way:  # one thing at a time with one order
            await asyncio.wait({self._under_way[number].answer})
        errand = self._under_way[number] = _Errand(asyncio.get_running_loop().create_future(), is_answer)
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
            raise _not_up(error) from error
        finally:
            if letter is not None:
                letter.withdraw()
            if self._under_way.get(number) is errand:
                del self._under_way[number]

    # ---- being told --------------------------------------------------------------------------------------------

    def told(self, doc: OrderDoc) -> None:
        """How an order of ours stands."""
        errand = self._under_way.get(doc.order_id)
        if errand is None or errand.answer.done():
            return
        try:
            if errand.is_answer(doc):
                errand.answer.set_result(doc)
        except OrderRefused as refused:
            errand.answer.set_exception(refused)

    def fail(self, number: int, error: Exception) -> None:
        """What was asked of this order is refused."""
        if number in self._under_way:
            end_with(self._under_way[number].answer, error)

    def fail_all(self, error: Exception) -> None:
        """Nobody knows what became of any."""
        for errand in list(self._under_way.values()):
            end_with(errand.answer, error)


def _not_up(error: Exception) -> VenueUnreachable:
    return VenueUnreachable(f"the line to IB Gateway is not up: {error}")


def end_with(answer: "asyncio.Future[Any]", error: Exception) -> None:
    """Fail it, where it has no answer yet."""
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # retrieved: who waited for it may be gone


def _price(text: Any) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) else None
