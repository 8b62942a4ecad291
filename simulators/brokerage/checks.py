"""What a broker looks at before it takes an order."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType, Side
from simulators.brokerage.account import Account, PriceOf
from simulators.brokerage.listed import Listed
from simulators.brokerage.orders import Refusal, SimOrder, State, Ticket

_NEEDS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_NEEDS_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)
_SHARE_STEP = Decimal("0.000000001")  # the finest that any venue takes; each checks its own
ZERO = Decimal(0)


class Asked(msgspec.Struct, frozen=True):
    """An order that somebody wants. `is_child`: it will close what another one opens, or trade in its stead."""

    account: Account
    ticket: Ticket
    listed: Listed
    open_orders: Sequence[SimOrder]
    is_child: bool = False
    replacing: SimOrder | None = None

    @property
    def held(self) -> Decimal:
        return self.account.quantity(self.listed.symbol)

    @property
    def after(self) -> Decimal:
        return self.held + self.ticket.quantity * self.ticket.side.sign


def check(asked: Asked, *, now: int, price_of: PriceOf, hard_to_borrow: frozenset[str]) -> None:
    """`Refusal` with one of the core's codes: bad_quantity, bad_price, expired, not_shortable, buying_power."""
    _check_form(asked.ticket, asked.listed)
    if asked.listed.has_expired(now):
        raise Refusal("expired", f"{asked.listed.symbol} has expired.")
    if asked.is_child:
        return
    if asked.ticket.side is Side.SELL and asked.after < 0:
        _check_short(asked, hard_to_borrow)
    if abs(asked.after) > abs(asked.held):
        _check_power(asked, price_of)


def tick_size(listed: Listed, price: Decimal) -> Decimal:
    """The price grid at `price`: options change it at 3.00, stocks at 1.00."""
    if listed.contract is not None:
        return listed.contract.tick_size(price)
    if listed.instrument.asset_class is AssetClass.EQUITY and price < 1:
        return Decimal("0.0001")
    return listed.instrument.tick_size


def _check_form(ticket: Ticket, listed: Listed) -> None:
    is_share = listed.instrument.asset_class is AssetClass.EQUITY
    step = _SHARE_STEP if is_share else listed.instrument.quantity_step
    if ticket.quantity <= 0 or ticket.quantity % step:
        raise Refusal("bad_quantity", f"A quantity in steps of {step:f} was expected, found {ticket.quantity}.")
    if ticket.type in _NEEDS_LIMIT and ticket.limit_price is None:
        raise Refusal("bad_price", f"A {ticket.type} order needs a limit price.")
    if ticket.type in _NEEDS_STOP and ticket.stop_price is None:
        raise Refusal("bad_price", f"A {ticket.type} order needs a stop price.")
    if ticket.type is OrderType.TRAILING_STOP and not (ticket.trail or ticket.trail_pct):
        raise Refusal("bad_price", "A trailing stop needs its distance.")
    for price in (ticket.limit_price, ticket.stop_price):
        if price is not None and (price <= 0 or price % tick_size(listed, price)):
            raise Refusal("bad_price", f"A price in steps of {tick_size(listed, price)} was expected, found {price}.")


def _check_short(asked: Asked, hard_to_borrow: frozenset[str]) -> None:
    if asked.listed.instrument.asset_class is not AssetClass.EQUITY:
        return
    if not asked.account.setup.is_margin or asked.listed.symbol in hard_to_borrow:
        raise Refusal("not_shortable", f"{asked.listed.symbol} cannot be sold short in this account.")


def _check_power(asked: Asked, price_of: PriceOf) -> None:
    """What the order opens, and what is out already, must be covered; what it closes on the way comes free."""
    account, ticket, instrument = asked.account, asked.ticket, asked.listed.instrument
    price = ticket.limit_price or ticket.stop_price or price_of(asked.listed.symbol)
    if price is None:
        return
    is_flip = asked.held * asked.after < 0
    opening = asked.after if is_flip else asked.after - asked.held
    needed = account.margin(instrument, opening, price) + _bound(asked, price_of)
    free = account.buying_power(price_of)
    if is_flip:
        free += account.margin(instrument, asked.held, price)
    if needed > free:
        raise Refusal("buying_power", f"{needed:.2f} of buying power is needed, the account has {free:.2f}.")


def _bound(asked: Asked, price_of: PriceOf) -> Decimal:
    """Buying power that open orders have taken: those that open something on their own."""
    total = ZERO
    for order in asked.open_orders:
        is_own = asked.replacing is not None and order.id == asked.replacing.id
        held = asked.account.quantity(order.symbol)
        if is_own or order.parent or order.state is State.CONTINGENT or held * order.ticket.side.sign < 0:
            continue
        price = order.ticket.limit_price or order.ticket.stop_price or price_of(order.symbol)
        if price is not None:
            quantity = order.remaining * order.ticket.side.sign
            total += asked.account.margin(instrument_for(order.symbol), quantity, price)
    return total
