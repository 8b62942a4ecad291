"""What can be known to be wrong with an order before it is sent, in words for people."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from brokers.features import Features
from brokers.venue import OrderRefused
from engine.errors import InvalidInput
from engine.instruments.instrument import ON_MARGIN, AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.instruments.sessions import is_open
from engine.model.enums import OrderType, Side, TimeInForce
from engine.model.orders import EXCHANGE_CLOSED, Order
from engine.risk.gate import adds_exposure
from engine.venue.margin import cannot_pay
from engine.venue.refusal import Refusal


class Situation(NamedTuple):
    """What the checks may look at. Quantities are signed; money is None where the venue did not tell."""

    instrument: Instrument
    features: Features
    now: int
    position: Decimal  # of the strategy, in this symbol, at this account
    in_account: Decimal | None  # what the account holds of the symbol, over all strategies
    last_price: float  # nan before the first
    buying_power: Decimal | None
    allow_short: bool
    is_always_open: bool = False


def refusal(order: Order, at: Situation) -> Refusal | None:
    """The first check that says no."""
    for check in _CHECKS:
        found = check(order, at)
        if found is not None:
            return found
    return None


def not_taken(request: Callable[[], object]) -> Refusal | None:
    """Why the venue has no such order; `request` writes what it would get."""
    try:
        request()
    except OrderRefused as error:
        return Refusal(error.venue_code or error.code, error.detail)
    except InvalidInput as error:
        return Refusal(error.code, error.detail)
    return None


def _asset_class(order: Order, at: Situation) -> Refusal | None:
    problem = at.features.asset_class_problem(at.instrument.asset_class)
    return Refusal("asset_class", problem) if problem else None


def _order_type(order: Order, at: Situation) -> Refusal | None:
    if order.type not in at.features.order_types:
        return Refusal("order_type", f"{at.features.title} takes no {order.type.replace('_', ' ')} orders.")
    if order.tif not in at.features.time_in_force:
        return Refusal("time_in_force", f"{at.features.title} takes no orders that last {order.tif}.")
    return None


def _quantity(order: Order, at: Situation) -> Refusal | None:
    if order.quantity <= 0:
        return Refusal("quantity", f"a quantity above 0 was expected, found {order.quantity}.")
    problem = at.features.quantity_problem(at.instrument.asset_class, order.quantity)
    return Refusal("quantity", problem) if problem else None


def _tick_grid(order: Order, at: Situation) -> Refusal | None:
    for name, price in (("limit", order.limit_price), ("stop", order.stop_price), ("trail", order.trail)):
        if price is None:
            continue
        step = _tick_size(at.instrument, price)
        if price % step:
            return Refusal("tick_grid", f"the {name} price {price} is not on the price grid of {step.normalize():f}.")
    return None


def _tick_size(instrument: Instrument, price: Decimal) -> Decimal:
    if instrument.asset_class is AssetClass.OPTION:
        return parse_option(instrument.symbol).tick_size(price)
    return instrument.tick_size


def _session(order: Order, at: Situation) -> Refusal | None:
    """An order for now needs an exchange that trades; one that waits for a price may wait for the opening too."""
    if order.type is not OrderType.MARKET or order.tif is TimeInForce.EXTENDED:
        return None
    if at.is_always_open or is_open(at.instrument.calendar, at.now):
        return None
    return Refusal(EXCHANGE_CLOSED, f"the exchange of {order.symbol} ({at.instrument.calendar}) is closed now.")


def reduces_only(order: Order, at: Situation) -> Refusal | None:
    """What closes a position, or takes a part off it, never opens one, whatever happened since it was decided."""
    if adds_exposure(order):
        return None
    left = at.position + order.side.sign * order.quantity
    if at.position * order.side.sign >= 0 or left * at.position < 0:
        return Refusal("reduce_only", f"it would close {order.quantity}, and {abs(at.position)} is held.")
    if at.in_account is not None and at.in_account * order.side.sign > -order.quantity:
        return Refusal("reduce_only", f"it would close {order.quantity}, and the account holds {at.in_account}.")
    return None


def _short_sale(order: Order, at: Situation) -> Refusal | None:
    if order.side is Side.BUY or not adds_exposure(order) or at.position > 0:
        return None
    if at.instrument.asset_class is AssetClass.OPTION:
        return Refusal("short_sale", "options are not written by this product: only bought, and sold again.")
    if at.instrument.asset_class is AssetClass.EQUITY and not at.allow_short:
        return Refusal("short_sale", f"the book's policy allows no short sale of shares ({order.symbol}).")
    return None


def _buying_power(order: Order, at: Situation) -> Refusal | None:
    """Shares and options are paid in full; what a future or a currency pair needs as margin only the venue knows."""
    if at.buying_power is None or not adds_exposure(order) or at.instrument.asset_class in ON_MARGIN:
        return None
    price = order.limit_price or order.stop_price
    if price is None and at.last_price == at.last_price:
        price = at.instrument.price(at.last_price)
    added = abs(at.position + order.side.sign * order.quantity) - abs(at.position)
    if price is None or added <= 0:
        return None
    cost = at.instrument.notional(price=price, quantity=added)
    if cost > at.buying_power:
        return Refusal("buying_power", cannot_pay(cost, at.buying_power))
    return None


_CHECKS: tuple[Callable[[Order, Situation], Refusal | None], ...] = (
    _asset_class,
    _order_type,
    _quantity,
    _tick_grid,
    reduces_only,
    _session,
    _short_sale,
    _buying_power,
)
