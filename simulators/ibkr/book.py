"""The gateway's own book of orders: who placed them under which number, and how they stand."""

import itertools
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from engine.model.enums import OrderType, TimeInForce
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import Execution, SimOrder, State
from simulators.ibkr.placing import ACTIONS, ORDER_TYPES, Placement

_FIRST_PERM_ID = 1_000_000_000
_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


class Entry(msgspec.Struct, kw_only=True):
    """One order as programs know it, through all changes of its terms. `order_id` and `client_id` are 0 for one that a
    person placed. `chain` are the brokerage's orders, one for each change."""

    perm_id: int
    account: str
    client_id: int = 0
    order_id: int = 0
    parent_id: int = 0
    oca_group: str = ""
    oca_type: str = "0"
    chain: list[int] = msgspec.field(default_factory=list)


class Standing(msgspec.Struct, frozen=True):
    """Where an order is now."""

    entry: Entry
    order: SimOrder  # the one of the chain that counts
    quantity: Decimal
    fills: tuple[Execution, ...]

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        return Decimal(0) if self.order.state is State.FILLED else self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        filled = self.filled
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0)) / filled if filled else Decimal(0)

    @property
    def is_over(self) -> bool:
        return self.order.state.is_final

    @property
    def status(self) -> str:
        order = self.order
        if order.state.is_final:
            return _ENDED[order.state]
        if order.is_cancelling:
            return "PendingCancel"
        is_waiting = order.ticket.type in _STOPS and not order.is_triggered
        return "PreSubmitted" if order.state is not State.WORKING or is_waiting else "Submitted"

    @property
    def action(self) -> str:
        return next(name for name, side in ACTIONS.items() if side is self.order.ticket.side)

    @property
    def order_type(self) -> str:
        return next(name for name, kind in ORDER_TYPES.items() if kind is self.order.ticket.type)

    @property
    def tif(self) -> str:
        tif = self.order.ticket.tif
        return "DAY" if tif is TimeInForce.EXTENDED else tif.value.upper()


_ENDED = {
    State.FILLED: "Filled",
    State.CANCELLED: "Cancelled",
    State.REPLACED: "Cancelled",
    State.EXPIRED: "Cancelled",
    State.REJECTED: "Inactive",
}


class Book:
    """Every order of the brokerage, by its permanent number and by (client, order number)."""

    def __init__(self, brokerage: Brokerage) -> None:
        self._brokerage = brokerage
        self._entries: dict[int, Entry] = {}
        self._of_orders: dict[int, Entry] = {}  # by the brokerage's number
        self._numbers: dict[tuple[int, int], int] = {}  # (client, order) → permanent number
        self._last_ids: dict[int, int] = {}
        self._perm_ids = itertools.count(_FIRST_PERM_ID)

    def next_order_id(self, client_id: int) -> int:
        return self._last_ids.get(client_id, 0) + 1

    def enter(self, client_id: int, asked: Placement, account: str) -> Entry:
        """Give an order its permanent number; `forget` it where the venue does not take it."""
        entry = self._new(account)
        entry.client_id, entry.order_id, entry.parent_id = client_id, asked.order_id, asked.parent_id
        entry.oca_group, entry.oca_type = asked.oca_group, asked.oca_type or "0"
        self._numbers[client_id, asked.order_id] = entry.perm_id
        self.used(client_id, asked.order_id)
        return entry

    def used(self, client_id: int, order_id: int) -> None:
        """This number was sent, whatever became of it."""
        self._last_ids[client_id] = max(order_id, self._last_ids.get(client_id, 0))

    def forget(self, entry: Entry) -> None:
        del self._entries[entry.perm_id]
        del self._numbers[entry.client_id, entry.order_id]

    def find(self, client_id: int, order_id: int) -> Entry | None:
        return self._entries.get(self._numbers.get((client_id, order_id), 0))

    def entry_of(self, order: SimOrder) -> Entry:
        """Whose order of the brokerage this is; one that nobody placed here is a person's."""
        entry = self._of_orders.get(order.id)
        if entry is None:
            entry = self._of_orders[order.id] = self._named(order) or self._new(order.account)
            entry.chain.append(order.id)
        return entry

    def standings(self, account: str) -> list[Standing]:
        """Every order of an account, oldest first."""
        orders = self._brokerage.orders(account)
        entries = {entry.perm_id: entry for entry in map(self.entry_of, orders)}
        return [self.standing(entry, orders) for entry in entries.values()]

    def standing(self, entry: Entry, orders: Iterable[SimOrder] | None = None) -> Standing:
        known = {order.id: order for order in orders or ()}
        chain = [known.get(number) or self._brokerage.order(entry.account, number) for number in entry.chain]
        current = next((order for order in reversed(chain) if not _is_only_asked_for(order)), chain[0])
        before = [order for order in chain if order.id < current.id]
        done = sum((order.filled for order in before), Decimal(0))
        fills = tuple(fill for order in (*before, current) for fill in order.fills)
        return Standing(entry, current, current.quantity + done, fills)

    def _new(self, account: str) -> Entry:
        entry = Entry(perm_id=next(self._perm_ids), account=account)
        self._entries[entry.perm_id] = entry
        return entry

    def _named(self, order: SimOrder) -> Entry | None:
        perm_id = order.ticket.payload.get("perm_id")
        return self._entries.get(perm_id) if isinstance(perm_id, int) else None


def _is_only_asked_for(order: SimOrder) -> bool:
    """A change that did not begin to work, or never will."""
    return bool(order.replaces) and order.state in (State.CONTINGENT, State.REJECTED)
