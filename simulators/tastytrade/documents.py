"""Orders, positions and balances as tastytrade shows them."""

from decimal import Decimal
from typing import Any

from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import AssetClass
from engine.model.time import to_datetime
from simulators.brokerage.account import Account, Holding, PriceOf
from simulators.brokerage.orders import Execution, SimOrder, State
from simulators.sessions import NEW_YORK
from simulators.tastytrade.words import (
    INSTRUMENT_TYPES,
    amount,
    effect,
    epoch_ms,
    stamp,
    status_of,
    symbol_of,
    terms_of,
    underlying_of,
    whole,
)

ZERO = Decimal(0)
_ROLES = {True: "OTOCO", False: "OCO"}


def order_document(order: SimOrder, *, with_id: bool = True) -> dict[str, Any]:
    """An order; a dry run has neither id nor a time of change."""
    instrument, terms = instrument_for(order.symbol), terms_of(order)
    is_open = not order.state.is_final
    document: dict[str, Any] = {
        "account-number": order.account,
        "cancellable": is_open and not order.is_cancelling,
        "editable": is_open and not order.is_cancelling and not order.replaced_by,
        "edited": bool(order.replaced_by),
        "order-type": terms["order-type"],
        "received-at": stamp(order.placed_ts),
        "size": whole(order.quantity),
        "status": status_of(order) if with_id else "Received",
        "time-in-force": terms["time-in-force"],
        "underlying-instrument-type": INSTRUMENT_TYPES[instrument.asset_class],
        "underlying-symbol": underlying_of(order.symbol, instrument),
        "updated-at": epoch_ms(order.updated_ts) if with_id else 0,
        "legs": [_leg(order)],
    }
    if with_id:
        document |= {"id": order.id, "global-request-id": f"sim-{order.id}"}
    return document | _optional(order)


def complex_document(orders: list[SimOrder]) -> dict[str, Any]:
    """An OCO or OTOCO: the orders of one group, oldest first."""
    trigger = next((order for order in orders if not order.is_oco and not order.parent), None)
    children = [order for order in orders if order is not trigger]
    document: dict[str, Any] = {
        "id": orders[0].group,
        "account-number": orders[0].account,
        "type": "OCO" if trigger is None else "OTOCO",
        "orders": [order_document(order) for order in children],
    }
    if trigger is not None:
        document["trigger-order"] = order_document(trigger)
    if all(order.state.is_final for order in orders):
        document["terminal-at"] = stamp(max(order.ended_ts for order in orders))
    return document


def position_document(account: Account, held: Holding) -> dict[str, Any]:
    instrument = held.instrument
    direction = "Zero" if not held.quantity else "Long" if held.quantity > 0 else "Short"
    today = to_datetime(held.updated_ts).astimezone(NEW_YORK).date()
    price = amount(held.average_price)
    return {
        "account-number": account.number,
        "instrument-type": INSTRUMENT_TYPES[instrument.asset_class],
        "symbol": symbol_of(held.symbol),
        "underlying-symbol": underlying_of(held.symbol, instrument),
        "quantity": whole(abs(held.quantity)),
        "quantity-direction": direction,
        "average-open-price": price,
        "close-price": price,
        "average-daily-market-close-price": price,
        "average-yearly-market-close-price": price,
        "multiplier": amount(instrument.multiplier),
        "cost-effect": "Credit" if held.quantity >= 0 else "Debit",
        "is-frozen": False,
        "is-suppressed": False,
        "restricted-quantity": 0,
        "realized-day-gain": amount(abs(held.realized)),
        "realized-day-gain-effect": effect(held.realized),
        "realized-day-gain-date": today.isoformat(),
        "realized-today": amount(abs(held.realized)),
        "realized-today-effect": effect(held.realized),
        "realized-today-date": today.isoformat(),
        "created-at": stamp(held.opened_ts),
        "updated-at": stamp(held.updated_ts),
    }


_ZEROS = [
    "long-margineable-value",
    "short-margineable-value",
    "maintenance-call-value",
    "reg-t-call-value",
    "day-trading-call-value",
    "day-equity-call-value",
    "day-trade-excess",
    "pending-cash",
    "long-cryptocurrency-value",
    "short-cryptocurrency-value",
    "cryptocurrency-margin-requirement",
    "unsettled-cryptocurrency-fiat-amount",
    "closed-loop-available-balance",
    "equity-offering-margin-requirement",
    "long-bond-value",
    "bond-margin-requirement",
    "pending-margin-interest",
    "effective-cryptocurrency-buying-power",
    "long-futures-derivative-value",
    "short-futures-derivative-value",
    "buying-power-adjustment",
]


