"""Orders, positions, fills and the account as Alpaca shows them: numbers as text, times in RFC 3339."""

import uuid
from decimal import Decimal
from typing import Any

from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.model.enums import OrderType, TimeInForce
from simulators.alpaca.wire import rfc3339
from simulators.brokerage.account import Account, Holding, PriceOf
from simulators.brokerage.orders import Execution, SimOrder, State

ZERO = Decimal(0)
_SPACE = uuid.UUID("5f1c2a10-0000-4000-8000-000000000000")
_TYPES = {kind: kind.value for kind in OrderType}
_TIMES = {TimeInForce.DAY: "day", TimeInForce.GTC: "gtc", TimeInForce.IOC: "ioc", TimeInForce.EXTENDED: "day"}
_STATES = {
    State.RECEIVED: "accepted",
    State.CONTINGENT: "held",
    State.WORKING: "new",
    State.FILLED: "filled",
    State.CANCELLED: "canceled",
    State.REPLACED: "replaced",
    State.REJECTED: "rejected",
    State.EXPIRED: "expired",
}


def order_uuid(order_id: int) -> str:
    """The order's name; `order_number` is the way back."""
    return f"61e69015-8549-4bfd-b9c3-{order_id:012x}"


def order_number(text: str) -> int:
    """0 for a name that is none of ours."""
    try:
        return int(uuid.UUID(text).hex[-12:], 16) if order_uuid(0)[:24] == text[:24] else 0
    except ValueError:
        return 0


def execution_uuid(execution_id: int) -> str:
    return str(uuid.uuid5(_SPACE, f"execution {execution_id}"))


def number(amount: Decimal) -> str:
    """As Alpaca writes it: "10", "0.5"."""
    return f"{amount.normalize():f}" if amount else "0"


def asset_uuid(symbol: str) -> str:
    return str(uuid.uuid5(_SPACE, f"asset {symbol}"))


def symbol_of(symbol: str) -> str:
    """Ours in Alpaca's spelling."""
    instrument = instrument_for(symbol)
    return parse_option(symbol).alpaca if instrument.asset_class is AssetClass.OPTION else symbol.replace("/", ".")


def status_of(order: SimOrder) -> str:
    if order.state.is_final:
        return _STATES[order.state]
    if order.is_cancelling:
        return "pending_cancel"
    if order.replaced_by:
        return "pending_replace"
    if order.state is State.CONTINGENT and order.replaces:
        return "pending_new"
    if order.fills and order.state is State.WORKING:
        return "partially_filled"
    return _STATES[order.state]


def order_document(order: SimOrder, *, legs: list[SimOrder] | None = None) -> dict[str, Any]:
    """An order; `legs` are shown where it is the first of a bracket or an OCO."""
    ticket, instrument = order.ticket, instrument_for(order.symbol)
    name = order_uuid(order.id)
    placed, updated = rfc3339(order.placed_ts), rfc3339(order.updated_ts)
    ended = rfc3339(order.ended_ts) if order.ended_ts else None
    payload = ticket.payload
    return {
        "id": name, "client_order_id": ticket.tag or str(uuid.uuid5(_SPACE, name)), "created_at": placed,
        "updated_at": updated, "submitted_at": placed, "filled_at": ended if order.state is State.FILLED else None,
        "expired_at": ended if order.state is State.EXPIRED else None,
        "canceled_at": ended if order.state is State.CANCELLED else None,
        "failed_at": ended if order.state is State.REJECTED else None,
        "replaced_at": ended if order.state is State.REPLACED else None,
        "replaced_by": order_uuid(order.replaced_by) if order.replaced_by else None,
        "replaces": order_uuid(order.replaces) if order.replaces else None,
        "asset_id": asset_uuid(order.symbol), "symbol": symbol_of(order.symbol),
        "asset_class": _asset_class(instrument), "notional": payload.get("notional"),
        "qty": None if payload.get("notional") else number(order.quantity), "filled_qty": number(order.filled),
        "filled_avg_price": _price(order.average_price), "order_class": payload.get("order_class", ""),
        "order_type": _TYPES[ticket.type], "type": _TYPES[ticket.type], "side": ticket.side.value,
        "time_in_force": _TIMES[ticket.tif], "limit_price": _price(ticket.limit_price),
        "stop_price": _price(order.stop_price if ticket.type is OrderType.TRAILING_STOP else ticket.stop_price),
        "status": status_of(order), "extended_hours": ticket.extended,
        "legs": [order_document(leg) for leg in legs] if legs else None,
        "trail_percent": number(ticket.trail_pct * 100) if ticket.trail_pct else None,
        "trail_price": number(ticket.trail) if ticket.trail else None, "hwm": None,
        "position_intent": payload.get("position_intent"), "subtag": None, "source": None,
    }  # fmt: skip


