"""The desk of a book whose orders go to brokers: the engine decides at once, the gateways act on what is committed."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.core import Engine
from engine.core.inheritance import inherit
from engine.model.accounts import AccountChecked, AccountState
from engine.model.commands import CommandHandled
from engine.model.event import Event
from engine.model.orders import (
    Order,
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
)
from engine.orders.lifecycle import OrderRecord
from trading.runtime.gateway import Gateway
from trading.runtime.inbox import Delivery

logger = logging.getLogger(__name__)

NOTHING: tuple[Event, ...] = ()
REPORTS = (
    OrderSubmitted,
    OrderAccepted,
    OrderRejected,
    OrderFilled,
    OrderCancelled,
    OrderExpired,
    OrderBecameUnknown,
    StopMoved,
    StopMoveRefused,
)


class BrokerDesk:
    """Reports of the venues arrive as events like prices do, and are kept with what follows from them.

    It begins with every account unknown, so nothing is entered before `AccountChecked` says otherwise.
    """

    def __init__(self, engine: Engine, *, accounts: Iterable[str], now: int) -> None:
        self.engine = engine
        self.opening: Sequence[Event] = ()
        self.accounts = tuple(accounts)
        self.began_ts = now
        self._gateways: Mapping[str, Gateway] = {}

    def begin(
        self, history: Iterable[tuple[Order, OrderFilled]] = (), orders: Iterable[OrderRecord] = ()
    ) -> Sequence[Event]:
        """Take over the fills and open orders of earlier runs (nothing, after `restore`), with every account unknown;
        `opening` is what came of it."""
        opening: list[Event] = []
        for name in self.accounts:
            reason = "not compared with our books since the start"
            unknown = AccountChecked(
                self.began_ts, name, f"{name}-{self.began_ts}-start", AccountState.UNKNOWN, reason, "start"
            )  # fmt: skip
            opening += self.handle(unknown)
        opening += inherit(self.engine, history, orders) if history or orders else []
        self.opening = opening
        return opening

    def connect(self, gateways: Mapping[str, Gateway]) -> None:
        """From now on what is committed is carried out by these, by account."""
        self._gateways = gateways

    def handle(self, event: Event) -> Sequence[Event]:
        """All that follows from `event`, in order; a report that changes nothing leaves no trace."""
        if isinstance(event, REPORTS):
            return self._report(event)
        if isinstance(event, AccountChecked):
            return self._check(event)
        return self.engine.process(event)

    def _check(self, event: AccountChecked) -> Sequence[Event]:
        known = self.engine.checks.get(event.broker)
        if known is not None and known.check_id == event.check_id:
            return NOTHING
        return [event, *self.engine.process(event)]

    def _report(self, report: Event) -> Sequence[Event]:
        record = self.engine.desk.orders.get(report.client_id)  # type: ignore[attr-defined]
        if record is None:
            return NOTHING
        before = _standing(record)
        follows = self.engine.process(report)
        if not follows and before == _standing(record):
            return NOTHING
        return [report, *follows]

    def save(self) -> bytes:
        return self.engine.snapshot()

    def restore(self, data: bytes) -> None:
        """`SnapshotIncompatible` where another version or configuration wrote `data`; use a new desk then."""
        self.engine.restore(data)

    async def committed(self, outputs: Sequence[Event]) -> None:
        """What was decided may happen now: the record of it cannot be lost any more."""
        is_settled = any(isinstance(out, AccountChecked | CommandHandled) for out in outputs)
        for name, gateway in self._gateways.items():
            if is_settled:
                gateway.set_hold(self.engine.gate.holds.get(name))
            gateway.committed(outputs)


def _standing(record: OrderRecord) -> tuple[object, ...]:
    """What a report may change about an order."""
    return record.state, record.filled, record.venue_id, record.order, record.moving_to


class Outbox:
    """What gateways and checks tell the book, as a source of its inbox. It takes everything and drops nothing: what a
    venue told is too precious to wait for room. `alarm(what, text)` tells people."""

    def __init__(self, alarm: Callable[[str, str], None]) -> None:
        self._facts: asyncio.Queue[tuple[Event, ...] | BaseException] = asyncio.Queue()
        self._alarm = alarm

    def emit(self, facts: Sequence[Event]) -> None:
        if facts:
            self._facts.put_nowait(tuple(facts))

    def alert(self, what: str, text: str) -> None:
        logger.warning("%s: %s", what, text)
        self._alarm(what, text)

    def fail(self, error: BaseException) -> None:
        """Something broke that must not be survived: the loop that reads here ends with it."""
        self._facts.put_nowait(error)

    async def read(self) -> Delivery:
        """The next facts."""
        facts = await self._facts.get()
        if isinstance(facts, BaseException):
            raise facts
        return Delivery(events=facts, cursors={})
