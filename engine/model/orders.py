"""Orders and the facts of their life. Prices, quantities and fees are committed: Decimal."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.model.enums import OrderIntent, OrderType, Side, TimeInForce
from engine.model.event import Event
from engine.model.market import NAN


class ByHand(msgspec.Struct, frozen=True):
    """What an order has when a person gave it: the id of the command, and prices of exits that guard what it fills in
    place of the slot's own stop and targets."""

    command: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


class Order(msgspec.Struct, frozen=True):
    """An instruction to one broker. `client_id` comes from the run and a counter: the same event handled
    twice names the same order."""

    client_id: str
    strategy: str
    symbol: str
    broker: str  # the account's key in the book: "paper", "tastytrade", …
    side: Side
    quantity: Decimal  # > 0
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None  # distance of a trailing stop, in price
    tif: TimeInForce = TimeInForce.DAY
    intent: OrderIntent = OrderIntent.ENTRY
    reason: str = ""
    signal_ts: int = 0  # the event that asked for it
    bar_ts: int = 0  # close of the bar it was decided on; 0 where it was decided inside a bar
    group: str = ""  # orders of one OCO or bracket share it
    parent: str = ""  # client_id of the order this one waits for (a linked pair), protects or replaces
    by_hand: ByHand | msgspec.UnsetType = msgspec.UNSET  # not written where it is not there: journals stay as they are
    contract: str | msgspec.UnsetType = msgspec.UNSET  # of a root: the one it is for ("/ESZ26"), also after the roll

    @property
    def traded(self) -> str:
        """What the venue trades: of a futures root the contract."""
        return self.symbol if self.contract is msgspec.UNSET else self.contract


class ApprovedOrder(Event, frozen=True):
    """Risk said yes. The gateway and the venue accept nothing else."""

    order: Order


class OrderDenied(Event, frozen=True):
    """Risk said no: which rule, which value, which limit."""

    order: Order
    rule: str
    value: str
    limit: str
    reason: str


class CancelRequested(Event, frozen=True):
    """The engine wants a working order cancelled."""

    client_id: str
    broker: str
    symbol: str
    reason: str


class StopMoveRequested(Event, frozen=True):
    """The engine wants a stop that waits at the venue at another price. The order keeps its name."""

    client_id: str
    broker: str
    symbol: str
    stop_price: Decimal
    reason: str


class OrderSubmitted(Event, frozen=True):
    """The order is about to leave for the venue: from here on only the venue knows. `request` is what it gets."""

    client_id: str
    request: dict[str, Any] | None = None


class OrderAccepted(Event, frozen=True):
    """The venue took the order; `venue_id` is its name there."""

    client_id: str
    venue_id: str


EXCHANGE_CLOSED = "session"  # the code of an order for now that found its exchange closed


class OrderRejected(Event, frozen=True):
    """The venue said no."""

    client_id: str
    reason: str
    code: str = ""


class OrderFilled(Event, frozen=True):
    """One execution. `fill_id` is unique per venue: a repeated one changes nothing."""

    client_id: str
    fill_id: str
    strategy: str
    symbol: str
    broker: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)
    reference_price: float = NAN  # the price the decision saw; slippage = fill against it
    is_ambiguous: bool = False  # a bar touched both stop and target: the worse was taken


class OrderCancelled(Event, frozen=True):
    """The order is gone; what it filled before stays."""

    client_id: str
    reason: str = ""


class OrderExpired(Event, frozen=True):
    """Its time in force ended."""

    client_id: str


class StopMoved(Event, frozen=True):
    """The venue has the order at this stop price; `venue_id` is its name there, perhaps another one than before."""

    client_id: str
    venue_id: str
    stop_price: Decimal


class StopMoveRefused(Event, frozen=True):
    """The order stays where it was, for certain."""

    client_id: str
    reason: str


class OrderBecameUnknown(Event, frozen=True):
    """No answer came. Only a query may resolve it; it is never sent again."""

    client_id: str
    reason: str


OrderUpdate = (
    OrderSubmitted | OrderAccepted | OrderRejected | OrderFilled | OrderCancelled | OrderExpired | OrderBecameUnknown
)
