"""Between our orders and Schwab's documents: pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from brokers.schwab.documents import ZERO, LegDoc, OrderDoc, PositionDoc, SecuritiesAccountDoc
from brokers.schwab.features import FEATURES
from brokers.schwab.symbols import our_symbol, venue_symbol
from brokers.venue import Balances, NotUnderstood, OrderRefused, VenueFill, VenueOrder, VenuePosition, VenueRequest
from engine.instruments.instrument import AssetClass, Instrument
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import to_datetime

PREFIX = "/trader/v1"
_ASSET_TYPES = {AssetClass.EQUITY: "EQUITY", AssetClass.OPTION: "OPTION"}
_ORDER_TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP: "STOP",
    OrderType.STOP_LIMIT: "STOP_LIMIT",
    OrderType.TRAILING_STOP: "TRAILING_STOP",
}
_TYPES_BACK = {name: kind for kind, name in _ORDER_TYPES.items()} | {
    "MARKET_ON_CLOSE": OrderType.MARKET,
    "EXERCISE": OrderType.MARKET,
    "LIMIT_ON_CLOSE": OrderType.LIMIT,
    "CABINET": OrderType.LIMIT,
    "NON_MARKETABLE": OrderType.LIMIT,
    "NET_DEBIT": OrderType.LIMIT,
    "NET_CREDIT": OrderType.LIMIT,
    "NET_ZERO": OrderType.LIMIT,
    "TRAILING_STOP_LIMIT": OrderType.TRAILING_STOP,
}
_DURATIONS = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GOOD_TILL_CANCEL",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.EXTENDED: "DAY",
}
_STATES = {
    **dict.fromkeys(
        (
            "AWAITING_PARENT_ORDER", "AWAITING_CONDITION", "AWAITING_MANUAL_REVIEW", "ACCEPTED", "PENDING_ACTIVATION",
            "QUEUED", "NEW", "AWAITING_RELEASE_TIME", "PENDING_ACKNOWLEDGEMENT", "PENDING_RECALL",
        ),
        OrderState.ACCEPTED,
    ),
    **dict.fromkeys(
        ("WORKING", "AWAITING_STOP_CONDITION", "AWAITING_UR_OUT", "PENDING_CANCEL", "PENDING_REPLACE"),
        OrderState.WORKING,
    ),
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "REPLACED": OrderState.CANCELLED,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
}  # fmt: skip
# A resting order is in one of these; asked for when old ones are looked for.
_FEE_GRID = Decimal("0.0001")
OPEN_STATUSES = ("WORKING", "AWAITING_STOP_CONDITION", "PENDING_ACTIVATION", "QUEUED", "ACCEPTED", "AWAITING_CONDITION")
REPLACED = "REPLACED"
_TRADABLE = frozenset({"EQUITY", "ETF", "COLLECTIVE_INVESTMENT", "OPTION", "INDEX"})
_CLOSING = frozenset({OrderIntent.EXIT, OrderIntent.ADJUST})
_NEEDS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_NEEDS_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)

# Schwab refuses in sentences, without codes: a phrase of each, and what it means for a person.
WORDS = (
    ("buying power", "The account has not enough buying power."),
    ("oversold", "The account does not hold what this order would close, or it holds the other side."),
    ("hard to borrow", "These shares cannot be borrowed, so they cannot be sold short."),
    ("short sale", "These shares cannot be sold short now."),
    ("symbol not found", "Schwab does not know this symbol."),
    ("price increment", "The price is not on the instrument's grid."),
    ("extended-hours", "Outside regular hours Schwab takes limit orders only."),
    ("market orders are good for the day", "Schwab takes market orders for the day only."),
    ("has expired", "The option has expired."),
    ("cannot be canceled", "The order is over already, or being changed."),
    ("cannot be replaced", "The order is over already, or being changed."),
    ("opening transactions", "The account may only close positions."),
    ("option level", "The account's option level does not allow this."),
    ("settled", "The cash of an earlier sale is not settled yet."),
    ("invalid account", "This login may not trade in this account."),
)


def plain(said: str) -> str:
    """The venue's sentence with ours before it, where we know what it means."""
    lower = said.lower()
    ours = next((words for phrase, words in WORDS if phrase in lower), "")
    return f"{ours} (Schwab: {said})" if ours else said


