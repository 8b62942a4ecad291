"""tastytrade's words for what the brokerage knows: symbols, types, states, codes, and the shapes of its answers."""

from decimal import Decimal
from typing import Any

from engine.instruments.futures import parse_contract
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import parse_option
from engine.model.enums import OrderType, Side, TimeInForce
from engine.model.time import NS_PER_MS, to_datetime
from simulators.brokerage.orders import SimOrder, State
from simulators.http_server import HttpResponse

INSTRUMENT_TYPES = {
    AssetClass.EQUITY: "Equity",
    AssetClass.FUTURE: "Future",
    AssetClass.OPTION: "Equity Option",
}
ORDER_TYPES = {
    "Market": OrderType.MARKET,
    "Limit": OrderType.LIMIT,
    "Stop": OrderType.STOP,
    "Stop Limit": OrderType.STOP_LIMIT,
}
TIME_IN_FORCE = {
    "Day": TimeInForce.DAY,
    "GTC": TimeInForce.GTC,
    "GTD": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "Ext": TimeInForce.EXTENDED,
    "GTC Ext": TimeInForce.GTC,
}
ACTIONS = {
    "Buy": Side.BUY,
    "Sell": Side.SELL,
    "Buy to Open": Side.BUY,
    "Buy to Close": Side.BUY,
    "Sell to Open": Side.SELL,
    "Sell to Close": Side.SELL,
}
CODES = {
    "unknown_symbol": "instrument_validation_failed",
    "expired": "instrument_validation_failed",
    "bad_quantity": "invalid_quantity",
    "bad_price": "invalid_price_increment",
    "not_shortable": "cannot_short_hard_to_borrow",
    "buying_power": "margin_check_failed",
    "cannot_cancel": "cannot_update_order",
    "cannot_replace": "cannot_update_order",
}
_STATES = {
    State.RECEIVED: "Routed",
    State.CONTINGENT: "Contingent",
    State.WORKING: "Live",
    State.FILLED: "Filled",
    State.CANCELLED: "Cancelled",
    State.REPLACED: "Cancelled",
    State.REJECTED: "Rejected",
    State.EXPIRED: "Expired",
}


def status_of(order: SimOrder) -> str:
    if not order.state.is_final and order.state is not State.CONTINGENT:
        if order.is_cancelling:
            return "Cancel Requested"
        if order.replaced_by:
            return "Replace Requested"
    return _STATES[order.state]


def terms_of(order: SimOrder) -> dict[str, Any]:
    """The client's own words; the venue's usual ones where somebody traded without this protocol."""
    ticket = order.ticket
    is_future = order.symbol.startswith("/")
    verb = ticket.side.value.title()
    usual = {
        "action": verb if is_future else f"{verb} to Open",
        "order-type": next((name for name, kind in ORDER_TYPES.items() if kind is ticket.type), "Market"),
        "time-in-force": next((name for name, tif in TIME_IN_FORCE.items() if tif is ticket.tif), "Day"),
        "price-effect": "Debit" if ticket.side is Side.BUY else "Credit",
    }
    return {**usual, **ticket.payload}


def symbol_of(symbol: str) -> str:
    """ "/MNQZ6", "BRK/B", the OCC's 21 characters."""
    if symbol.startswith("/"):
        return parse_contract(symbol).tastytrade
    return symbol if " " in symbol else symbol.replace(".", "/")


def underlying_of(symbol: str, instrument: Instrument) -> str:
    return parse_option(symbol).underlying if instrument.asset_class is AssetClass.OPTION else symbol_of(symbol)


def amount(value: Decimal) -> str:
    """A price or money: a string with one decimal at least."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"


def whole(quantity: Decimal) -> int | float:
    """Quantities are numbers on this wire."""
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)


def effect(value: Decimal) -> str:
    return "None" if not value else "Credit" if value > 0 else "Debit"


def stamp(ts: int) -> str:
    """ "2026-11-20T15:00:00.653+00:00"."""
    return to_datetime(ts).isoformat(timespec="milliseconds")


def epoch_ms(ts: int) -> int:
    return ts // NS_PER_MS


def ok(data: Any, context: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(status, {"data": data, "context": context})


def page(items: list[Any], context: str, *, per_page: int = 250, offset: int = 0) -> HttpResponse:
    """One page of a list, with the venue's paging block."""
    shown = items[offset * per_page : (offset + 1) * per_page]
    pages = max(-(-len(items) // per_page), 1)
    paging = {
        "per-page": per_page, "page-offset": offset, "item-offset": offset * per_page, "total-items": len(items),
        "total-pages": pages, "current-item-count": len(shown), "previous-link": None, "next-link": None,
        "paging-link-template": None,
    }  # fmt: skip
    return HttpResponse(200, {"data": {"items": shown}, "context": context, "pagination": paging})


def error(status: int, code: str, message: str) -> HttpResponse:
    return HttpResponse(status, {"error": {"code": code, "message": message}})


def preflight(code: str, message: str) -> HttpResponse:
    """A business rejection."""
    detail = {"code": code, "message": message}
    document = {"code": "preflight_check_failure", "message": "One or more preflight checks failed", "errors": [detail]}
    return HttpResponse(422, {"error": document})