def fill_document(order: SimOrder, execution: Execution) -> dict[str, Any]:
    """An account activity; `cum_qty` is what the order had filled by then."""
    cumulative = sum((each.quantity for each in order.fills if each.id <= execution.id), ZERO)
    leaves = order.quantity - cumulative
    stamp = rfc3339(execution.ts)
    return {
        "id": f"{stamp[:10].replace('-', '')}000000000::{execution_uuid(execution.id)}", "activity_type": "FILL",
        "account_id": asset_uuid(f"account {order.account}"), "transaction_time": stamp,
        "type": "partial_fill" if leaves > 0 else "fill", "price": _price(execution.price),
        "qty": number(execution.quantity), "side": execution.side.value, "symbol": symbol_of(execution.symbol),
        "leaves_qty": number(leaves), "order_id": order_uuid(order.id), "cum_qty": number(cumulative),
        "order_status": "partially_filled" if leaves > 0 else "filled",
    }  # fmt: skip


def position_document(held: Holding, price_of: PriceOf, *, reserved: Decimal = ZERO) -> dict[str, Any]:
    """`reserved` is what open orders will take."""
    price = price_of(held.symbol) or held.average_price
    multiplier, quantity = held.instrument.multiplier, held.quantity
    value, cost = quantity * price * multiplier, quantity * held.average_price * multiplier
    profit = value - cost
    return {
        "asset_id": asset_uuid(held.symbol), "symbol": symbol_of(held.symbol), "exchange": "NASDAQ",
        "asset_class": _asset_class(held.instrument), "asset_marginable": True,
        "qty": number(quantity), "avg_entry_price": number(held.average_price),
        "side": "long" if quantity > 0 else "short", "market_value": f"{value:.2f}", "cost_basis": number(cost),
        "unrealized_pl": f"{profit:.2f}", "unrealized_plpc": _ratio(profit, abs(cost)),
        "unrealized_intraday_pl": f"{profit:.2f}", "unrealized_intraday_plpc": _ratio(profit, abs(cost)),
        "current_price": number(price), "lastday_price": number(price), "change_today": "0",
        "qty_available": number(max(abs(quantity) - reserved, ZERO) * (1 if quantity > 0 else -1)),
    }  # fmt: skip


def account_document(account: Account, price_of: PriceOf) -> dict[str, Any]:
    equity, power = account.net_liquidation(price_of), account.buying_power(price_of)
    long = sum((_value(held, price_of) for held in account.holdings.values() if held.quantity > 0), ZERO)
    short = sum((_value(held, price_of) for held in account.holdings.values() if held.quantity < 0), ZERO)
    margin = account.requirement(price_of)
    return {
        "id": asset_uuid(f"account {account.number}"), "account_number": account.number, "status": "ACTIVE",
        "crypto_status": "INACTIVE", "currency": "USD", "cash": number(account.cash), "equity": number(equity),
        "portfolio_value": number(equity), "last_equity": number(equity), "buying_power": number(power),
        "regt_buying_power": number(power), "non_marginable_buying_power": number(account.cash),
        "options_buying_power": number(power), "multiplier": "2" if account.setup.is_margin else "1",
        "initial_margin": number(margin), "maintenance_margin": number(margin), "last_maintenance_margin": "0",
        "sma": "0", "long_market_value": number(long), "short_market_value": number(short), "accrued_fees": "0",
        "trading_blocked": False, "transfers_blocked": False, "account_blocked": False,
        "trade_suspended_by_user": False, "shorting_enabled": account.setup.is_margin,
        "created_at": rfc3339(account.opened_ts), "options_approved_level": 3, "options_trading_level": 3,
    }  # fmt: skip


def asset_document(symbol: str, *, is_shortable: bool, name: str = "") -> dict[str, Any]:
    return {
        "id": asset_uuid(symbol), "class": _asset_class(instrument_for(symbol)), "exchange": "NASDAQ",
        "symbol": symbol_of(symbol), "name": name, "status": "active", "tradable": True, "marginable": True,
        "shortable": is_shortable, "easy_to_borrow": is_shortable, "fractionable": True,
        "maintenance_margin_requirement": 30, "attributes": [],
    }  # fmt: skip


def _value(held: Holding, price_of: PriceOf) -> Decimal:
    return held.quantity * (price_of(held.symbol) or held.average_price) * held.instrument.multiplier


def _asset_class(instrument: Instrument) -> str:
    return "us_option" if instrument.asset_class is AssetClass.OPTION else "us_equity"


def _price(price: Decimal | None) -> str | None:
    return None if price is None else number(price)


def _ratio(profit: Decimal, cost: Decimal) -> str:
    return f"{profit / cost:.6f}" if cost else "0"
