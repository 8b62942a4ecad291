"""What everything that deals with one account shares: its venue, its ports, our view of its orders, and its errands."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from brokers.venue import Answer, LearnsNames, Unknown, Venue, VenueOrder
from engine.core import Engine
from engine.errors import FortifiedError
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderState
from engine.model.event import Event
from engine.model.orders import Order
from engine.orders.lifecycle import OrderRecord
from infra.cancelling import cancel
from trading.runtime.pacing import Pacing
from trading.runtime.policy import ExecutionPolicy

logger = logging.getLogger(__name__)

T = TypeVar("T")
UNANSWERED = (OrderState.APPROVED, OrderState.SUBMITTED, OrderState.UNKNOWN)
LOOK_AGAIN_S = 0.5  # a beat that nobody gave must not keep anybody waiting
CALLS = ("send", "cancel", "move", "bury")  # errands that may be at the venue right now


class Verdict(StrEnum):
    """What the locks say to an order that is about to leave."""

    GO = "go"
    REFUSE = "refuse"  # for certain: the order is over
    WAIT = "wait"  # the locks could not be read: ask again
    LOST = "lost"  # this process does not own the book any more: nothing leaves it


class Permission(NamedTuple):
    verdict: Verdict
    reason: str = ""
    rule: str = ""


class Locks(Protocol):
    """What must be open for an order to leave."""

    async def ask(self, order: Order) -> Permission:
        """Read them all: the lease, a halt, whether the account is armed."""
        ...

    def holds_lease(self) -> bool:
        """Whether the lease is still ours by our own clock; asked last, right before the network."""
        ...


class Outlet(Protocol):
    """Where facts and alarms go."""

    def emit(self, facts: Sequence[Event]) -> None:
        """Hand facts to the book's inbox, in order; never drops, never waits."""
        ...

    def alert(self, what: str, text: str) -> None:
        """Tell people."""
        ...


class Errands:
    """The tasks of one account: one of a kind for an order at a time, all ended together."""

    def __init__(self, account: str, outlet: Outlet) -> None:
        self.is_closed = False
        self._account = account
        self._outlet = outlet
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._pulse = asyncio.Event()

    def start(self, kind: str, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work`, unless one of its kind is under way for that name."""
        key = (kind, name)
        if key in self._tasks or self.is_closed:
            work.close()
            return
        task = self._tasks[key] = asyncio.create_task(work, name=f"{self._account}:{kind}:{name}")
        task.add_done_callback(lambda done: self._ended(key, done))

    def is_any(self, *kinds: str) -> bool:
        """Whether an errand of those kinds is under way."""
        return any(kind in kinds for kind, _ in self._tasks)

    def is_under_way(self, kind: str, name: str) -> bool:
        """Whether the errand of that kind for that name is under way."""
        return (kind, name) in self._tasks

    def beat(self) -> None:
        """Something changed: whoever waits looks again."""
        self._pulse.set()
        self._pulse = asyncio.Event()

    async def until(self, is_met: Callable[[], bool], *, timeout_s: float | None = None) -> None:
        """Wait for a condition that a beat announces; returns too when the time is over or everything ends."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not is_met() and not self.is_closed:
            left = LOOK_AGAIN_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._pulse.wait(), min(left, LOOK_AGAIN_S))
            except TimeoutError:
                continue

    async def close(self, *, patience_s: float) -> None:
        """Begin nothing more; calls to the venue may still end, the rest is cut off."""
        self.is_closed = True
        self.beat()
        calls = [task for (kind, _), task in self._tasks.items() if kind in CALLS]
        if calls:
            await asyncio.wait(calls, timeout=patience_s)
        for task in list(self._tasks.values()):
            await cancel(task)

    def _ended(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        self.beat()
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s: %s of %s broke", self._account, *key, exc_info=task.exception())
            self._outlet.alert("gateway_broken", f"{self._account}: {key[0]} of {key[1]}: {task.exception()}")


class Account:
    """One account of a book: its venue and what we know of its orders."""

    def __init__(
        self,
        *,
        name: str,
        venue: Venue,
        engine: Engine,
        outlet: Outlet,
        locks: Locks,
        policy: ExecutionPolicy,
        pacing: Pacing | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.venue = venue
        self.engine = engine
        self.outlet = outlet
        self.locks = locks
        self.policy = policy
        self.pacing = pacing or Pacing(venue.features.orders_per_minute)
        self.now_ns = now_ns
        self.errands = Errands(name, outlet)

    def record(self, client_id: str) -> OrderRecord | None:
        """Our order of that name at this account, open or lately finished."""
        found = self.engine.desk.orders.get(client_id)
        return found if found is not None and found.order.broker == self.name else None

    def open_records(self) -> list[OrderRecord]:
        return [record for record in self.engine.desk.orders if record.order.broker == self.name]

    def instrument(self, order: Order) -> Instrument:
        return self.engine.config.instruments[order.symbol]

    def may_call(self) -> bool:
        """Whether the venue may be called to change something, at this very moment."""
        return not self.errands.is_closed and self.locks.holds_lease()

    async def find(self, record: OrderRecord) -> Answer[VenueOrder | None]:
        """Our order as the venue has it."""
        if isinstance(self.venue, LearnsNames):
            for each in self.open_records():
                if each.venue_id:
                    self.venue.adopt(each.order.client_id, each.venue_id)
        return await self.answered(self.venue.find(record.order, since=record.sent_ts), record.order.client_id)

    async def answered(self, question: Coroutine[Any, Any, Answer[T]], what: str) -> Answer[T]:
        """The answer; whatever keeps it from coming is unknown, with the reason."""
        try:
            return await asyncio.wait_for(question, self.policy.answer_s)
        except TimeoutError:
            return Unknown(f"no answer within {self.policy.answer_s:g} s")
        except FortifiedError as error:
            return Unknown(error.detail)
        except Exception as error:  # whatever broke in between: nothing was learned
            logger.warning("%s: asking for %s broke", self.name, what, exc_info=True)
            return Unknown(f"{type(error).__name__}: {error}")