# ---- ours → theirs -----------------------------------------------------------------------------------------


def place_request(order: Order, instrument: Instrument, *, account: str, day: date) -> VenueRequest:
    """The whole request; `account` is its hash. `OrderRefused` with the field where Schwab has no such order."""
    return VenueRequest("POST", f"{PREFIX}/accounts/{account}/orders", order_body(order, instrument, day=day))


def replace_request(
    working: VenueOrder, order: Order, instrument: Instrument, *, account: str, day: date
) -> VenueRequest:
    """The new order in the place of the old one. The old one ends as REPLACED, the new one has a name of its own."""
    if (order.symbol, order.side) != (working.symbol, working.side):
        raise OrderRefused("symbol: a replacement must be of the same symbol and side", field="symbol")
    path = f"{PREFIX}/accounts/{account}/orders/{working.venue_id}"
    return VenueRequest("PUT", path, order_body(order, instrument, day=day))


def order_body(order: Order, instrument: Instrument, *, day: date) -> dict[str, Any]:
    """One order of one leg."""
    _check(order, instrument)
    is_extended = order.tif is TimeInForce.EXTENDED
    return {
        "orderStrategyType": "SINGLE",
        "orderType": _ORDER_TYPES[order.type],
        "session": "SEAMLESS" if is_extended else "NORMAL",
        "duration": _DURATIONS[order.tif],
        **_prices(order, instrument),
        "orderLegCollection": [
            {
                "instruction": instruction(order, instrument),
                "quantity": int(order.quantity),
                "instrument": {
                    "symbol": venue_symbol(order.symbol, day),
                    "assetType": _ASSET_TYPES[instrument.asset_class],
                },
            }
        ],
    }


