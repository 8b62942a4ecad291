"""A venue in memory that answers by a script: what a broker may do to us, one thing at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec

from brokers.features import Features
from brokers.venue import (
    AccountUpdate,
    Answer,
    Balances,
    FillReported,
    Known,
    OrderRefused,
    OrderReported,
    OutcomeUnknown,
    Unknown,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueRequest,
)
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.enums import OrderState, OrderType, Side
from engine.model.orders import Order

FEATURES = Features(
    title="Fake",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION}),
    client_order_ids=True,
    reasons={AssetClass.INDEX: "An index cannot be bought."},
)
LOST = "lost"  # the request never arrives, and no answer comes
DROPPED = "dropped"  # the order is taken, and no answer comes
HALF = "half"  # of a pair the stop is taken, and the line breaks before the target
Script = str | Exception | Callable[[VenueOrder], VenueOrder]


class FakeVenue:
    """`script` says what happens to the next calls of `place`; empty: they are taken and work. `calls` is what came."""

    def __init__(self, features: Features = FEATURES) -> None:
        self.features = features
        self.script: deque[Script] = deque()
        self.cancel_script: deque[Exception | str] = deque()
        self.replace_script: deque[Exception | str] = deque()
        self.book: dict[str, VenueOrder] = {}  # by venue id
        self.executions: list[VenueFill] = []
        self.held: dict[str, Decimal] = {}
        self.money = Balances(cash=Decimal(100_000), net_liquidation=Decimal(100_000), buying_power=Decimal(100_000))
        self.calls: list[tuple[str, str]] = []
        self.unreachable = ""  # why no query is answered
        self.hides: set[str] = set()  # client ids that queries do not find yet
        self.is_slow: asyncio.Event | None = None  # answers of `place` wait for it
        self.tells = True  # whether the account stream tells what happens
        self._updates: asyncio.Queue[AccountUpdate] = asyncio.Queue()

    # ---- what tests do ------------------------------------------------------------------------------------------

    def fill(
        self, client_id: str, quantity: int | str, price: float | str, *, fill_id: str = "", times: int = 1
    ) -> None:
        """Execute a part of an order; told `times` times."""
        order = self.named(client_id)
        fill = self._execute(order, Decimal(str(quantity)), Decimal(str(price)), fill_id)
        for _ in range(times):
            self.tell(FillReported(fill))
        self.tell(OrderReported(self.named(client_id)))

    def fill_quietly(self, client_id: str, quantity: int, price: float) -> None:
        """Execute without a word: a query shows it."""
        self._execute(self.named(client_id), Decimal(quantity), Decimal(str(price)), "")

    def move(self, client_id: str, state: OrderState, reason: str = "", *, quietly: bool = False) -> None:
        order = self.named(client_id)
        self.book[order.venue_id] = msgspec.structs.replace(order, state=state, reason=reason)
        if not quietly:
            self.tell(OrderReported(self.book[order.venue_id]))

    def shrink(self, client_id: str, quantity: int) -> None:
        """The other leg of its pair was filled in part."""
        order = self.named(client_id)
        self.book[order.venue_id] = msgspec.structs.replace(order, quantity=Decimal(quantity))
        self.tell(OrderReported(self.book[order.venue_id]))

    def trade_by_hand(self, symbol: str, quantity: int, price: float, *, quietly: bool = False) -> None:
        """Somebody else trades in the account."""
        side = Side.BUY if quantity > 0 else Side.SELL
        name = f"v{len(self.book) + 1}"
        self.book[name] = VenueOrder(
            venue_id=name, symbol=symbol, side=side, quantity=Decimal(abs(quantity)), type=OrderType.MARKET,
            state=OrderState.ACCEPTED,
        )  # fmt: skip
        fill = self._execute(self.book[name], Decimal(abs(quantity)), Decimal(str(price)), "")
        if not quietly:
            self.tell(FillReported(fill))

    def named(self, client_id: str) -> VenueOrder:
        return next(order for order in self.book.values() if order.client_id == client_id)

    def take(self, order: Order, state: OrderState = OrderState.ACCEPTED) -> VenueOrder:
        """The order is there, as if it had been placed."""
        name = f"v{len(self.book) + 1}"
        self.book[name] = VenueOrder(
            venue_id=name, client_id=order.client_id if self.features.client_order_ids else "", symbol=order.symbol,
            side=order.side, quantity=order.quantity, type=order.type, state=state, limit_price=order.limit_price,
            stop_price=order.stop_price,
        )  # fmt: skip
        return self.book[name]

    def tell(self, update: AccountUpdate) -> None:
        if self.tells:
            self._updates.put_nowait(update)

    def sent(self, what: str = "place") -> list[str]:
        return [name for kind, name in self.calls if kind == what]

    # ---- the contract -------------------------------------------------------------------------------------------

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        return VenueRequest("POST", "/orders", {"id": order.client_id, "quantity": str(order.quantity)})

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        self.calls.append(("place", order.client_id))
        (taken,) = await self._take_scripted(order)
        return taken

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        return VenueRequest("POST", "/pairs", {"ids": [stop.client_id, target.client_id]})

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        self.calls.append(("pair", f"{stop.client_id} {target.client_id}"))
        first, second = await self._take_scripted(stop, target)
        return first, second

    async def _take_scripted(self, *orders: Order) -> list[VenueOrder]:
        what = self.script.popleft() if self.script else None
        if what == LOST:
            raise OutcomeUnknown("the connection broke")
        if isinstance(what, Exception):
            raise what
        names = [self.take(order).venue_id for order in (orders[:1] if what == HALF else orders)]
        for name in names:
            if len(names) > 1:
                self.book[name] = msgspec.structs.replace(self.book[name], group=f"g-{names[0]}")
            if callable(what):
                self.book[name] = what(self.book[name])
        if self.is_slow is not None:
            await self.is_slow.wait()
        if what in (DROPPED, HALF):
            raise OutcomeUnknown("the answer was lost")
        return [self.book[name] for name in names]

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        self.calls.append(("replace", f"{order.client_id} {order.stop_price}"))
        what = self.replace_script.popleft() if self.replace_script else None
        if what == LOST:
            raise OutcomeUnknown("the connection broke")
        if isinstance(what, Exception):
            raise what
        present = self.book[working.venue_id]
        if present.state.is_final:
            raise OrderRefused(f"the order is {present.state}")
        # As at Schwab, what takes its place is for the whole quantity, whatever the old one has filled.
        moved = self.book[working.venue_id] = msgspec.structs.replace(
            present, quantity=order.quantity, filled_quantity=Decimal(0), stop_price=order.stop_price
        )
        if what == DROPPED:
            raise OutcomeUnknown("the answer was lost")
        return moved

    async def cancel(self, working: VenueOrder) -> None:
        self.calls.append(("cancel", working.client_id or working.venue_id))
        what = self.cancel_script.popleft() if self.cancel_script else None
        if isinstance(what, Exception):
            raise what
        order = self.book[working.venue_id]
        if order.state.is_final:
            raise OrderRefused(f"the order is {order.state}")
        if what == LOST:
            return
        self._end(order)
        self._end_others(order)

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        self.calls.append(("find", order.client_id))
        if self.unreachable:
            return Unknown(self.unreachable)
        if order.client_id in self.hides:
            return Known(None, 0)
        same = (order.symbol, order.side, order.quantity)
        found = [o for o in self.book.values() if o.client_id == order.client_id]
        if not self.features.client_order_ids:
            found = [o for o in self.book.values() if (o.symbol, o.side, o.quantity) == same]
        return Known(found[0] if found else None, 0)

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        return self._answer(tuple(self.book.values()))

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]:
        return self._answer(tuple(self.executions))

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]:
        return self._answer(tuple(VenuePosition(symbol=s, quantity=q) for s, q in self.held.items() if q))

    async def balances(self) -> Answer[Balances]:
        return self._answer(self.money)

    async def updates(self) -> AsyncIterator[AccountUpdate]:
        while True:
            yield await self._updates.get()

    def _answer(self, value: Any) -> Answer[Any]:
        self.calls.append(("query", ""))
        return Unknown(self.unreachable) if self.unreachable else Known(value, 0)

    def _execute(self, order: VenueOrder, quantity: Decimal, price: Decimal, fill_id: str) -> VenueFill:
        fill = VenueFill(
            fill_id=fill_id or f"f{len(self.executions) + 1}", venue_id=order.venue_id, symbol=order.symbol,
            side=order.side, quantity=quantity, price=price, ts=0, client_id=order.client_id,
        )  # fmt: skip
        self.executions.append(fill)
        self.held[order.symbol] = self.held.get(order.symbol, Decimal(0)) + order.side.sign * quantity
        if self.money.cash is not None:
            spent = order.side.sign * quantity * price
            self.money = msgspec.structs.replace(self.money, cash=self.money.cash - spent)
        filled = order.filled_quantity + quantity
        state = OrderState.FILLED if filled >= order.quantity else OrderState.PARTIALLY_FILLED
        if order.state.is_final:
            state = order.state
        self.book[order.venue_id] = msgspec.structs.replace(order, filled_quantity=filled, state=state)
        if state is OrderState.FILLED:
            self._end_others(order)
        return fill

    def _end(self, order: VenueOrder) -> None:
        self.book[order.venue_id] = ended = msgspec.structs.replace(order, state=OrderState.CANCELLED)
        self.tell(OrderReported(ended))

    def _end_others(self, order: VenueOrder) -> None:
        """The other leg of its pair."""
        for other in list(self.book.values()):
            is_leg = bool(order.group) and other.group == order.group and other.venue_id != order.venue_id
            if is_leg and not other.state.is_final:
                self._end(other)
