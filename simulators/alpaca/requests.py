"""Orders as Alpaca's clients send them: read, and held against the venue's rules."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.errors import FortifiedError
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass
from engine.instruments.options import is_option, parse_option
from engine.model.enums import OrderType, Side, TimeInForce
from simulators.alpaca.documents import number
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.orders import SimOrder, State, Ticket

VALIDATION, FORBIDDEN, NOT_UNIQUE = 42210000, 40310000, 40010001
MAX_NAME = 128
_TIMES = {"day": TimeInForce.DAY, "gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.IOC}
_SHARE_STEP = Decimal("0.000000001")


class RuleBroken(FortifiedError):
    """The request is well formed, and Alpaca does not take it."""

    def __init__(self, status: int, number: int, detail: str, **extras: str) -> None:
        super().__init__(detail)
        self.status, self.number, self.extras = status, number, extras


class TakeProfit(msgspec.Struct):
    limit_price: Decimal


class StopLoss(msgspec.Struct):
    stop_price: Decimal
    limit_price: Decimal | None = None


class OrderBody(msgspec.Struct):
    symbol: str
    side: Side
    type: OrderType
    time_in_force: str
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str = ""
    order_class: str = ""
    take_profit: TakeProfit | None = None
    stop_loss: StopLoss | None = None
    position_intent: str | None = None


class ChangeBody(msgspec.Struct):
    """A replacement: what is left out stays."""

    qty: Decimal | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    client_order_id: str = ""


def read(body: bytes, kind: type[Any]) -> Any:
    """`RuleBroken` (422) for what is no such request."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise RuleBroken(422, VALIDATION, str(error)) from None


def our_symbol(symbol: str) -> str:
    return parse_option(symbol).symbol if is_option(symbol) else symbol


def ticket_of(body: OrderBody, brokerage: Brokerage, account: str) -> Ticket:
    """`RuleBroken` where Alpaca has no such order."""
    symbol = our_symbol(body.symbol)
    quantity = _quantity(body, brokerage, symbol)
    ticket = Ticket(
        symbol=symbol, side=body.side, quantity=quantity, type=body.type, limit_price=body.limit_price,
        stop_price=body.stop_price, trail=body.trail_price,
        trail_pct=body.trail_percent / 100 if body.trail_percent else None, tif=_time(body.time_in_force),
        extended=body.extended_hours, tag=body.client_order_id,
        payload={
            "order_class": body.order_class, "notional": number(body.notional) if body.notional else None,
            "position_intent": body.position_intent,
        },
    )  # fmt: skip
    _check_form(body, ticket)
    _check_unique(body.client_order_id, brokerage, account)
    _check_available(ticket, brokerage, account)
    return ticket


def children_of(body: OrderBody, ticket: Ticket) -> list[Ticket]:
    """The exits of a bracket, an OTO or an OCO, each of the other side but in an OCO."""
    side = ticket.side if body.order_class == "oco" else ticket.side.opposite
    base = Ticket(
        symbol=ticket.symbol, side=side, quantity=ticket.quantity, tif=ticket.tif,
        payload={"order_class": body.order_class},
    )  # fmt: skip
    found: list[Ticket] = []
    if body.take_profit is not None:
        limit = body.take_profit.limit_price
        found.append(msgspec.structs.replace(base, type=OrderType.LIMIT, limit_price=limit))
    if body.stop_loss is not None:
        loss = body.stop_loss
        kind = OrderType.STOP_LIMIT if loss.limit_price else OrderType.STOP
        found.append(msgspec.structs.replace(base, type=kind, stop_price=loss.stop_price, limit_price=loss.limit_price))
    _check_children(body, found)
    return found


def changed(body: ChangeBody, old: SimOrder, brokerage: Brokerage) -> Ticket:
    """The old order's ticket with what is to change."""
    _check_unique(body.client_order_id, brokerage, old.account)
    ticket = old.ticket
    new = {
        "quantity": body.qty, "limit_price": body.limit_price, "stop_price": body.stop_price, "trail": body.trail,
        "tif": _time(body.time_in_force) if body.time_in_force else None,
    }  # fmt: skip
    wanted = {name: value for name, value in new.items() if value is not None}
    if not wanted:
        raise RuleBroken(422, VALIDATION, "order parameters are not changed")
    return msgspec.structs.replace(ticket, tag=body.client_order_id, **wanted)