def one_cancels_other(bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Orders of which the first to fill ends the others."""
    return {"orderStrategyType": "OCO", "childOrderStrategies": list(bodies)}


def pair_request(stop: Order, target: Order, instrument: Instrument, *, account: str, day: date) -> VenueRequest:
    """A stop and a target, of which the first to fill ends the other."""
    body = one_cancels_other([order_body(order, instrument, day=day) for order in (stop, target)])
    return VenueRequest("POST", f"{PREFIX}/accounts/{account}/orders", body)


def first_triggers(entry: dict[str, Any], exits: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An order, and what begins to work when it is filled: several exits end each other."""
    children = [one_cancels_other(exits)] if len(exits) > 1 else list(exits)
    return {**entry, "orderStrategyType": "TRIGGER", "childOrderStrategies": children}


def instruction(order: Order, instrument: Instrument) -> str:
    """What the order does to the position: Schwab wants to be told."""
    is_buy, is_closing = order.side is Side.BUY, order.intent in _CLOSING
    if instrument.asset_class is AssetClass.OPTION:
        return f"{'BUY' if is_buy else 'SELL'}_TO_{'CLOSE' if is_closing else 'OPEN'}"
    if is_buy:
        return "BUY_TO_COVER" if is_closing else "BUY"
    return "SELL" if is_closing else "SELL_SHORT"


def _prices(order: Order, instrument: Instrument) -> dict[str, Any]:
    prices: dict[str, Any] = {}
    if order.type in _NEEDS_LIMIT and order.limit_price is not None:
        prices["price"] = _price("limit_price", order.limit_price, instrument)
    if order.type in _NEEDS_STOP and order.stop_price is not None:
        prices["stopPrice"] = _price("stop_price", order.stop_price, instrument)
    if order.type is OrderType.TRAILING_STOP and order.trail is not None:
        prices |= {"stopPriceLinkBasis": "LAST", "stopPriceLinkType": "VALUE"}
        prices["stopPriceOffset"] = _price("trail", order.trail, instrument)
    return prices


def _price(field: str, value: Decimal, instrument: Instrument) -> str:
    """Two decimals; shares below a dollar four. Schwab cuts the rest off without a word: a finer price is refused."""
    places = 4 if instrument.asset_class is AssetClass.EQUITY and value < 1 else 2
    rounded = round(value, places)
    if rounded != value:
        raise OrderRefused(f"{field}: Schwab takes {places} decimals, found {value}", field=field)
    return f"{rounded:f}"


def _check(order: Order, instrument: Instrument) -> None:
    problem = FEATURES.quantity_problem(instrument.asset_class, order.quantity)
    if problem or not order.quantity:
        raise OrderRefused(f"quantity: {problem or 'more than 0 was expected'}", field="quantity")
    if instrument.asset_class not in _ASSET_TYPES:
        raise OrderRefused(f"symbol: {order.symbol} cannot be ordered at Schwab", field="symbol")
    if order.type not in _ORDER_TYPES:
        raise OrderRefused(f"type: Schwab has no {order.type} orders", field="type")
    for field, value, is_needed in (
        ("limit_price", order.limit_price, order.type in _NEEDS_LIMIT),
        ("stop_price", order.stop_price, order.type in _NEEDS_STOP),
        ("trail", order.trail, order.type is OrderType.TRAILING_STOP),
    ):
        if is_needed and (value is None or value <= 0):
            raise OrderRefused(f"{field}: a {order.type} order needs one above 0", field=field)
    if order.type is OrderType.MARKET and order.tif is TimeInForce.GTC:
        raise OrderRefused("tif: Schwab takes market orders for the day only", field="tif")
    if order.tif is TimeInForce.EXTENDED and (
        order.type is not OrderType.LIMIT or instrument.asset_class is not AssetClass.EQUITY
    ):
        raise OrderRefused("tif: outside regular hours Schwab takes limit orders of shares only", field="tif")
    if order.intent is OrderIntent.REVERSAL:
        raise OrderRefused("intent: at Schwab a reversal is two orders: close first, then open", field="intent")


# ---- theirs → ours -----------------------------------------------------------------------------------------


def venue_order(doc: OrderDoc) -> VenueOrder:
    """`NotUnderstood` for words that we do not know; an order of several legs is told by its first."""
    if doc.status not in _STATES or doc.order_type not in _TYPES_BACK or not doc.order_leg_collection:
        raise NotUnderstood(
            f"order {doc.order_id}: status {doc.status!r}, type {doc.order_type!r}, "
            f"{len(doc.order_leg_collection)} legs"
        )
    leg, state = doc.order_leg_collection[0], _STATES[doc.status]
    fills = venue_fills(doc)
    mine = [each for each in fills if each.symbol == _symbol(leg)]
    filled = max(sum((each.quantity for each in mine), ZERO), doc.filled_quantity)
    quantity = doc.quantity or leg.quantity
    return VenueOrder(
        venue_id=str(doc.order_id),
        symbol=_symbol(leg),
        side=_side(leg),
        quantity=quantity,
        type=_TYPES_BACK[doc.order_type],
        state=OrderState.PARTIALLY_FILLED if state is OrderState.WORKING and filled else state,
        limit_price=doc.price,
        stop_price=doc.stop_price,
        filled_quantity=quantity if state is OrderState.FILLED else filled,
        average_price=_average(mine),
        placed_ts=doc.entered_ts,
        updated_ts=doc.updated_ts,
        reason=plain(doc.status_description) if state in (OrderState.REJECTED, OrderState.CANCELLED) else "",
        code=doc.status_description if state is OrderState.REJECTED else "",
        fills=fills,
        group=doc.group,
    )


def venue_fills(doc: OrderDoc) -> tuple[VenueFill, ...]:
    """Every execution so far, of every leg."""
    legs = {leg.leg_id: leg for leg in doc.order_leg_collection}
    found = []
    for each in doc.executions:
        leg = legs.get(each.leg_id)
        if leg is None:
            raise NotUnderstood(f"order {doc.order_id}: an execution of leg {each.leg_id}, which it does not have")
        found.append(
            VenueFill(
                fill_id=each.id, venue_id=str(doc.order_id), symbol=_symbol(leg), side=_side(leg),
                quantity=each.quantity, price=each.price, ts=each.ts,
                fee=(doc.unit_fee * each.quantity).quantize(_FEE_GRID),
            )
        )  # fmt: skip
    return tuple(found)


def is_superseded(doc: OrderDoc) -> bool:
    """Another order took its place."""
    return doc.status == REPLACED


def is_open(doc: OrderDoc) -> bool:
    """What we do not know counts as open."""
    state = _STATES.get(doc.status)
    return state is None or not state.is_final


def looks_like(doc: OrderDoc, body: dict[str, Any]) -> bool:
    """Whether `doc` is what Schwab makes of `body`: everything that we chose about the order is compared."""
    if len(doc.order_leg_collection) != 1:
        return False
    leg, wanted = doc.order_leg_collection[0], body["orderLegCollection"][0]
    return (
        (leg.instruction, leg.instrument.symbol) == (wanted["instruction"], wanted["instrument"]["symbol"])
        and (doc.quantity or leg.quantity) == wanted["quantity"]
        and (doc.order_type, doc.session, doc.duration) == (body["orderType"], body["session"], body["duration"])
        and _same(doc.price, body.get("price"))
        and (doc.order_type not in ("STOP", "STOP_LIMIT") or _same(doc.stop_price, body.get("stopPrice")))
        and _same(doc.stop_price_offset, body.get("stopPriceOffset"))
    )


def positions(account: SecuritiesAccountDoc) -> tuple[VenuePosition, ...]:
    """What the account holds of what can be traded here; cash sweeps, bonds and funds are left out."""
    return tuple(_position(each) for each in account.positions if _is_held(each))


def balances(account: SecuritiesAccountDoc) -> Balances:
    doc = account.current_balances
    return Balances(
        cash=doc.cash_balance if doc.cash_balance is not None else doc.total_cash,
        net_liquidation=doc.liquidation_value,
        buying_power=doc.buying_power if doc.buying_power is not None else doc.cash_available_for_trading,
    )


def stamp(ts: int) -> str:
    """ "2026-11-20T15:00:01.653Z", as questions want it."""
    return to_datetime(ts).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _same(told: Decimal | None, sent: str | None) -> bool:
    return told == (None if sent is None else Decimal(sent))


def _symbol(leg: LegDoc) -> str:
    return our_symbol(leg.instrument.symbol, leg.instrument.asset_type)


def _side(leg: LegDoc) -> Side:
    if leg.instruction.startswith("BUY"):
        return Side.BUY
    if leg.instruction.startswith("SELL"):
        return Side.SELL
    raise NotUnderstood(f"instruction: a kind of BUY or SELL was expected, found {leg.instruction!r}")


def _is_held(doc: PositionDoc) -> bool:
    return doc.instrument.asset_type in _TRADABLE and doc.long_quantity != doc.short_quantity


def _position(doc: PositionDoc) -> VenuePosition:
    return VenuePosition(
        symbol=our_symbol(doc.instrument.symbol, "OPTION" if doc.instrument.asset_type == "OPTION" else "EQUITY"),
        quantity=doc.long_quantity - doc.short_quantity,
        average_price=doc.average_price,
    )


def _average(fills: Iterable[VenueFill]) -> Decimal | None:
    found = list(fills)
    filled = sum((each.quantity for each in found), ZERO)
    return sum((each.quantity * each.price for each in found), ZERO) / filled if filled else None
