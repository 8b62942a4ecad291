"""What an adapter offers for one account: the seam between our gateway and a venue's own protocol.

An answer is known or unknown, and its type says which: `Known(())` is confirmed to be empty, `Unknown` is not empty.
An order ends in one of three ways, and each has a type: placed (returned), refused (`OrderRefused`: it is certain that
the venue does not have it) and unknown (`OutcomeUnknown`: only a query may tell).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import msgspec

from brokers.features import Features
from engine.errors import FortifiedError
from engine.instruments.instrument import Instrument
from engine.model.enums import OrderState, OrderType, Side
from engine.model.orders import Order
from engine.ports import ChainSource

T = TypeVar("T")


class OrderRefused(FortifiedError):
    """The venue (or we, before sending) said no: the order does not exist. `code` is the venue's own, `detail` plain
    words for a person."""

    code = "order_refused"

    def __init__(self, detail: str, *, venue_code: str = "", field: str | None = None) -> None:
        super().__init__(detail, field=field)
        self.venue_code = venue_code


class TryLater(OrderRefused):
    """Nothing was done for certain, and the same may be asked again: after `retry_after_s`, as far as anybody said."""

    code = "try_later"
    retryable = True

    def __init__(
        self, detail: str, *, venue_code: str = "", field: str | None = None, retry_after_s: float = 1.0
    ) -> None:
        super().__init__(detail, venue_code=venue_code, field=field)
        self.retry_after_s = retry_after_s


class RateLimited(TryLater):
    """The venue asked for a pause before anything was done."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(detail, venue_code="429", retry_after_s=retry_after_s)


class VenueUnreachable(TryLater):
    """No connection was made, so nothing was said."""

    code = "venue_unreachable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, venue_code="unreachable")


class NotAuthorized(OrderRefused):
    """The venue does not accept our credentials (any more): a person must connect the account again."""

    code = "not_authorized"


class OutcomeUnknown(FortifiedError):
    """No usable answer came: it may have happened or not. Never sent again; resolved by `Venue.find` only."""

    code = "outcome_unknown"


class NotUnderstood(FortifiedError):
    """The venue's answer is not what its documentation says."""

    code = "not_understood"


class Known(msgspec.Struct, Generic[T], frozen=True):
    """A confirmed answer, as of `ts` (UTC ns by our clock, before the question was asked)."""

    value: T
    ts: int


class Unknown(msgspec.Struct, frozen=True):
    """The venue could not be asked or its answer not be understood: nothing may be concluded from it."""

    reason: str


Answer = Known[T] | Unknown


class VenueRequest(msgspec.Struct, frozen=True):
    """Exactly what the venue gets for an order: kept beside it, and shown instead of sent on paper."""

    method: str  # an HTTP method, or the name of a socket message
    path: str
    body: dict[str, Any]


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as the venue tells it. `fill_id` never changes; a repeated one is the same execution."""

    fill_id: str
    venue_id: str
    symbol: str  # ours
    side: Side
    quantity: Decimal
    price: Decimal
    ts: int  # UTC ns, the venue's
    client_id: str = ""
    fee: Decimal = Decimal(0)


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue tells it. `client_id` is empty where the venue keeps none, or the order is not ours.

    `state` is never `UNKNOWN`. `fills` are all executions so far where the venue tells them with the order.
    """

    venue_id: str
    symbol: str  # ours
    side: Side
    quantity: Decimal
    type: OrderType
    state: OrderState
    client_id: str = ""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    placed_ts: int = 0  # UTC ns, the venue's; 0 where it does not say
    updated_ts: int = 0
    reason: str = ""  # why it was rejected or cancelled, in plain words
    code: str = ""  # the venue's own code for that
    fills: tuple[VenueFill, ...] = ()
    group: str = ""  # the venue's name for the bracket or OCO it belongs to


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """What the account holds. `quantity` is signed."""

    symbol: str  # ours
    quantity: Decimal
    average_price: Decimal | None = None


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """Money of the account, in US dollars; None where the venue does not tell."""

    cash: Decimal | None = None
    net_liquidation: Decimal | None = None
    buying_power: Decimal | None = None


class OrderReported(msgspec.Struct, frozen=True):
    """The account stream told the present state of an order, ours or not."""

    order: VenueOrder


