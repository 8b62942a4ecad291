"""Orders as a simulated venue keeps them."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.errors import FortifiedError
from engine.model.enums import OrderType, Side, TimeInForce


class Refusal(FortifiedError):
    """The venue says no. `code` is the core's own word, each venue translates it; an injected one stands as it is."""

    def __init__(self, code: str, detail: str, *, is_injected: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.is_injected = is_injected


class State(StrEnum):
    """Where an order is at the venue."""

    RECEIVED = "received"  # taken; not yet in the market, or the market is closed
    CONTINGENT = "contingent"  # waits for another order
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset({State.FILLED, State.CANCELLED, State.REPLACED, State.REJECTED, State.EXPIRED})


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for. `symbol` in any spelling that the engine knows; `tag` is the client's own id.

    `payload` is what the venue's protocol wants to see again with the order, untouched.
    """

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None  # a trailing stop's distance in price
    trail_pct: Decimal | None = None  # or as a fraction of the price
    tif: TimeInForce = TimeInForce.DAY
    extended: bool = False  # also before and after regular hours
    tag: str = ""
    payload: dict[str, object] = {}


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One fill. `id` is unique at the venue and never changes."""

    id: int
    order_id: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    ts: int


class SimOrder(msgspec.Struct, kw_only=True):
    """An order at the venue. What listeners and queries get are copies."""

    id: int
    account: str
    ticket: Ticket
    symbol: str  # ours, resolved: "/NQZ26"
    quantity: Decimal
    state: State = State.RECEIVED
    placed_ts: int = 0
    updated_ts: int = 0
    ended_ts: int = 0
    fills: tuple[Execution, ...] = ()
    reason: str = ""
    code: str = ""
    group: int = 0  # orders of one OCO or bracket share it
    is_oco: bool = False  # the first of its group to fill ends the others
    ends_by_part: bool = False  # any part of it ends them, instead of making them smaller
    parent: int = 0  # the order this one waits for
    replaces: int = 0
    replaced_by: int = 0
    is_cancelling: bool = False
    is_triggered: bool = False  # a stop that became a market or limit order
    is_new: bool = True  # has not met the market yet
    stop_price: Decimal | None = None  # where a (trailing) stop is now

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        filled = self.filled
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0)) / filled if filled else None

    def copy(self) -> "SimOrder":
        return msgspec.structs.replace(self)
