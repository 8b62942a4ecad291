"""Where the orders of a book on paper are in the contract suite: the market they meet, and what its venue reported."""

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import session_of
from engine.model.event import Event
from engine.model.market import Tick, TimeAdvanced
from engine.model.orders import ApprovedOrder, Order, OrderAccepted, OrderCancelled, OrderFilled
from engine.model.time import NS_PER_S, to_datetime
from simulators.brokerage.faults import OrderFaults
from simulators.brokerage.listed import Exchange
from simulators.brokerage.orders import Execution, SimOrder, State, Ticket
from simulators.market import Market, MarketConfig

SYMBOLS = ("SPY", "/MES")
INSTRUMENTS = {symbol: instrument_for(symbol) for symbol in SYMBOLS}
DEEP, THIN = 1e9, 10.0  # what a print trades at the most
AFTER_THE_DAY_NS = 61 * NS_PER_S  # when the engine withdraws what lasted for it


class Reports:
    """What the simulated venue itself reported, kept apart from the rows that the ledger made of it."""

    def __init__(self) -> None:
        self.held: dict[str, Decimal] = {}
        self._approved: dict[str, Order] = {}
        self._orders: dict[str, SimOrder] = {}

    def note(self, outputs: Sequence[Event]) -> None:
        for out in outputs:
            match out:
                case ApprovedOrder(order=order):
                    self._approved[order.client_id] = order
                case OrderAccepted():
                    self._orders[out.client_id] = _taken(len(self._orders) + 1, self._approved[out.client_id])
                case OrderFilled():
                    self._filled(out)
                case OrderCancelled():
                    self._orders[out.client_id].state = State.CANCELLED

    def _filled(self, fill: OrderFilled) -> None:
        order = self._orders[fill.client_id]
        execution = Execution(
            id=len(order.fills), order_id=order.id, symbol=fill.symbol, side=fill.side, quantity=fill.quantity,
            price=fill.price, fee=fill.fee, ts=fill.ts,
        )  # fmt: skip
        order.fills = (*order.fills, execution)
        order.state = order.state if order.remaining else State.FILLED
        self.held[fill.symbol] = self.held.get(fill.symbol, Decimal(0)) + fill.quantity * fill.side.sign

    def orders(self, _: str) -> list[SimOrder]:
        return [order.copy() for order in self._orders.values()]

    def account(self, _: str) -> Any:
        return SimpleNamespace(quantity=lambda symbol: self.held.get(symbol, Decimal(0)))


def _taken(number: int, order: Order) -> SimOrder:
    ticket = Ticket(
        symbol=order.symbol, side=order.side, quantity=order.quantity, type=order.type, tif=order.tif,
        limit_price=order.limit_price, stop_price=order.stop_price, trail=order.trail, tag=order.client_id,
    )  # fmt: skip
    return SimOrder(
        id=number,
        account=order.broker,
        ticket=ticket,
        symbol=order.symbol,
        quantity=order.quantity,
        state=State.WORKING,
    )


class Floor(Reports):
    """The market that the orders meet, with its own clock; it outlives the processes that trade in it.

    Of the faults it knows those that a market or our own ledger can have: `partial_fills` (a print is too small for the
    order), `no_fills` (nothing is printed), `half_day` (the session is over), `duplicate_fill` and `duplicate_events`.
    """

    def __init__(self, market: MarketConfig) -> None:
        super().__init__()
        self.faults = OrderFaults(seed=1, clock=time.monotonic)
        self._exchange = Exchange(Market(market, today=to_datetime(time.time_ns()).date()))
        self._ahead_ns = 0
        self._read_until = self.now() - NS_PER_S

    def now(self) -> int:
        return time.time_ns() + self._ahead_ns

    def price_of(self, symbol: str) -> Decimal | None:
        touch = self._exchange.find(symbol, self.now()).touch(self.now())
        return touch.price if touch else None

    def news(self, waiting: Sequence[Order]) -> Iterator[Event]:
        """Everything since the last time, oldest first."""
        if self.faults.hit("half_day"):
            self.faults.clear()
            end = session_of(INSTRUMENTS["SPY"].calendar)(self.now()).close + AFTER_THE_DAY_NS
            self._ahead_ns += end - self.now()
            self._read_until = self.now()
            yield TimeAdvanced(self.now())
        start, self._read_until = self._read_until, self.now()
        prints = [
            (touch, symbol)
            for symbol in SYMBOLS
            for touch in self._exchange.find(symbol, start).touches(start, self._read_until)
        ]
        for touch, symbol in sorted(prints):
            if self.faults.active("no_fills"):
                continue
            is_thin = any(order.symbol == symbol for order in waiting) and self.faults.hit("partial_fills")
            size = THIN if is_thin else DEEP
            yield Tick(touch.ts, symbol, float(touch.price), size, float(touch.bid), float(touch.ask))
