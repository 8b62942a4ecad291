"""Alpaca's orders, fills, positions and balances in our words, and ours in theirs. Pure.

https://docs.alpaca.markets/docs/orders-at-alpaca
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from brokers.alpaca.features import FEATURES
from brokers.alpaca.names import LONGEST, our_name, pair_name
from brokers.venue import Balances, NotUnderstood, OrderRefused, VenueFill, VenueOrder, VenuePosition, VenueRequest
from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import from_datetime

T = TypeVar("T")
ZERO = Decimal(0)
ORDERS = "/v2/orders"
NOT_UNIQUE = "40010001"
_TIMES = {
    TimeInForce.DAY: "day",
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.EXTENDED: "day",  # with `extended_hours`
}
_STATES = {
    "accepted": OrderState.ACCEPTED,
    "pending_new": OrderState.ACCEPTED,
    "pending_review": OrderState.ACCEPTED,
    "accepted_for_bidding": OrderState.ACCEPTED,
    "held": OrderState.ACCEPTED,  # a bracket's exit, until the entry is filled
    "suspended": OrderState.ACCEPTED,
    "new": OrderState.WORKING,
    "stopped": OrderState.WORKING,  # a trade is guaranteed, but has not happened
    "calculated": OrderState.WORKING,
    "done_for_day": OrderState.WORKING,  # until tomorrow
    "pending_cancel": OrderState.WORKING,
    "pending_replace": OrderState.WORKING,
    "partially_filled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "replaced": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
    "expired": OrderState.EXPIRED,
}
_NO_REASON = "Alpaca or the exchange rejected the order after it was taken; Alpaca does not say why."

# Sentences of Alpaca's that people meet, in ours; an unknown one stays as it is.
_WORDS = (
    ("insufficient buying power", "The account has not enough buying power."),
    ("insufficient qty available", "More would be sold than is held and not promised to another order."),
    ("cannot be sold short", "These shares cannot be sold short."),
    ("wash trade", "An own order on the other side is open, and the two might trade with each other."),
    ("not cancelable", "The order is over already and cannot be cancelled."),
    ("not replaceable", "The order is over already, or being changed."),
)


class OrderDoc(msgspec.Struct):
    """What we read of an order."""

    id: str
    client_order_id: str
    symbol: str | None
    status: str
    side: Side | None
    type: OrderType | None
    asset_class: str = "us_equity"
    qty: Decimal | None = None
    filled_qty: Decimal = ZERO
    filled_avg_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    submitted_at: datetime | None = None
    updated_at: datetime | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    legs: list["OrderDoc"] | None = None  # of a pair, where they are asked for or just made


class FillDoc(msgspec.Struct):
    """An execution, as an account activity. `cum_qty`: what the order had filled with it."""

    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    transaction_time: datetime


class EventDoc(msgspec.Struct):
    """A message of the account stream. `price` and `qty` are the execution's own."""

    event: str
    order: OrderDoc
    timestamp: datetime | None = None
    price: Decimal | None = None
    qty: Decimal | None = None


class PositionDoc(msgspec.Struct):
    symbol: str
    qty: Decimal
    side: str
    asset_class: str = "us_equity"
    avg_entry_price: Decimal | None = None


class AccountDoc(msgspec.Struct):
    account_number: str
    status: str = ""
    cash: Decimal | None = None
    equity: Decimal | None = None
    buying_power: Decimal | None = None
    trading_blocked: bool = False
    account_blocked: bool = False


# ---- ours → theirs -----------------------------------------------------------------------------------------


def place_request(order: Order, instrument: Instrument) -> VenueRequest:
    """The whole request. `OrderRefused` with the field where Alpaca has no such order."""
    _check(order, instrument)
    is_option = instrument.asset_class is AssetClass.OPTION
    body: dict[str, Any] = {
        "symbol": parse_option(order.symbol).alpaca if is_option else order.symbol.replace("/", "."),
        "qty": f"{order.quantity:f}",
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": _TIMES[order.tif],
        **_prices(order),
        "client_order_id": order.client_id,
    }
    if order.tif is TimeInForce.EXTENDED:
        body["extended_hours"] = True
    if is_option:
        action = "close" if order.intent in (OrderIntent.EXIT, OrderIntent.ADJUST) else "open"
        body["position_intent"] = f"{order.side.value}_to_{action}"
    return VenueRequest("POST", ORDERS, body)


