"""Schwab's order documents to the brokerage's tickets, and the venue's own rules about them."""

from decimal import Decimal

import msgspec

from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, Side, TimeInForce
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import Refusal, Ticket
from simulators.schwab.names import class_of

ORDER_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOP": OrderType.STOP,
    "STOP_LIMIT": OrderType.STOP_LIMIT,
    "TRAILING_STOP": OrderType.TRAILING_STOP,
}
DURATIONS = {
    "DAY": TimeInForce.DAY,
    "GOOD_TILL_CANCEL": TimeInForce.GTC,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.IOC,
}
SESSIONS = ("NORMAL", "AM", "PM", "SEAMLESS")
_SHARES = {"BUY": 1, "SELL": -1, "SELL_SHORT": -1, "BUY_TO_COVER": 1}
_OPTIONS = {"BUY_TO_OPEN": 1, "BUY_TO_CLOSE": 1, "SELL_TO_OPEN": -1, "SELL_TO_CLOSE": -1}
_CLOSING = {"SELL": 1, "SELL_TO_CLOSE": 1, "BUY_TO_COVER": -1, "BUY_TO_CLOSE": -1}  # → the sign of what must be held
OVERSOLD = "This order may result in an oversold/overbought position in your account."


class Instrument(msgspec.Struct, rename="camel"):
    symbol: str = ""
    asset_type: str = ""


class Leg(msgspec.Struct, rename="camel"):
    instruction: str = ""
    quantity: Decimal = Decimal(0)
    instrument: Instrument = msgspec.field(default_factory=Instrument)


class OrderBody(msgspec.Struct, rename="camel"):
    """What a client posts; a bracket holds others."""

    order_strategy_type: str = "SINGLE"
    order_type: str = ""
    session: str = "NORMAL"
    duration: str = "DAY"
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_price_offset: Decimal | None = None
    stop_price_link_type: str = "VALUE"
    order_leg_collection: list[Leg] = []
    child_order_strategies: list["OrderBody"] = []


def rule_broken(text: str) -> Refusal:
    return Refusal("validation", text)


def ticket_of(body: OrderBody, brokerage: Brokerage, account: str, *, is_child: bool = False) -> Ticket:
    """`Refusal` where it breaks one of the venue's own rules; what every broker checks is left to the brokerage."""
    if body.order_type not in ORDER_TYPES:
        raise rule_broken(f"orderType: one of {', '.join(ORDER_TYPES)} was expected")
    if body.duration not in DURATIONS or body.session not in SESSIONS:
        raise rule_broken("session or duration is not supported")
    if len(body.order_leg_collection) != 1:
        raise rule_broken("one order leg was expected here")
    leg = body.order_leg_collection[0]
    side = _side(leg)
    kind = ORDER_TYPES[body.order_type]
    _check_prices(body, kind)
    if body.session != "NORMAL" and kind is not OrderType.LIMIT:
        raise rule_broken("Only limit orders are allowed in the extended-hours sessions.")
    if not is_child:
        _check_effect(leg, brokerage, account)
    trail = body.stop_price_offset if kind is OrderType.TRAILING_STOP else None
    is_percent = body.stop_price_link_type == "PERCENT"
    return Ticket(
        symbol=brokerage.listed(leg.instrument.symbol).symbol,
        side=side,
        quantity=leg.quantity,
        type=kind,
        limit_price=body.price,
        stop_price=body.stop_price,
        trail=None if is_percent else trail,
        trail_pct=trail / 100 if is_percent and trail is not None else None,
        tif=DURATIONS[body.duration],
        extended=body.session != "NORMAL",
        payload={
            "instruction": leg.instruction, "session": body.session, "duration": body.duration,
            "orderType": body.order_type, "assetType": leg.instrument.asset_type, "symbol": leg.instrument.symbol,
        },
    )  # fmt: skip


def _side(leg: Leg) -> Side:
    """Futures are not taken, fractions neither; the instruction fits the asset type."""
    signs: dict[str, dict[str, int]] = {"EQUITY": _SHARES, "OPTION": _OPTIONS}
    found = signs.get(leg.instrument.asset_type)
    if found is None:
        raise rule_broken(f"assetType: EQUITY or OPTION was expected, found {leg.instrument.asset_type!r}")
    if leg.instruction not in found:
        raise rule_broken(f"instruction: one of {', '.join(found)} was expected, found {leg.instruction!r}")
    is_option = class_of(leg.instrument.symbol) is AssetClass.OPTION
    if is_option is not (leg.instrument.asset_type == "OPTION") or leg.instrument.symbol.startswith(("/", "$")):
        raise rule_broken(f"{leg.instrument.symbol} is no {leg.instrument.asset_type}")
    if leg.quantity <= 0 or leg.quantity != leg.quantity.to_integral_value():
        raise rule_broken("quantity: a whole number above 0 was expected")
    return Side.BUY if found[leg.instruction] > 0 else Side.SELL


def _check_prices(body: OrderBody, kind: OrderType) -> None:
    needs_price = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    if needs_price is not (body.price is not None):
        raise rule_broken(f"price: {'expected' if needs_price else 'not allowed'} for a {body.order_type} order")
    if (kind in (OrderType.STOP, OrderType.STOP_LIMIT)) is not (body.stop_price is not None):
        raise rule_broken(f"stopPrice: does not go with a {body.order_type} order, or is missing")
    if kind is OrderType.TRAILING_STOP and not body.stop_price_offset:
        raise rule_broken("stopPriceOffset was expected for a TRAILING_STOP order")
    if kind is OrderType.MARKET and body.duration == "GOOD_TILL_CANCEL":
        raise rule_broken("Market orders are good for the day only.")


def _check_effect(leg: Leg, brokerage: Brokerage, account: str) -> None:
    """What closes must have something to close that no other order will; a sale of shares that are not held must say
    that it is short."""
    symbol = brokerage.listed(leg.instrument.symbol).symbol
    held = brokerage.account(account).quantity(symbol)
    sign = _CLOSING.get(leg.instruction)
    if sign is None:
        if held * (1 if leg.instruction.startswith("BUY") else -1) < 0:
            raise rule_broken(OVERSOLD)
    elif held * sign - _promised(brokerage, account, symbol, sign) < leg.quantity:
        raise rule_broken(OVERSOLD)


def _promised(brokerage: Brokerage, account: str, symbol: str, sign: int) -> Decimal:
    """What open orders will close already; of a group only one will."""
    closing: dict[tuple[str, int], Decimal] = {}
    for order in brokerage.orders(account, since=brokerage.now + 1):
        if not order.state.is_final and order.symbol == symbol and order.ticket.side.sign == -sign:
            key = ("group", order.group) if order.group else ("order", order.id)
            closing[key] = max(closing.get(key, Decimal(0)), order.remaining)
    return sum(closing.values(), Decimal(0))


def decode_order(body: bytes) -> OrderBody:
    """The posted order; numbers may come as text."""
    return msgspec.json.decode(body, type=OrderBody, strict=False)
