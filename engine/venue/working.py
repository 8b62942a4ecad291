"""One order as the simulated venue holds it, and the book of one symbol's working orders."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from engine.bars.timeframe import parse_timeframe
from engine.instruments.grid import SLACK
from engine.model.enums import OrderType, Side, TimeInForce
from engine.model.market import NAN
from engine.model.orders import Order
from engine.venue.fills import Touch
from engine.venue.levels import is_better, is_reached

INF = float("inf")
TICKS = "ticks"
AUTO = "auto"
MARKET = OrderType.MARKET
STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


class WorkingOrder(msgspec.Struct):
    """An accepted order that is not done. Levels are observed prices: they are compared with the market."""

    order: Order
    sign: int
    remaining: Decimal
    active_ts: int  # when it reaches the venue
    reference: float  # the last price when it was sent, else the quote; nan where neither was known
    level: float = NAN  # where it triggers (stops) or may trade (limits); nan for a market order
    limit: float = NAN  # of a stop-limit that has not triggered
    trail: float = NAN
    extreme: float = NAN  # the best price a trailing stop has seen
    is_stop: bool = False  # waits for a trigger
    is_new: bool = True  # has not met the market yet
    filled: Decimal = Decimal(0)
    fills: int = 0
    cancel_ts: int = 0  # when a cancel reaches the venue; 0 for none
    venue_id: str = ""

    @property
    def is_market(self) -> bool:
        return self.level != self.level

    @property
    def is_immediate(self) -> bool:
        """Whether it ends with what it meets first."""
        return self.order.tif is TimeInForce.IOC

    def is_reached(self, low: float, high: float) -> bool:
        """Whether a market that covered low…high touched the level."""
        return is_reached(self.is_stop, self.sign, self.level, low, high)

    def follow(self, price: float) -> None:
        """A trailing stop follows the best price; it never steps back."""
        if is_better(self.sign, price, self.extreme):
            self.extreme = price
            self.level = price + self.sign * self.trail

    def become_limit(self) -> None:
        """A stop-limit was triggered."""
        self.is_stop, self.level, self.limit = False, self.limit, NAN


def working_order(order: Order, *, active_ts: int, last: float, quote: float = NAN) -> WorkingOrder:
    """The working form of an order; a trailing stop starts from the last price, or from its own stop price."""
    reference = last if last == last else quote
    working = WorkingOrder(order, order.side.sign, order.quantity, active_ts, reference)
    if order.type is MARKET:
        return working
    if order.type in STOPS:
        working.is_stop = True
        working.level = float(order.stop_price) if order.stop_price is not None else NAN
        if order.type is OrderType.STOP_LIMIT and order.limit_price is not None:
            working.limit = float(order.limit_price)
        if order.type is OrderType.TRAILING_STOP and order.trail is not None:
            working.trail = float(order.trail)
            if working.is_market:
                working.follow(last)
            else:
                working.extreme = working.level - working.sign * working.trail
    elif order.type is OrderType.LIMIT and order.limit_price is not None:
        working.level = float(order.limit_price)
    return working


def missing_price(order: Order) -> str:
    """What the order lacks for its type, in words; empty where it is complete."""
    if order.type is MARKET:
        return ""
    if order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and order.limit_price is None:
        return f"a {order.type} order needs a limit price"
    if order.type in (OrderType.STOP, OrderType.STOP_LIMIT) and order.stop_price is None:
        return f"a {order.type} order needs a stop price"
    if order.type is OrderType.TRAILING_STOP and order.trail is None:
        return "a trailing stop needs its distance"
    return ""


class SymbolBook:
    """The working orders of one symbol, and the two prices between which nothing can happen."""

    def __init__(self, symbol: str, mode: str = AUTO) -> None:
        self.symbol = symbol
        self.mode = mode  # what it matches on: "ticks", a timeframe, or "auto"
        self.timeframe = "" if mode in (AUTO, TICKS) else mode  # the bars it matches on; "" while unknown
        self.on_ticks = mode == TICKS
        self.touch = Touch()
        self.orders: dict[str, WorkingOrder] = {}
        self.floor = -INF  # at or below: something triggers
        self.ceiling = INF  # at or above: something triggers
        self.is_urgent = False  # something needs every event: a market order, a trailing stop, an arrival, a cancel
        self.is_immediate = False  # something ends with what it meets first

    def __iter__(self) -> Iterator[WorkingOrder]:
        return iter(self.orders.values())

    def add(self, working: WorkingOrder) -> None:
        self.orders[working.order.client_id] = working
        self._count(working)

    def remove(self, working: WorkingOrder) -> None:
        self.orders.pop(working.order.client_id, None)
        self.refresh()

    def refresh(self) -> None:
        """Recompute the prices between which nothing can happen."""
        self.floor, self.ceiling, self.is_urgent, self.is_immediate = -INF, INF, False, False
        for working in self.orders.values():
            self._count(working)

    def adopts(self, timeframe: str) -> bool:
        """Whether bars of that timeframe are what it goes by from now on: with "auto", the finest of those seen."""
        return self.mode == AUTO and (not self.timeframe or _fineness(timeframe) < _fineness(self.timeframe))

    def goes_by_ticks(self) -> bool:
        """Whether it matches on prints, now that it saw one."""
        if not self.on_ticks and self.mode == AUTO:
            self.on_ticks = True
            self.refresh()
        return self.on_ticks

    def _count(self, working: WorkingOrder) -> None:
        level = working.level
        is_arriving = self.on_ticks and working.is_new
        if working.order.tif is TimeInForce.IOC:
            self.is_immediate = True
            is_arriving = is_arriving or not working.is_stop
        if level != level or working.trail == working.trail or working.cancel_ts or is_arriving:
            self.is_urgent = True
        elif working.is_stop is (working.sign < 0):
            if level > self.floor:
                self.floor = level
        elif level < self.ceiling:
            self.ceiling = level

    def group(self, working: WorkingOrder) -> list[WorkingOrder]:
        """The other orders of its one-cancels-other group."""
        name = working.order.group
        if not name:
            return []
        broker = working.order.broker
        return [
            o for o in self.orders.values() if o is not working and o.order.group == name and o.order.broker == broker
        ]


def side_price(side: Side, price: float, distance: float) -> float:
    """`price` made worse by `distance` for that side, and by nothing more: what the sum of floats adds to it would be
    rounded to a whole tick against the trader."""
    if side is Side.BUY:
        worse = price + distance
        return worse - abs(worse) * SLACK
    worse = price - distance
    return worse + abs(worse) * SLACK


def _fineness(timeframe: str) -> tuple[bool, tuple[int, int]]:
    """Sort key, the finest first: prints and volumes end sooner than time does."""
    parsed = parse_timeframe(timeframe)
    return parsed.duration_ns is not None, parsed.order
