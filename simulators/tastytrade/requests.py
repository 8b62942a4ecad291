"""Orders as tastytrade's clients send them: read, and held against the venue's rules."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.errors import FortifiedError
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, Side
from simulators.brokerage.brokerage import Brokerage
from simulators.brokerage.listed import Listed
from simulators.brokerage.orders import Ticket
from simulators.tastytrade.words import ACTIONS, INSTRUMENT_TYPES, ORDER_TYPES, TIME_IN_FORCE, symbol_of


class RuleBroken(FortifiedError):
    """The request is well formed, and the venue does not take it: HTTP 422 with the code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Leg(msgspec.Struct, rename="kebab"):
    instrument_type: str
    symbol: str
    action: str
    quantity: Decimal | None = None


class Advanced(msgspec.Struct, rename="kebab"):
    strict_position_effect_validation: bool = False


class OrderBody(msgspec.Struct, rename="kebab"):
    """What is understood of an order; the rest is ignored, as the venue does."""

    order_type: str
    time_in_force: str
    legs: list[Leg] = []
    price: Decimal | None = None
    price_effect: str | None = None
    stop_trigger: Decimal | None = None
    gtc_date: str | None = None
    source: str | None = None
    external_identifier: str | None = None
    advanced_instructions: Advanced | None = None


class ComplexBody(msgspec.Struct, rename="kebab"):
    type: str
    orders: list[OrderBody]
    trigger_order: OrderBody | None = None


class ChangeBody(msgspec.Struct, rename="kebab"):
    """A replacement: what is left out stays."""

    order_type: str | None = None
    time_in_force: str | None = None
    price: Decimal | None = None
    price_effect: str | None = None
    stop_trigger: Decimal | None = None
    legs: list[Leg] = []
    external_identifier: str | None = None


def ticket_of(body: OrderBody, brokerage: Brokerage, account: str, *, is_child: bool = False) -> Ticket:
    """The ticket that the body asks for. `RuleBroken` where it breaks one of the venue's own rules; what every
    broker checks is left to the brokerage."""
    if body.order_type not in ORDER_TYPES:
        raise RuleBroken("invalid_order_type", f"One of {', '.join(ORDER_TYPES)} was expected.")
    if body.time_in_force not in TIME_IN_FORCE:
        raise RuleBroken("invalid_time_in_force", f"One of {', '.join(TIME_IN_FORCE)} was expected.")
    leg = _only_leg(body)
    listed = brokerage.listed(leg.symbol)
    _check_leg(leg, listed)
    kind, side = ORDER_TYPES[body.order_type], ACTIONS[leg.action]
    _check_prices(body, kind, side)
    if not is_child:
        _check_effect(body, leg, brokerage.account(account).quantity(listed.symbol))
    return Ticket(
        symbol=leg.symbol,
        side=side,
        quantity=leg.quantity or Decimal(0),
        type=kind,
        limit_price=body.price,
        stop_price=body.stop_trigger,
        tif=TIME_IN_FORCE[body.time_in_force],
        extended="Ext" in body.time_in_force,
        tag=body.external_identifier or "",
        payload={
            "action": leg.action,
            "source": body.source,
            "time-in-force": body.time_in_force,
            "order-type": body.order_type,
            "price-effect": body.price_effect,
        },
    )


