"""The states of the run's orders, moved by what venues report; every report counts once."""

from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from engine.errors import InvariantBroken
from engine.model.enums import OrderState
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

KEEP_CLOSED = 200  # finished orders remembered, so that a fill which raced with a cancel still finds its order

# What a report makes of an order: its state, and how far that is; only a later stage replaces an earlier one.
_AFTER: dict[type[Event], tuple[OrderState, int]] = {
    OrderSubmitted: (OrderState.SUBMITTED, 1),
    OrderAccepted: (OrderState.ACCEPTED, 2),
    OrderBecameUnknown: (OrderState.UNKNOWN, 3),
    OrderRejected: (OrderState.REJECTED, 9),
    OrderCancelled: (OrderState.CANCELLED, 9),
    OrderExpired: (OrderState.EXPIRED, 9),
}
_PARTLY, _DONE = 4, 9


class Change(msgspec.Struct, frozen=True):
    """What an order that waits for its price should be instead: `quantity` in all, and its prices."""

    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail: Decimal | None
    command: str
    by: str


class OrderRecord(msgspec.Struct):
    """One order, where it is in its life, and what of it was filled."""

    order: Order
    state: OrderState = OrderState.APPROVED
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)  # sum of quantity · price of its fills
    fill_ids: list[str] = msgspec.field(default_factory=list)
    venue_id: str = ""
    stage: int = 0
    is_open: bool = True
    is_protective: bool = False  # an exit that waits at the venue
    is_cancelling: bool = False  # a cancel was asked for and is not answered yet
    sent_ts: int = 0  # when it left for the venue; 0 before
    change: Change | None = None  # follows when its cancel is confirmed
    moving_to: Decimal | None = None  # the stop price that the venue was asked for and has not answered to yet

    @property
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def signed_remaining(self) -> Decimal:
        return self.remaining * self.order.side.sign


class OrderBook:
    """Open orders by client id, and the last finished ones."""

    def __init__(self) -> None:
        self._open: dict[str, OrderRecord] = {}
        self._closed: OrderedDict[str, OrderRecord] = OrderedDict()
        self.was_late = False  # the last execution came for an order that was over

    def add(self, order: Order, *, is_protective: bool = False) -> OrderRecord:
        """An approved order begins its life."""
        if order.client_id in self._open or order.client_id in self._closed:
            raise InvariantBroken(f"the order id {order.client_id!r} was given out twice")
        record = self._open[order.client_id] = OrderRecord(order, is_protective=is_protective)
        return record

    def take_over(self, record: OrderRecord) -> None:
        """An order of an earlier run goes on with its life here."""
        if self.get(record.order.client_id) is None:
            self._open[record.order.client_id] = record

    def get(self, client_id: str) -> OrderRecord | None:
        """The open or recently finished order of that id."""
        return self._open.get(client_id) or self._closed.get(client_id)

    def __iter__(self) -> Iterator[OrderRecord]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def apply(self, update: Event) -> OrderRecord | None:
        """Move the order the update names; None when it changes nothing (repeated, late, or not ours)."""
        client_id: str = update.client_id  # type: ignore[attr-defined]
        record = self._open.get(client_id)
        if type(update) is OrderFilled:
            return self._fill(record or self._closed.get(client_id), update)
        if type(update) is OrderAccepted:
            _name(record or self._closed.get(client_id), update.venue_id)
        if record is None:
            return None
        if isinstance(update, StopMoved | StopMoveRefused):
            return _move(record, update)
        state, stage = _AFTER[type(update)]
        if stage <= record.stage and record.state is not OrderState.UNKNOWN:
            return None  # repeated, or overtaken by what is known already
        if state is record.state:
            return None
        record.state, record.stage = state, stage
        if stage == _DONE:
            self._finish(record)
        elif type(update) is OrderSubmitted:
            record.sent_ts = update.ts
        return record

    def state(self) -> tuple[list[OrderRecord], list[OrderRecord]]:
        """For a snapshot: open, finished."""
        return list(self._open.values()), list(self._closed.values())

    def load(self, opened: list[OrderRecord], closed: list[OrderRecord]) -> None:
        """From a snapshot."""
        self._open = {record.order.client_id: record for record in opened}
        self._closed = OrderedDict((record.order.client_id, record) for record in closed)

    def _fill(self, record: OrderRecord | None, fill: OrderFilled) -> OrderRecord | None:
        # A fill may come after the cancel it raced with: it happened, so it counts.
        if record is None or fill.fill_id in record.fill_ids:
            return None
        self.was_late = not record.is_open
        record.fill_ids.append(fill.fill_id)
        record.filled += fill.quantity
        record.value += fill.quantity * fill.price
        if record.filled >= record.order.quantity:
            record.state, record.stage = OrderState.FILLED, _DONE
            self._finish(record)
        elif record.is_open:
            record.state, record.stage = OrderState.PARTIALLY_FILLED, _PARTLY
        return record

    def _finish(self, record: OrderRecord) -> None:
        record.is_open = False
        if self._open.pop(record.order.client_id, None) is not None:
            self._closed[record.order.client_id] = record
            if len(self._closed) > KEEP_CLOSED:
                self._closed.popitem(last=False)


def _move(record: OrderRecord, update: StopMoved | StopMoveRefused) -> OrderRecord | None:
    """Where the stop is now; None where that is known already."""
    if isinstance(update, StopMoveRefused):
        was_moving, record.moving_to = record.moving_to is not None, None
        return record if was_moving else None
    if record.moving_to == update.stop_price:
        record.moving_to = None
    is_news = (record.order.stop_price, record.venue_id) != (update.stop_price, update.venue_id)
    record.order, record.venue_id = replace(record.order, stop_price=update.stop_price), update.venue_id
    return record if is_news else None


def _name(record: OrderRecord | None, venue_id: str) -> None:
    """The venue's name of the order; it may come after its first execution, and then it changes nothing else."""
    if record is not None and not record.venue_id:
        record.venue_id = venue_id