def pair_request(stop: Order, target: Order, instrument: Instrument) -> VenueRequest:
    """A stop and a target, of which the first to fill ends the other. The target is the order, the stop its leg."""
    request = place_request(target, instrument)
    prices = {"take_profit": {"limit_price": f"{target.limit_price:f}"}, "stop_loss": {"stop_price": _stop_of(stop)}}
    body = {name: value for name, value in request.body.items() if name != "limit_price"}
    body |= {"order_class": "oco", **prices, "client_order_id": pair_name(stop, target)}
    place_request(stop, instrument)  # refused for what it would be refused for alone
    return VenueRequest(request.method, request.path, body)


def replace_request(working: VenueOrder, order: Order, instrument: Instrument, *, name: str) -> VenueRequest:
    """Other prices or another quantity for a working order; the new one is called `name`."""
    _check(order, instrument)
    prices = {("trail" if key == "trail_price" else key): value for key, value in _prices(order).items()}
    body = {"qty": f"{order.quantity:f}", "time_in_force": _TIMES[order.tif], **prices, "client_order_id": name}
    return VenueRequest("PATCH", f"{ORDERS}/{working.venue_id}", body)


def _stop_of(order: Order) -> str:
    return _prices(order)["stop_price"]


def _prices(order: Order) -> dict[str, str]:
    prices: dict[str, str] = {}
    if order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        prices["limit_price"] = f"{order.limit_price:f}"
    if order.type in (OrderType.STOP, OrderType.STOP_LIMIT):
        prices["stop_price"] = f"{order.stop_price:f}"
    if order.type is OrderType.TRAILING_STOP:
        prices["trail_price"] = f"{order.trail:f}"
    return prices


def _check(order: Order, instrument: Instrument) -> None:
    problem = FEATURES.quantity_problem(instrument.asset_class, order.quantity)
    if problem or not order.quantity:
        raise OrderRefused(f"quantity: {problem or 'more than 0 was expected'}", field="quantity")
    if len(order.client_id) > LONGEST:
        text = f"client_id: at most {LONGEST} characters were expected, found {order.client_id!r}"
        raise OrderRefused(text, field="client_id")
    if order.intent is OrderIntent.REVERSAL:
        raise OrderRefused("intent: Alpaca does not turn a position with one order; close first", field="intent")
    _check_prices(order)
    _check_time(order, instrument)


def _check_prices(order: Order) -> None:
    needed = {
        "limit_price": (order.limit_price, order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)),
        "stop_price": (order.stop_price, order.type in (OrderType.STOP, OrderType.STOP_LIMIT)),
        "trail": (order.trail, order.type is OrderType.TRAILING_STOP),
    }
    for name, (price, is_needed) in needed.items():
        if is_needed and (price is None or price <= 0):
            raise OrderRefused(f"{name}: a {order.type} order needs one above 0", field=name)


def _check_time(order: Order, instrument: Instrument) -> None:
    is_part = order.quantity != order.quantity.to_integral_value()
    if order.tif is TimeInForce.EXTENDED and order.type is not OrderType.LIMIT:
        raise OrderRefused("tif: outside regular hours Alpaca takes limit orders only", field="tif")
    if is_part and (order.tif is not TimeInForce.DAY or order.type is OrderType.TRAILING_STOP):
        raise OrderRefused("tif: fractions of a share trade in orders of the day only, and never trail", field="tif")
    if instrument.asset_class is AssetClass.OPTION:
        if order.tif is not TimeInForce.DAY:
            raise OrderRefused("tif: options trade in orders of the day only", field="tif")
        if order.type is OrderType.TRAILING_STOP:
            raise OrderRefused("type: Alpaca has no trailing stops for options", field="type")
    if order.type is OrderType.TRAILING_STOP and order.tif is TimeInForce.IOC:
        raise OrderRefused("tif: a trailing stop works for the day or until cancelled", field="tif")


# ---- theirs → ours -----------------------------------------------------------------------------------------


def order_doc(document: Any) -> OrderDoc:
    return _read(document, OrderDoc, "an order")


def event_doc(document: Any) -> EventDoc:
    return _read(document, EventDoc, "a message of the account stream")


def venue_order(doc: OrderDoc) -> VenueOrder:
    """`NotUnderstood` for words that we do not know, and for orders of several legs, which are never ours."""
    state = _STATES.get(doc.status)
    if state is None or doc.symbol is None or doc.side is None or doc.type is None:
        raise NotUnderstood(f"order {doc.id}: status {doc.status!r}, symbol {doc.symbol!r}, type {doc.type!r}")
    quantity = doc.filled_qty if doc.qty is None else doc.qty  # an order by value has no quantity of its own
    if state is OrderState.WORKING and doc.filled_qty:
        state = OrderState.FILLED if doc.filled_qty >= quantity else OrderState.PARTIALLY_FILLED
    return VenueOrder(
        venue_id=doc.id,
        symbol=our_symbol(doc.symbol, doc.asset_class),
        side=doc.side,
        quantity=quantity,
        type=doc.type,
        state=state,
        client_id=our_name(doc.client_order_id),
        limit_price=doc.limit_price,
        stop_price=doc.stop_price,
        filled_quantity=doc.filled_qty,
        average_price=doc.filled_avg_price,
        placed_ts=_ns(doc.submitted_at),
        updated_ts=_ns(doc.updated_at),
        reason=_NO_REASON if state is OrderState.REJECTED else "",
        code="rejected" if state is OrderState.REJECTED else "",
    )