def changed(body: ChangeBody, old: Ticket) -> Ticket:
    """`old` with what the body changes; the legs must be the same."""
    payload: dict[str, Any] = dict(old.payload)
    order_type = body.order_type or str(payload["order-type"])
    if body.legs and (body.legs[0].symbol != old.symbol or ACTIONS.get(body.legs[0].action) is not old.side):
        raise RuleBroken("cannot_update_order", "The legs of a replacement must be those of the original order.")
    kind = ORDER_TYPES.get(order_type)
    if kind is None:
        raise RuleBroken("invalid_order_type", f"One of {', '.join(ORDER_TYPES)} was expected.")
    tif = body.time_in_force or str(payload["time-in-force"])
    quantity = body.legs[0].quantity if body.legs else None
    payload |= {
        "order-type": order_type,
        "time-in-force": tif,
        "price-effect": body.price_effect or payload["price-effect"],
    }
    return msgspec.structs.replace(
        old,
        type=kind,
        tif=TIME_IN_FORCE[tif],
        quantity=quantity if quantity is not None else old.quantity,
        limit_price=body.price if body.price is not None else old.limit_price,
        stop_price=body.stop_trigger if body.stop_trigger is not None else old.stop_price,
        tag=body.external_identifier or old.tag,
        payload=payload,
    )


def _only_leg(body: OrderBody) -> Leg:
    if not body.legs:
        raise RuleBroken("order_must_have_legs", "An order needs a leg.")
    if len(body.legs) > 1:
        raise RuleBroken("too_many_legs", "This simulator takes orders of one leg.")
    (leg,) = body.legs
    if leg.action not in ACTIONS:
        raise RuleBroken("invalid_action", f"One of {', '.join(ACTIONS)} was expected.")
    return leg


def _check_leg(leg: Leg, listed: Listed) -> None:
    asset_class = listed.instrument.asset_class
    if leg.instrument_type != INSTRUMENT_TYPES[asset_class]:
        raise RuleBroken("instrument_validation_failed", f"{leg.symbol} is no {leg.instrument_type}.")
    if leg.symbol != symbol_of(listed.symbol):
        raise RuleBroken("instrument_validation_failed", f"{leg.symbol} is not known; {symbol_of(listed.symbol)} is.")
    if leg.action in ("Buy", "Sell") and asset_class is not AssetClass.FUTURE:
        raise RuleBroken("invalid_action", "Buy and Sell are for outright futures only.")
    if leg.quantity is None or leg.quantity != leg.quantity.to_integral_value():
        raise RuleBroken("invalid_quantity", "A whole quantity was expected.")


def _check_prices(body: OrderBody, kind: OrderType, side: Side) -> None:
    needs_price = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    if not needs_price and body.price is not None:
        raise RuleBroken("order_must_omit_price", f"{body.order_type} orders must not have a price.")
    if kind is OrderType.MARKET and body.time_in_force in ("GTC", "GTD", "GTC Ext"):
        raise RuleBroken("gtc_market_orders_not_supported", "Market orders cannot be good till cancelled.")
    if body.time_in_force == "GTD" and not body.gtc_date:
        raise RuleBroken("gtd_requires_date", "Good till date needs a date.")
    if needs_price and side is Side.BUY and body.price_effect == "Credit":
        raise RuleBroken("cant_buy_for_credit", "You cannot buy for a credit.")
    if needs_price and side is Side.SELL and body.price_effect == "Debit":
        raise RuleBroken("cant_sell_for_debit", "You cannot sell for a debit.")
    if needs_price and body.price_effect not in ("Credit", "Debit"):
        raise RuleBroken("price_effect_required", "A price needs its effect, Credit or Debit.")


def _check_effect(body: OrderBody, leg: Leg, held: Decimal) -> None:
    """A position is never long and short at once. What closes nothing opens, unless the client forbids that."""
    side = ACTIONS[leg.action]
    if "Open" in leg.action and held * side.sign < 0:
        raise RuleBroken("cannot_open_opposite_position", f"{leg.action} while the opposite is held.")
    strict = body.advanced_instructions is not None and body.advanced_instructions.strict_position_effect_validation
    if strict and "Close" in leg.action and held * side.sign >= 0:
        raise RuleBroken("no_position_to_close", f"{leg.action} without a position.")
    quantity = leg.quantity or Decimal(0)
    if "Close" in leg.action and held * side.sign < 0 and quantity > abs(held):
        raise RuleBroken("closing_more_than_held", f"{leg.action} of {quantity} with {abs(held)} held.")
