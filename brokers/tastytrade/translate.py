"""Between our orders and tastytrade's documents: pure.

https://developer.tastytrade.com/open-api-spec/orders
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from brokers.tastytrade.documents import (
    STATES,
    BalanceDoc,
    FillDoc,
    LegDoc,
    OrderDoc,
    PositionDoc,
    TradeDoc,
    read,
)
from brokers.tastytrade.features import FEATURES
from brokers.tastytrade.names import Names
from brokers.venue import Balances, NotUnderstood, OrderRefused, VenueFill, VenueOrder, VenuePosition, VenueRequest
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import NS_PER_MS, from_datetime

SOURCE = "fortified"
ZERO = Decimal(0)
_FEE_GRID = Decimal("0.0001")

_ORDER_TYPES = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.STOP: "Stop",
    OrderType.STOP_LIMIT: "Stop Limit",
}
_TIME_IN_FORCE = {
    TimeInForce.DAY: "Day",
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.EXTENDED: "Ext",
}
_TYPES_BACK = {name: kind for kind, name in _ORDER_TYPES.items()} | {
    "Marketable Limit": OrderType.LIMIT,
    "Notional Market": OrderType.MARKET,
}
OPEN_STATUSES = ("Received", "Routed", "In Flight", "Live", "Contingent", "Cancel Requested", "Replace Requested")

# The venue's codes in a person's words; an unknown one keeps the venue's sentence.
WORDS = {
    "cant_buy_for_credit": "The order's price has the wrong sign for a purchase.",
    "cant_sell_for_debit": "The order's price has the wrong sign for a sale.",
    "gtc_market_orders_not_supported": "tastytrade takes market orders for the day only.",
    "order_must_omit_price": "A market order must not have a price.",
    "margin_check_failed": "The account has not enough buying power.",
    "cannot_update_order": "The order is over already, or being changed.",
    "instrument_validation_failed": "tastytrade does not know this instrument, or it has expired.",
    "closing_only": "The account may only close positions.",
    "invalid_option_level": "The account's option level does not allow this.",
    "unconfirmed_user": "The account's e-mail address is not confirmed.",
    "not_permitted": "This login may not trade in this account.",
    "invalid_price_increment": "The price is not on the instrument's grid.",
    "cannot_short_hard_to_borrow": "These shares cannot be borrowed, so they cannot be sold short.",
    "tif_next_valid_sesssion": "The market is closed; the order would begin to work at the next opening.",
}


# ---- ours → theirs -----------------------------------------------------------------------------------------


def place_request(order: Order, instrument: Instrument, *, account: str, names: Names, day: date) -> VenueRequest:
    """The whole request. `OrderRefused` with the field where tastytrade has no such order."""
    body = _order_body(order, instrument, names=names, day=day)
    return VenueRequest("POST", f"/accounts/{account}/orders", body)


def pair_request(
    stop: Order, target: Order, instrument: Instrument, *, account: str, names: Names, day: date
) -> VenueRequest:
    """Both at once, of which the first to fill ends the other."""
    orders = [_order_body(order, instrument, names=names, day=day) for order in (stop, target)]
    return VenueRequest("POST", f"/accounts/{account}/complex-orders", {"type": "OCO", "orders": orders})


def _order_body(order: Order, instrument: Instrument, *, names: Names, day: date) -> dict[str, Any]:
    _check(order, instrument)
    name = names.of_order(order, day)
    is_future = instrument.asset_class is AssetClass.FUTURE
    leg = {
        "instrument-type": name.kind,
        "symbol": name.symbol,
        "action": order.side.value.title() if is_future else _action(order),
        "quantity": int(order.quantity),
    }
    body: dict[str, Any] = {**_terms(order), "source": SOURCE, "external-identifier": order.client_id, "legs": [leg]}
    if not is_future and order.intent in _CLOSING:
        # Without it an order that closes nothing would open a position the other way.
        body["advanced-instructions"] = {"strict-position-effect-validation": True}
    return body


def replace_request(working: VenueOrder, order: Order, instrument: Instrument, *, account: str) -> VenueRequest:
    """Another price for a working order. The venue keeps the legs, so the quantity must be the same."""
    _check(order, instrument)
    if order.quantity != working.quantity:
        raise OrderRefused(
            f"quantity: tastytrade changes prices only; {working.quantity:f} cannot become {order.quantity:f}",
            field="quantity",
        )
    body = {**_terms(order), "source": SOURCE, "external-identifier": order.client_id}
    return VenueRequest("PUT", f"/accounts/{account}/orders/{working.venue_id}", body)


_CLOSING = frozenset({OrderIntent.EXIT, OrderIntent.ADJUST})


def _action(order: Order) -> str:
    return f"{order.side.value.title()} to {'Close' if order.intent in _CLOSING else 'Open'}"


def _terms(order: Order) -> dict[str, Any]:
    """Type, time and prices. A price is positive; its direction stands beside it."""
    terms: dict[str, Any] = {"order-type": _ORDER_TYPES[order.type], "time-in-force": _TIME_IN_FORCE[order.tif]}
    if order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        terms["price"] = f"{order.limit_price:f}"
        terms["price-effect"] = "Debit" if order.side is Side.BUY else "Credit"
    if order.type in (OrderType.STOP, OrderType.STOP_LIMIT):
        terms["stop-trigger"] = f"{order.stop_price:f}"
    return terms


def _check(order: Order, instrument: Instrument) -> None:
    problem = FEATURES.quantity_problem(instrument.asset_class, order.quantity)
    if problem or not order.quantity:
        raise OrderRefused(f"quantity: {problem or 'more than 0 was expected'}", field="quantity")
    if order.type not in _ORDER_TYPES:
        raise OrderRefused(f"type: tastytrade has no {order.type} orders", field="type")
    _check_prices(order)
    _check_time(order, instrument)
    if order.intent is OrderIntent.REVERSAL and instrument.asset_class in FEATURES.linked_reversal:
        raise OrderRefused(
            "intent: at tastytrade only futures reverse in one order; close first, then open", field="intent"
        )


def _check_prices(order: Order) -> None:
    needs_limit = order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    needs_stop = order.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if needs_limit and (order.limit_price is None or order.limit_price <= 0):
        raise OrderRefused(f"limit_price: a {order.type} order needs one above 0", field="limit_price")
    if needs_stop and (order.stop_price is None or order.stop_price <= 0):
        raise OrderRefused(f"stop_price: a {order.type} order needs one above 0", field="stop_price")


def _check_time(order: Order, instrument: Instrument) -> None:
    if order.type is OrderType.MARKET and order.tif is TimeInForce.GTC:
        raise OrderRefused("tif: tastytrade takes market orders for the day only", field="tif")
    if order.type is OrderType.STOP and order.tif is TimeInForce.GTC and order.intent is OrderIntent.ENTRY:
        raise OrderRefused("tif: tastytrade takes opening stop orders for the day only", field="tif")
    if order.tif is TimeInForce.EXTENDED and instrument.asset_class is not AssetClass.EQUITY:
        raise OrderRefused("tif: extended hours are for shares only", field="tif")


# ---- theirs → ours -----------------------------------------------------------------------------------------


def order_doc(document: Any) -> OrderDoc:
    return read(document, OrderDoc, "an order")


def venue_order(doc: OrderDoc, *, names: Names, day: date, unit_fee: Decimal = ZERO) -> VenueOrder:
    """`NotUnderstood` for words that we do not know; an order of several legs is told by its first. `unit_fee` is what
    a share or contract of it costs: the venue tells that elsewhere."""
    if doc.status not in STATES or doc.order_type not in _TYPES_BACK or not doc.legs:
        raise NotUnderstood(f"order {doc.id}: status {doc.status!r}, type {doc.order_type!r}, {len(doc.legs)} legs")
    leg = doc.legs[0]
    symbol = names.ours(leg.instrument_type, leg.symbol, day)
    fills = tuple(_fill(doc, leg, fill, symbol=symbol, unit_fee=unit_fee) for fill in leg.fills or ())
    filled = sum((fill.quantity for fill in fills), ZERO)
    quantity = leg.quantity if leg.quantity is not None else filled
    told = quantity - leg.remaining_quantity if leg.remaining_quantity is not None else filled
    state = STATES[doc.status]
    return VenueOrder(
        venue_id=str(doc.id),
        symbol=symbol,
        side=_side(leg.action),
        quantity=quantity,
        type=_TYPES_BACK[doc.order_type],
        state=OrderState.PARTIALLY_FILLED if state is OrderState.WORKING and filled else state,
        client_id=doc.external_identifier or "",
        limit_price=abs(doc.price) if doc.price is not None else None,
        stop_price=doc.stop_trigger,
        filled_quantity=quantity if state is OrderState.FILLED else max(filled, told if not state.is_final else filled),
        average_price=_average(fills, filled),
        placed_ts=from_datetime(doc.received_at) if doc.received_at else 0,
        updated_ts=doc.updated_at * NS_PER_MS,
        reason=WORDS.get(doc.reject_reason or "", doc.reject_reason or ""),
        code=(doc.reject_reason or "") if state is OrderState.REJECTED else "",
        fills=fills,
        group=str(doc.complex_order_id or ""),
    )


def truth_of(docs: Iterable[OrderDoc]) -> OrderDoc | None:
    """The one that tells where an order of ours is, of all that carry its name: replacing makes a new one each time.
    What was filled counts; else the last that nothing replaced; a replacement that failed counts last."""
    found = sorted(docs, key=lambda doc: doc.id)
    if not found:
        return None
    return max(found, key=lambda doc: (_rank(doc), doc.id))


def _rank(doc: OrderDoc) -> int:
    state = STATES.get(doc.status)
    if state is OrderState.FILLED:
        return 3
    if state is not None and not state.is_final:
        return 2
    is_failed_replacement = bool(doc.replaces_order_id) and state is OrderState.REJECTED
    return 0 if doc.is_superseded or is_failed_replacement else 1


def position(document: Any, *, names: Names, day: date) -> VenuePosition | None:
    """None for a closed one that is still listed."""
    doc = read(document, PositionDoc, "a position")
    signs = {"Long": 1, "Short": -1, "Zero": 0}
    if doc.quantity_direction not in signs:
        raise NotUnderstood(
            f"position {doc.symbol}: Long, Short or Zero was expected, found {doc.quantity_direction!r}"
        )
    quantity = signs[doc.quantity_direction] * abs(doc.quantity)
    if not quantity:
        return None
    return VenuePosition(
        symbol=names.ours(doc.instrument_type, doc.symbol, day),
        quantity=quantity,
        average_price=doc.average_open_price,
    )


def balances(document: Any) -> Balances:
    doc = read(document, BalanceDoc, "balances")
    return Balances(
        cash=doc.cash_balance, net_liquidation=doc.net_liquidating_value, buying_power=doc.derivative_buying_power
    )


def refusal(document: Any) -> tuple[str, str]:
    """(the venue's code, plain words) of an error document."""
    error = document.get("error") if isinstance(document, Mapping) else None
    if not isinstance(error, Mapping):
        return "", "tastytrade refused the request without a reason."
    details = [each for each in error.get("errors") or () if isinstance(each, Mapping)] or [error]
    first = details[0]
    code = str(first.get("code") or first.get("domain") or error.get("code") or "")
    sentences = [_sentence(each) for each in details]
    return code, " ".join(sentence for sentence in sentences if sentence)


def _sentence(error: Mapping[str, Any]) -> str:
    code = str(error.get("code") or error.get("domain") or "")
    said = str(error.get("message") or error.get("reason") or "")
    ours = WORDS.get(code, "")
    return f"{ours} (tastytrade: {said})" if ours and said else ours or said or code


def expected_unit_fee(answer: Any) -> Decimal | None:
    """What the venue says, when it takes an order, that each share or contract will cost; None where it does not."""
    try:
        total = Decimal(str(answer["fee-calculation"]["total-fees"]))
        size = Decimal(str(answer["order"]["size"]))
    except (KeyError, TypeError, InvalidOperation):
        return None
    return abs(total) / size if size else None


def charged_unit_fees(trades: Iterable[Any]) -> dict[int, Decimal]:
    """What each order's shares or contracts cost in fact, by the order's id, from the list of transactions."""
    totals: dict[int, tuple[Decimal, Decimal]] = {}
    for trade in trades:
        doc = read(trade, TradeDoc, "a transaction")
        if doc.order_id is None or not doc.quantity:
            continue
        fee, quantity = totals.get(doc.order_id, (ZERO, ZERO))
        totals[doc.order_id] = (fee + doc.fees, quantity + doc.quantity)
    return {name: fee / quantity for name, (fee, quantity) in totals.items()}


def _fill(doc: OrderDoc, leg: LegDoc, fill: FillDoc, *, symbol: str, unit_fee: Decimal) -> VenueFill:
    return VenueFill(
        fill_id=fill.fill_id,
        venue_id=str(doc.id),
        symbol=symbol,
        side=_side(leg.action),
        quantity=fill.quantity,
        price=fill.fill_price,
        ts=from_datetime(fill.filled_at),
        client_id=doc.external_identifier or "",
        fee=(unit_fee * fill.quantity).quantize(_FEE_GRID),
    )


def _side(action: str) -> Side:
    """ "Buy" is a buy whatever is held: the venue turns it into opening or closing."""
    if action.startswith("Buy"):
        return Side.BUY
    if action.startswith("Sell"):
        return Side.SELL
    raise NotUnderstood(f"action: a kind of Buy or Sell was expected, found {action!r}")


def _average(fills: Iterable[VenueFill], filled: Decimal) -> Decimal | None:
    if not filled:
        return None
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / filled