def balance_document(account: Account, price_of: PriceOf, now: int) -> dict[str, Any]:
    """Money, all as strings."""
    power, required = account.buying_power(price_of), account.requirement(price_of)
    net = account.net_liquidation(price_of)
    futures = sum(
        (account.margin(h.instrument, h.quantity, price_of(h.symbol) or h.average_price)
         for h in account.holdings.values() if h.instrument.asset_class is AssetClass.FUTURE), ZERO,
    )  # fmt: skip
    values = {
        "cash-balance": account.cash,
        "net-liquidating-value": net,
        "margin-equity": net,
        "equity-buying-power": max(power * 2, ZERO),
        "derivative-buying-power": max(power, ZERO),
        "day-trading-buying-power": max(power * 4, ZERO),
        "available-trading-funds": max(power, ZERO),
        "cash-available-to-withdraw": max(min(account.cash, power), ZERO),
        "maintenance-requirement": required,
        "maintenance-excess": net - required,
        "reg-t-margin-requirement": required,
        "used-derivative-buying-power": required,
        "futures-margin-requirement": futures,
        "futures-overnight-margin-requirement": futures,
        "futures-intraday-margin-requirement": futures,
        **_values_by_kind(account, price_of),
    }
    return {
        "account-number": account.number,
        "currency": "USD",
        **{name: amount(value) for name, value in values.items()},
        **dict.fromkeys(_ZEROS, "0.0"),
        "pending-cash-effect": "None",
        "snapshot-date": to_datetime(now).astimezone(NEW_YORK).date().isoformat(),
        "updated-at": stamp(now),
    }


def transaction_document(account: Account, execution: Execution, action: str) -> dict[str, Any]:
    """A fill as the list of transactions has it."""
    instrument = instrument_for(execution.symbol)
    value = -execution.side.sign * execution.quantity * execution.price * instrument.multiplier
    if instrument.asset_class is AssetClass.FUTURE:
        value = ZERO
    net = value - execution.fee
    return {
        "id": execution.id,
        "account-number": account.number,
        "symbol": symbol_of(execution.symbol),
        "instrument-type": INSTRUMENT_TYPES[instrument.asset_class],
        "underlying-symbol": underlying_of(execution.symbol, instrument),
        "transaction-type": "Trade",
        "transaction-sub-type": action,
        "description": f"{action} {whole(execution.quantity)} {symbol_of(execution.symbol)} @ {execution.price}",
        "action": action,
        "quantity": amount(execution.quantity),
        "price": amount(execution.price),
        "executed-at": stamp(execution.ts),
        "transaction-date": to_datetime(execution.ts).astimezone(NEW_YORK).date().isoformat(),
        "value": amount(abs(value)),
        "value-effect": effect(value),
        "net-value": amount(abs(net)),
        "net-value-effect": effect(net),
        "commission": amount(execution.fee),
        "commission-effect": effect(-execution.fee),
        "is-estimated-fee": False,
        "order-id": execution.order_id,
        "ext-exec-id": str(execution.id),
        "exec-id": fill_id(execution),
    }


def fill_id(execution: Execution) -> str:
    return f"24_TW::SIM{execution.id}"


def _leg(order: SimOrder) -> dict[str, Any]:
    return {
        "instrument-type": INSTRUMENT_TYPES[instrument_for(order.symbol).asset_class],
        "symbol": symbol_of(order.symbol),
        "action": terms_of(order)["action"],
        "quantity": whole(order.quantity),
        "remaining-quantity": whole(order.remaining),
        "fills": [
            {
                "fill-id": fill_id(fill),
                "quantity": whole(fill.quantity),
                "fill-price": amount(fill.price),
                "filled-at": stamp(fill.ts),
                "destination-venue": "MARKET_SIMULATOR_A",
                "ext-group-fill-id": "0",
                "ext-exec-id": str(fill.id),
            }
            for fill in order.fills
        ],
    }


def _optional(order: SimOrder) -> dict[str, Any]:
    """What stands in the document only where there is something to say."""
    ticket = order.ticket
    found: dict[str, Any] = _endings(order)
    if ticket.limit_price is not None:
        found |= {"price": amount(ticket.limit_price), "price-effect": terms_of(order)["price-effect"]}
    if ticket.stop_price is not None:
        found["stop-trigger"] = amount(ticket.stop_price)
    if ticket.tag:
        found["external-identifier"] = ticket.tag
    if ticket.payload.get("source"):
        found["source"] = ticket.payload["source"]
    if order.replaced_by:
        found["replacing-order-id"] = order.replaced_by
    if order.replaces:
        found["replaces-order-id"] = order.replaces
    if order.group:
        found |= {"complex-order-id": order.group, "complex-order-tag": _tag(order)}
    return found


def _endings(order: SimOrder) -> dict[str, Any]:
    if order.state is State.CONTINGENT:
        return {"contingent-status": "Pending Order"}
    if not order.state.is_final:
        return {}
    found = {"terminal-at": stamp(order.ended_ts)}
    if order.state is State.REJECTED:
        found["reject-reason"] = order.reason
    if order.state in (State.CANCELLED, State.REPLACED):
        found["cancelled-at"] = stamp(order.ended_ts)
    return found


def _tag(order: SimOrder) -> str:
    if order.parent:
        return "OTOCO::oco-1-order"
    return "OCO::order" if order.is_oco else "OTOCO::trigger-order"


def _values_by_kind(account: Account, price_of: PriceOf) -> dict[str, Decimal]:
    names = {AssetClass.EQUITY: "equity", AssetClass.OPTION: "derivative", AssetClass.FUTURE: "futures"}
    found = {f"{side}-{name}-value": ZERO for name in names.values() for side in ("long", "short")}
    for held in account.holdings.values():
        mark = price_of(held.symbol) or held.average_price
        side = "long" if held.quantity >= 0 else "short"
        value = held.instrument.notional(price=mark, quantity=held.quantity)
        found[f"{side}-{names[held.instrument.asset_class]}-value"] += value
    return found
