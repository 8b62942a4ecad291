"""The trading floor of one simulated venue: moves orders through time and keeps what became of them."""

import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from engine.instruments.instrument import AssetClass
from engine.model.enums import TimeInForce
from simulators.brokerage.account import Account, Holding, fee_of
from simulators.brokerage.faults import PLACE, OrderFaults
from simulators.brokerage.listed import Exchange, Listed, Touch
from simulators.brokerage.matching import crossing
from simulators.brokerage.orders import Execution, SimOrder, State
from simulators.brokerage.trading_hours import TradingHours
from simulators.brokerage.updates import Kind, Telling, Update

_OPEN = frozenset({State.RECEIVED, State.WORKING})
_STEP = Decimal("0.000001")


class _LateFill(NamedTuple):
    due: float
    order: SimOrder
    quantity: Decimal
    price: Decimal


class Floor:
    """Orders by id, and those still active. `market_now` drives prices, `venue_now` stamps what happens."""

    def __init__(
        self,
        exchange: Exchange,
        accounts: Mapping[str, Account],
        faults: OrderFaults,
        *,
        clock: Callable[[], float],
        market_now: Callable[[], int],
        venue_now: Callable[[], int],
        always_open: bool,
        first_order_id: int,
    ) -> None:
        self.orders: dict[int, SimOrder] = {}
        self.telling = Telling(faults, clock=clock)
        self._exchange = exchange
        self._accounts = accounts
        self._faults = faults
        self._clock = clock
        self._market_now = market_now
        self._venue_now = venue_now
        self._hours = TradingHours(faults, always_open=always_open)
        self._active: dict[int, SimOrder] = {}
        self._order_ids = itertools.count(first_order_id)
        self._execution_ids = itertools.count(1)
        self._groups = itertools.count(1)
        self._late: list[_LateFill] = []
        self._cursor = market_now()

    def new_group(self) -> int:
        return next(self._groups)

    def enter(self, order: SimOrder) -> None:
        """Take a checked order; it gets its id."""
        order.id = next(self._order_ids)
        late = self._faults.hit("reject_late", action=PLACE, symbol=order.symbol)
        if late is not None:
            order.code, order.reason = late.code or "rejected", f"The exchange refused the order ({late.code})."
        self.orders[order.id] = self._active[order.id] = order
        self.tell(order)

    def tell(self, order: SimOrder) -> None:
        """Something about the order changed, now."""
        order.updated_ts = self._venue_now()
        account = self._accounts[order.account]
        self.telling.tell(Update(kind=Kind.ORDER, account=account, ts=order.updated_ts, order=order.copy()))

    # ---- time ----------------------------------------------------------------------------------------------

    def advance(self) -> None:
        start, end = self._cursor, self._market_now()
        self._cursor = max(start, end)
        self._book_late()
        for symbol in {order.symbol for order in self._active.values()}:
            self._match(self._exchange.find(symbol, end), start, end)
        for order in tuple(self._active.values()):
            if order.id in self._active:
                self._end_or_begin(order, end)
        self._settle_expired(end)
        self.telling.release()

    def _match(self, listed: Listed, start: int, end: int) -> None:
        """Orders that rest meet every print since the last look, new ones the quote as it is now."""
        orders = [order for order in self._active.values() if order.symbol == listed.symbol]
        for order in orders:
            if order.state is State.RECEIVED and not order.code and self._hours.is_open(listed, order.ticket, end):
                order.state = State.WORKING
                self.tell(order)
        working = [order for order in orders if self._may_trade(order, listed, end)]
        resting = [order for order in working if not order.is_new]
        for touch in listed.touches(start, end) if resting else ():
            for order in resting:
                self._try(order, listed, touch)
        present = listed.touch(end) if len(resting) < len(working) else None
        for order in working:
            if present is not None and order.is_new:
                self._try(order, listed, present)

    def _may_trade(self, order: SimOrder, listed: Listed, now: int) -> bool:
        if order.state is not State.WORKING or self._faults.active("no_fills", symbol=order.symbol):
            return False
        return self._hours.is_open(listed, order.ticket, now) and not self._is_late(order)

    def _try(self, order: SimOrder, listed: Listed, touch: Touch) -> None:
        if order.state is not State.WORKING or self._is_late(order):
            return
        was_triggered = order.is_triggered
        price = crossing(order, touch)
        order.is_new = False
        if price is not None:
            self._trade(order, listed, price)
        elif order.ticket.tif is TimeInForce.IOC:
            self._end(order, State.CANCELLED, "there was nothing to trade with at once", code="ioc")
        elif order.is_triggered and not was_triggered:
            self.tell(order)

    def _trade(self, order: SimOrder, listed: Listed, price: Decimal) -> None:
        quantity = order.remaining
        if quantity > 1 and self._faults.hit("partial_fills", symbol=order.symbol):
            quantity = _part(quantity, self._faults.random("partial_fills"))
        late = self._faults.hit("late_fill", symbol=order.symbol)
        if late is not None:
            self._late.append(_LateFill(self._clock() + late.delay_s, order, quantity, price))
        else:
            self._execute(order, listed, quantity, price)

    def _execute(self, order: SimOrder, listed: Listed, quantity: Decimal, price: Decimal) -> None:
        now, account = self._venue_now(), self._accounts[order.account]
        execution = Execution(
            id=next(self._execution_ids), order_id=order.id, symbol=order.symbol, side=order.ticket.side,
            quantity=quantity, price=price, fee=fee_of(listed.instrument, quantity), ts=now,
        )  # fmt: skip
        holding = account.book(listed.instrument, execution)
        order.fills = (*order.fills, execution)
        order.updated_ts = now
        if order.remaining <= 0:
            order.state, order.ended_ts, order.reason, order.code = State.FILLED, now, "", ""
            self._active.pop(order.id, None)
        filled = Update(kind=Kind.FILL, account=account, ts=now, order=order.copy(), execution=execution)
        self.telling.tell(filled)
        self._tell_holding(account, holding)
        self._after_fill(order)

    def _tell_holding(self, account: Account, holding: Holding) -> None:
        now, copy = self._venue_now(), msgspec.structs.replace(holding)
        self.telling.tell(Update(kind=Kind.POSITION, account=account, ts=now, holding=copy))
        self.telling.tell(Update(kind=Kind.BALANCE, account=account, ts=now))

    def _after_fill(self, order: SimOrder) -> None:
        """The legs of the order's group, the children that wait for it, the order that should replace it."""
        for other in tuple(self._active.values()):
            if other.replaces == order.id and other.state is State.CONTINGENT:
                order.replaced_by = 0
                self._end(other, State.REJECTED, "the original order traded first", code="original_filled")
            elif other.parent == order.id and other.state is State.CONTINGENT:
                if order.state is State.FILLED:
                    other.state = State.RECEIVED
                    self.tell(other)
            elif order.is_oco and other.is_oco and other.group == order.group and other is not order:
                self._shrink(other, Decimal(0) if order.ends_by_part else order.remaining)

    def _shrink(self, leg: SimOrder, remaining: Decimal) -> None:
        """The other leg of a filled one guards what is left: nothing, mostly."""
        if remaining <= 0:
            self._end(leg, State.CANCELLED, "the other leg was filled", code="oco")
        elif leg.remaining > remaining:
            leg.quantity = leg.filled + remaining
            self.tell(leg)

    def _end_or_begin(self, order: SimOrder, now: int) -> None:
        """Cancels, rejections that come late, replacements, and the end of the day."""
        if order.code and order.state in _OPEN:
            self._end(order, State.REJECTED, order.reason, code=order.code)
        elif order.is_cancelling:
            self._end(order, State.CANCELLED, "cancelled on request")
        elif order.replaces and order.state is State.CONTINGENT:
            self._take_over(order)
        elif self._hours.has_ended(self._exchange.find(order.symbol, now), order, now):
            self._end(order, State.EXPIRED, "the trading day is over")

    def _take_over(self, new: SimOrder) -> None:
        old = self.orders[new.replaces]
        if self._is_late(old):
            return
        if old.state.is_final:
            self._end(new, State.REJECTED, f"the original order is {old.state}", code="original_ended")
            return
        self._end(old, State.REPLACED, f"replaced by {new.id}")
        new.state = State.RECEIVED
        self.tell(new)

    def _end(self, order: SimOrder, state: State, reason: str, *, code: str = "") -> None:
        order.state, order.reason, order.code = state, reason, code
        order.ended_ts = self._venue_now()
        self._active.pop(order.id, None)
        self.tell(order)
        if state is State.REPLACED:
            return
        for child in [each for each in self._active.values() if each.parent == order.id]:
            self._end(child, State.CANCELLED, f"the order it waited for is {state}")
        if order.is_oco and order.is_cancelling:  # an OCO is cancelled as a whole
            for leg in [each for each in self._active.values() if each.is_oco and each.group == order.group]:
                self._end(leg, State.CANCELLED, "cancelled with its other leg")

    def _is_late(self, order: SimOrder) -> bool:
        return bool(self._late) and any(item.order is order for item in self._late)

    def _book_late(self) -> None:
        """Fills that were made while the venue was slow: they count even where the order is gone by now."""
        now = self._clock()
        for item in [item for item in self._late if item.due <= now]:
            self._late.remove(item)
            listed = self._exchange.find(item.order.symbol, self._market_now())
            self._execute(item.order, listed, min(item.quantity, item.order.remaining), item.price)

    def _settle_expired(self, now: int) -> None:
        for account in self._accounts.values():
            for symbol, held in account.holdings.items():
                if not held.quantity or held.instrument.asset_class is not AssetClass.OPTION:
                    continue
                listed = self._exchange.find(symbol, now)
                if self._hours.has_expired(listed, now):
                    account.settle(symbol, listed.settlement(now), self._venue_now())
                    self._tell_holding(account, held)


def _part(quantity: Decimal, chance: float) -> Decimal:
    """A piece of `quantity`, less than all of it: whole units where it is whole."""
    if quantity == quantity.to_integral_value():
        return min(Decimal(1 + int(chance * float(quantity - 1))), quantity - 1)
    return (quantity / 2).quantize(_STEP)
