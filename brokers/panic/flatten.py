"""Cancels every order and closes every position of one account, and believes only what the venue confirms."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.venue import (
    Answer,
    Known,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Venue,
    VenueOrder,
    VenuePosition,
)
from engine.errors import FortifiedError
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, Side
from engine.model.orders import Order
from engine.model.time import NS_PER_DAY, NS_PER_S

T = TypeVar("T")
Say = Callable[[str], None]

ASK_EVERY_S = 0.25


class Outcome(msgspec.Struct):
    """What became of one account. `is_flat` is True only where the venue confirmed: no order works, nothing is held."""

    account: str
    broker: str
    cancelled: list[str] = msgspec.field(default_factory=list)
    closed: list[str] = msgspec.field(default_factory=list)
    remaining: list[str] = msgspec.field(default_factory=list)
    problems: list[str] = msgspec.field(default_factory=list)
    is_flat: bool = False


class Unanswered(FortifiedError):
    """The venue did not tell what we must know."""

    code = "unanswered"


class Flattener:
    """One account. `within_s` is how long each of its steps may wait for the venue; `is_forced` closes positions even
    where the cancels could not be confirmed, at the risk that both trade."""

    def __init__(
        self, venue: Venue, outcome: Outcome, *, say: Say, within_s: float = 20.0, is_forced: bool = False
    ) -> None:
        self._venue = venue
        self._outcome = outcome
        self._say = say
        self._within_s = within_s
        self._is_forced = is_forced
        self._began = time.time_ns()
        self._refused: dict[str, str] = {}  # orders that the venue would not cancel, with its words

    async def look(self) -> None:
        """Say what there is; nothing is changed."""
        orders = [each for each in await self._orders() if not each.state.is_final]
        positions = await self._positions()
        self._outcome.remaining = [*map(order_text, orders), *map(position_text, positions)]
        self._outcome.is_flat = not self._outcome.remaining

    async def flatten(self) -> None:
        """Cancel, wait for it, close, wait for it. What goes wrong is a problem in the outcome; the rest goes on."""
        is_clear = await self._cancel_all()
        if is_clear or self._is_forced:
            await self._close_all()
        else:
            self._problem(
                "positions were left alone: a working order could trade beside the closing one (--force does it)"
            )
        await self._confirm()

    # ---- orders ------------------------------------------------------------------------------------------

    async def _cancel_all(self) -> bool:
        """Whether it is certain that no order works any more."""
        asked: set[str] = set()
        deadline = time.monotonic() + self._within_s
        while True:
            try:
                working = [each for each in await self._orders() if not each.state.is_final]
            except Unanswered as error:
                self._problem(f"orders: {error.detail}")
                return False
            if not working:
                return True
            if time.monotonic() > deadline:
                for text in (self._refused.get(each.venue_id) for each in working):
                    if text:
                        self._problem(text)
                self._problem(f"still working after {self._within_s:g} s: {', '.join(map(order_text, working))}")
                return False
            for order in working:
                if order.venue_id not in asked and await self._cancel(order):
                    asked.add(order.venue_id)
            await asyncio.sleep(ASK_EVERY_S)

    async def _cancel(self, order: VenueOrder) -> bool:
        """Whether the venue was asked; it is asked again otherwise: cancelling twice harms nothing."""
        try:
            await self._venue.cancel(order)
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
            return False
        except OutcomeUnknown:
            return False
        except OrderRefused as error:  # it may be over by now, alone or with the other leg of its pair
            self._refused[order.venue_id] = f"cancel of {order_text(order)} was refused: {error.detail}"
            return True
        self._outcome.cancelled.append(order_text(order))
        self._say(f"cancel {order_text(order)}")
        return True

    # ---- positions ---------------------------------------------------------------------------------------

    async def _close_all(self) -> None:
        try:
            positions = await self._positions()
        except Unanswered as error:
            self._problem(f"positions: {error.detail}")
            return
        await asyncio.gather(*(self._close(position, number) for number, position in enumerate(positions)))

    async def _close(self, position: VenuePosition, number: int) -> None:
        """One market order the other way. One whose outcome is unknown is looked up, and sent again only where it is
        certain that it never came."""
        order = Order(
            client_id=f"panic-{self._began // NS_PER_S}-{number}",
            strategy="panic",
            symbol=position.symbol,
            broker=self._outcome.account,
            side=Side.SELL if position.quantity > 0 else Side.BUY,
            quantity=abs(position.quantity),
            intent=OrderIntent.EXIT,
            reason="panic",
        )
        while True:
            sent_at = time.time_ns()
            try:
                await self._venue.place(order, instrument_for(position.symbol))
            except RateLimited as error:
                await asyncio.sleep(error.retry_after_s)  # certain that it was not taken: the same one again
                continue
            except OutcomeUnknown:
                self._say(f"no answer to the close of {position_text(position)}: looking it up before anything else")
                if await self._never_came(order, since=sent_at):
                    continue
            except FortifiedError as error:
                self._problem(f"close of {position_text(position)} was refused: {error.detail}")
                return
            break
        self._outcome.closed.append(position_text(position))
        self._say(f"close {position_text(position)}")

    async def _never_came(self, order: Order, *, since: int) -> bool:
        """Whether the venue says for certain that it does not have the order; only then it may be sent again."""
        deadline = time.monotonic() + self._within_s
        while time.monotonic() < deadline:
            answer = await self._venue.find(order, since=since)
            if isinstance(answer, Known):
                return answer.value is None
            await asyncio.sleep(ASK_EVERY_S)
        return False

    async def _confirm(self) -> None:
        """Wait until the venue says that nothing is left; what is left, or cannot be known, is told."""
        deadline = time.monotonic() + self._within_s
        while True:
            try:
                orders = [each for each in await self._orders() if not each.state.is_final]
                positions = await self._positions()
            except Unanswered as error:
                self._problem(f"whether it is flat is UNKNOWN: {error.detail}")
                return
            if not orders and not positions:
                self._outcome.is_flat = True
                return
            if time.monotonic() > deadline:
                self._outcome.remaining = [*map(order_text, orders), *map(position_text, positions)]
                return
            await asyncio.sleep(ASK_EVERY_S)

    # ---- questions ---------------------------------------------------------------------------------------

    async def _orders(self) -> tuple[VenueOrder, ...]:
        since = self._began - 7 * NS_PER_DAY
        return await self._known(lambda: self._venue.orders(since=since))

    async def _positions(self) -> list[VenuePosition]:
        return [each for each in await self._known(self._venue.positions) if each.quantity != Decimal(0)]

    async def _known(self, ask: Callable[[], Awaitable[Answer[T]]]) -> T:
        """Ask until the answer is known, or the time is over."""
        deadline = time.monotonic() + self._within_s
        while True:
            answer = await ask()
            if isinstance(answer, Known):
                return answer.value
            if time.monotonic() > deadline:
                raise Unanswered(answer.reason)
            await asyncio.sleep(ASK_EVERY_S)

    def _problem(self, text: str) -> None:
        self._outcome.problems.append(text)
        self._say(text)


def order_text(order: VenueOrder) -> str:
    """ "BUY 10 SPY limit, order 4711"."""
    what = f"{order.side.value.upper()} {order.quantity.normalize():f} {order.symbol} {order.type.value}"
    return f"{what}, order {order.venue_id}"


def position_text(position: VenuePosition) -> str:
    """ "long 10 SPY"."""
    side = "long" if position.quantity > 0 else "short"
    return f"{side} {abs(position.quantity).normalize():f} {position.symbol}"