def _quantity(body: OrderBody, brokerage: Brokerage, symbol: str) -> Decimal:
    if body.qty is not None and body.notional is None:
        return body.qty
    if body.notional is None or body.qty is not None:
        raise RuleBroken(422, VALIDATION, "qty or notional is required, not both")
    price = brokerage.price_of(symbol)
    if price is None:
        raise RuleBroken(422, VALIDATION, f"no price for {symbol}")
    return (body.notional / price).quantize(_SHARE_STEP)


def _check_form(body: OrderBody, ticket: Ticket) -> None:
    is_part = ticket.quantity != ticket.quantity.to_integral_value()
    if len(body.client_order_id) > MAX_NAME:
        raise RuleBroken(422, VALIDATION, f"client_order_id must be no more than {MAX_NAME} characters")
    if ticket.quantity <= 0:
        raise RuleBroken(422, VALIDATION, "qty must be > 0")
    if is_part and (body.time_in_force != "day" or body.extended_hours or ticket.type is OrderType.TRAILING_STOP):
        raise RuleBroken(422, VALIDATION, "fractional orders must be DAY orders")
    if body.extended_hours and (ticket.type is not OrderType.LIMIT or body.time_in_force not in ("day", "gtc")):
        raise RuleBroken(422, VALIDATION, "extended hours order must be DAY limit orders")
    if instrument_for(ticket.symbol).asset_class is AssetClass.OPTION and (is_part or body.time_in_force != "day"):
        raise RuleBroken(422, VALIDATION, "options orders must be whole and DAY")
    if body.order_class and (body.notional or body.extended_hours):
        raise RuleBroken(422, VALIDATION, f"{body.order_class} orders take neither notional nor extended_hours")


def _check_children(body: OrderBody, children: list[Ticket]) -> None:
    wanted = {"bracket": 2, "oco": 2, "oto": 1}.get(body.order_class)
    if wanted is None or len(children) != wanted:
        raise RuleBroken(422, VALIDATION, f"{body.order_class} orders need their take_profit and stop_loss")
    profit, loss = body.take_profit, body.stop_loss
    if profit and loss and (profit.limit_price > loss.stop_price) is not (children[0].side is Side.SELL):
        raise RuleBroken(422, VALIDATION, "take_profit.limit_price and stop_loss.stop_price are crossed")


def _check_unique(name: str, brokerage: Brokerage, account: str) -> None:
    if name and any(order.ticket.tag == name for order in brokerage.orders(account)):
        raise RuleBroken(422, NOT_UNIQUE, "client_order_id must be unique")


def _check_available(ticket: Ticket, brokerage: Brokerage, account: str) -> None:
    """Nobody flips a position with one order: more than is held, and not promised to other orders, is refused."""
    held = brokerage.account(account).quantity(ticket.symbol)
    if held * ticket.side.sign >= 0:
        return
    promised = reserved(brokerage, account, ticket.symbol, ticket.side)
    available = abs(held) - promised
    if ticket.quantity > available:
        counts = f"requested: {number(ticket.quantity)}, available: {number(available)}"
        text = f"insufficient qty available for order ({counts})"
        raise RuleBroken(
            403, FORBIDDEN, text, symbol=ticket.symbol, available=number(available), existing_qty=number(abs(held)),
            held_for_orders=number(promised),
        )  # fmt: skip


def reserved(brokerage: Brokerage, account: str, symbol: str, side: Side) -> Decimal:
    """What open orders of this side will take; of an OCO's legs only one will."""
    total, groups = Decimal(0), set()
    for order in brokerage.orders(account):
        if order.state.is_final or order.symbol != symbol or order.ticket.side is not side or _is_waiting(order):
            continue
        if order.is_oco and order.group in groups:
            continue
        groups.add(order.group if order.is_oco else 0)
        total += order.remaining
    return total


def _is_waiting(order: SimOrder) -> bool:
    return order.state is State.CONTINGENT


def _time(text: str) -> TimeInForce:
    if text not in _TIMES:
        raise RuleBroken(422, VALIDATION, f"invalid time_in_force {text!r}")
    return _TIMES[text]