class FillReported(msgspec.Struct, frozen=True):
    """The account stream told an execution."""

    fill: VenueFill


class StreamRestored(msgspec.Struct, frozen=True):
    """The account stream is up (first time or again): what happened before must be asked for."""

    reason: str = ""


class StreamLost(msgspec.Struct, frozen=True):
    """The account stream is down: polling takes over until it is restored."""

    reason: str


AccountUpdate = OrderReported | FillReported | StreamRestored | StreamLost


class Venue(Protocol):
    """One account at one venue. Every method may be called while another one waits."""

    features: Features

    async def open(self) -> None:
        """Get ready (token, account's name there). `NotAuthorized` or `OutcomeUnknown` where that fails."""
        ...

    async def close(self) -> None: ...

    def request_for(self, order: Order, instrument: Instrument) -> VenueRequest:
        """What `place` would send; pure. `OrderRefused` with the field where the venue cannot take such an order."""
        ...

    async def place(self, order: Order, instrument: Instrument) -> VenueOrder:
        """Send it, once. Raises `OrderRefused`, or `OutcomeUnknown` on a timeout, a lost answer or a 5xx."""
        ...

    async def replace(self, working: VenueOrder, order: Order, instrument: Instrument) -> VenueOrder:
        """Change price or quantity of a working order to those of `order`. Raises like `place`; where it is refused the
        old order still stands."""
        ...

    async def cancel(self, working: VenueOrder) -> None:
        """Ask for the cancel; it has happened when `orders`, `find` or `updates` says so. Raises like `place`."""
        ...

    async def find(self, order: Order, *, since: int) -> Answer[VenueOrder | None]:
        """Our order as the venue has it; `Known(None)` only where it is certain that it never came. `since` (UTC ns) is
        when it was sent. Without client ids: matched by symbol, side, quantity, price and time among recent orders."""
        ...

    async def orders(self, *, since: int) -> Answer[tuple[VenueOrder, ...]]:
        """Every open order, and every one that ended after `since` (UTC ns)."""
        ...

    async def fills(self, *, since: int) -> Answer[tuple[VenueFill, ...]]: ...

    async def positions(self) -> Answer[tuple[VenuePosition, ...]]: ...

    async def balances(self) -> Answer[Balances]: ...

    def updates(self) -> AsyncIterator[AccountUpdate]:
        """The account stream, reconnected for ever with backoff; `StreamRestored` comes first and after every loss."""
        ...


@runtime_checkable
class LearnsNames(Protocol):
    """A venue that keeps no name of ours, so its adapter must know which order is which. What a predecessor knew is
    told to it; without that it may have to choose between orders that look alike, and then says nothing."""

    def adopt(self, client_id: str, venue_id: str) -> None: ...


@runtime_checkable
class PairsExits(Protocol):
    """A venue that holds a stop and a target for the same quantity as one pair: the first to fill ends the other, a
    part of it makes the other smaller, and a cancel of one is a cancel of both."""

    def request_for_pair(self, stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
        """What `place_pair` would send; raises like `request_for`."""
        ...

    async def place_pair(self, stop: Order, target: Order, instrument: Instrument) -> tuple[VenueOrder, VenueOrder]:
        """Send both, once: both are taken or none. Raises like `place`; afterwards `find` knows each by itself.

        A venue that takes one after the other gets the stop first. Then a target that does not get there is told as
        rejected, or as unknown together with its stop."""
        ...


async def _no_other_token(_: str) -> None:
    """Where tokens are given from outside there is no better one."""


class VenueSetup(NamedTuple):
    """What an adapter is made of. `access_token` gives a fresh one each time (it refreshes by itself); empty URLs mean
    the venue's own. `token_refused` says that the venue did not take one (401): the next will be another."""

    account: str  # its key in our books
    account_number: str
    api_url: str
    stream_url: str
    access_token: Callable[[], Awaitable[str]]
    options: dict[str, Any]
    token_refused: Callable[[str], Awaitable[None]] = _no_other_token


class VenueKind(NamedTuple):
    """How an adapter is made."""

    make: Callable[[VenueSetup], Venue]
    summary: str
    chains: Callable[[VenueSetup], ChainSource] | None = None  # None: it tells nobody which options there are
