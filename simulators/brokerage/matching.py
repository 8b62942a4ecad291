"""Where an order meets the market: pure."""

from decimal import Decimal

from engine.model.enums import OrderType, Side
from simulators.brokerage.listed import Touch
from simulators.brokerage.orders import SimOrder

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})


def crossing(order: SimOrder, touch: Touch) -> Decimal | None:
    """The price at which `order` trades at this moment; None where it does not. Moves trailing stops and triggers.

    A market order pays the far side of the quote. A limit order that rests trades at its own price, one that crosses
    on arrival at the better one of the quote.
    """
    ticket = order.ticket
    if ticket.type in _STOPS and not order.is_triggered:
        _trail(order, touch)
        if not _is_reached(order, touch):
            return None
        order.is_triggered = True
    far = touch.ask if ticket.side is Side.BUY else touch.bid
    if ticket.type not in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        return far if far > 0 else None
    limit = ticket.limit_price
    if limit is None or far <= 0 or (far > limit if ticket.side is Side.BUY else far < limit):
        return None
    return far if order.is_new else limit


def _trail(order: SimOrder, touch: Touch) -> None:
    ticket = order.ticket
    if ticket.type is not OrderType.TRAILING_STOP:
        return
    distance = ticket.trail if ticket.trail is not None else touch.price * (ticket.trail_pct or Decimal(0))
    level = touch.price - ticket.side.opposite.sign * distance
    if order.stop_price is None:
        order.stop_price = level
    elif ticket.side is Side.SELL:
        order.stop_price = max(order.stop_price, level)
    else:
        order.stop_price = min(order.stop_price, level)


def _is_reached(order: SimOrder, touch: Touch) -> bool:
    if order.stop_price is None:
        return False
    if order.ticket.side is Side.BUY:
        return touch.price >= order.stop_price
    return touch.price <= order.stop_price