def is_superseded(doc: OrderDoc) -> bool:
    """Ended because another one took its place, or about to."""
    return doc.status in ("replaced", "pending_replace") and doc.replaced_by is not None


def is_failed_replacement(doc: OrderDoc) -> bool:
    """It was to take another one's place and did not: the other one counts."""
    return doc.replaces is not None and doc.status == "rejected"


def fill_of_activity(document: Any, *, names: Mapping[str, str]) -> VenueFill:
    """`names`: our name of each order by Alpaca's, where we know it."""
    doc = _read(document, FillDoc, "an execution")
    return VenueFill(
        fill_id=fill_id(doc.order_id, doc.cum_qty),
        venue_id=doc.order_id,
        symbol=our_symbol(doc.symbol, "us_option" if _is_option(doc.symbol) else "us_equity"),
        side=Side.BUY if doc.side.startswith("buy") else Side.SELL,  # also "sell_short"
        quantity=doc.qty,
        price=doc.price,
        ts=from_datetime(doc.transaction_time),
        client_id=names.get(doc.order_id, ""),
    )


def fill_of_event(doc: EventDoc) -> VenueFill | None:
    """The execution that a message tells; None where it tells none."""
    if doc.event not in ("fill", "partial_fill"):
        return None
    if doc.price is None or doc.qty is None or doc.timestamp is None:
        raise NotUnderstood(f"order {doc.order.id}: a fill with price, qty and timestamp was expected")
    order = venue_order(doc.order)
    return VenueFill(
        fill_id=fill_id(doc.order.id, doc.order.filled_qty),
        venue_id=doc.order.id,
        symbol=order.symbol,
        side=order.side,
        quantity=doc.qty,
        price=doc.price,
        ts=from_datetime(doc.timestamp),
        client_id=order.client_id,
    )


def fill_id(order_id: str, cumulative: Decimal) -> str:
    """An execution's name that stream and activities agree on: the order, and how much it had filled with it. Their own
    ids of executions are not promised to be the same in both."""
    return f"{order_id}/{cumulative.normalize():f}"


def position(document: Any) -> VenuePosition | None:
    """None for a closed one."""
    doc = _read(document, PositionDoc, "a position")
    if doc.side not in ("long", "short"):
        raise NotUnderstood(f"position {doc.symbol}: long or short was expected, found {doc.side!r}")
    quantity = abs(doc.qty) * (1 if doc.side == "long" else -1)
    if not quantity:
        return None
    symbol = our_symbol(doc.symbol, doc.asset_class)
    return VenuePosition(symbol=symbol, quantity=quantity, average_price=doc.avg_entry_price)


def account(document: Any) -> AccountDoc:
    return _read(document, AccountDoc, "an account")


def balances(document: Any) -> Balances:
    doc = account(document)
    return Balances(cash=doc.cash, net_liquidation=doc.equity, buying_power=doc.buying_power)


def our_symbol(symbol: str, asset_class: str) -> str:
    """ "BRK.B" and "SPY261120C00600000" in our spelling; what we do not trade keeps its own."""
    if asset_class == "us_option":
        return parse_option(symbol).symbol
    try:
        return normalize_symbol(symbol) if asset_class == "us_equity" else symbol
    except InvalidInput:
        return symbol


def refusal(document: Any) -> tuple[str, str]:
    """(the venue's code, plain words) of an error document."""
    if not isinstance(document, Mapping):
        return "", "Alpaca refused the request without a reason."
    said = str(document.get("message") or "Alpaca refused the request without a reason.")
    words = next((ours for theirs, ours in _WORDS if theirs in said.lower()), "")
    return str(document.get("code") or ""), f"{words} (Alpaca: {said})" if words else said


def _is_option(symbol: str) -> bool:
    return len(symbol) > 15 and symbol[-8:].isdigit()


def _ns(moment: datetime | None) -> int:
    return from_datetime(moment) if moment is not None else 0


def _read(document: Any, kind: type[T], what: str) -> T:
    try:
        return msgspec.convert(document, kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"{what}: {error}") from error
