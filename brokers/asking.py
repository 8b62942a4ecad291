"""What adapters do alike with a venue's answers: what counts as known, and what was told already."""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable
from typing import TypeVar

from brokers.venue import (
    Answer,
    Balances,
    Known,
    NotUnderstood,
    OrderRefused,
    OutcomeUnknown,
    Unknown,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from engine.model.orders import Order
from engine.model.time import NS_PER_S

T = TypeVar("T")
NO_ANSWER = (OrderRefused, OutcomeUnknown, NotUnderstood)
_REMEMBERED = 10_000  # executions that were told


async def answered(question: Awaitable[T], *, ts: int = 0) -> Answer[T]:
    """What the question finds, as of `ts` (now, where it is not given); unknown where it fails."""
    asked = ts or time.time_ns()
    try:
        return Known(await question, asked)
    except NO_ANSWER as error:
        return Unknown(error.detail)


def check_settled(since: int, *, settle_s: float) -> None:
    """`OutcomeUnknown` while an order that was sent at `since` (UTC ns) may still be on its way into the venue's lists:
    that it is not there means nothing yet."""
    if time.time_ns() - since < settle_s * NS_PER_S:
        raise OutcomeUnknown("it was sent a moment ago, and may still be on its way into the venue's lists")


class Questions(ABC):
    """The questions of `Venue`, for adapters that find out or raise: what raises is unknown."""

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        return await answered(self._found(order, since))

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        return await answered(self._changed(since))

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        return await answered(self._executed(since))

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        return await answered(self._held())

    async def balances(self) -> Answer[Balances]:
        return await answered(self._money())

    @abstractmethod
    async def _found(self, order: Order, since: int) -> VenueOrder | None: ...

    @abstractmethod
    async def _changed(self, since: int) -> tuple[VenueOrder, ...]: ...

    @abstractmethod
    async def _executed(self, since: int) -> tuple[VenueFill, ...]: ...

    @abstractmethod
    async def _held(self) -> tuple[VenuePosition, ...]: ...

    @abstractmethod
    async def _money(self) -> Balances: ...


class ToldFills:
    """The executions that a stream told, so that each is passed on once."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._order: deque[str] = deque()

    def is_new(self, fill: VenueFill) -> bool:
        """Whether it was not told before; from now on it was."""
        if fill.fill_id in self._told:
            return False
        self._told.add(fill.fill_id)
        self._order.append(fill.fill_id)
        if len(self._order) > _REMEMBERED:
            self._told.discard(self._order.popleft())
        return True
