"""Between our orders and Interactive Brokers' contracts and orders: pure.

https://ibkrcampus.com/campus/ibkr-api-page/twsapi-doc/#orders
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from brokers.futures import BookedFutures
from brokers.ibkr.documents import STATES, ContractDoc, ExecutionDoc, OrderDoc, PositionDoc
from brokers.ibkr.features import FEATURES
from brokers.venue import (
    Balances,
    NotUnderstood,
    OrderRefused,
    OutcomeUnknown,
    VenueFill,
    VenueOrder,
    VenuePosition,
    VenueRequest,
)
from engine.instruments.catalog import normalize_symbol
from engine.instruments.forex import HOME, parse_pair
from engine.instruments.futures import ROOTS, Contract
from engine.instruments.instrument import AssetClass, Instrument
from engine.instruments.options import MULTIPLIER, OptionContract, parse_option
from engine.model.enums import OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order

PLACE = "placeOrder"
# An OCA group of this type keeps one of its orders in the market at a time ("with block"), so that both cannot fill,
# and a part of one makes the other smaller. Type 1 would end the stop at the first part of the target, and under type 3
# both are in the market.
REDUCE_WITH_BLOCK = 2
ZERO = Decimal(0)
SUMMARY_TAGS = ("NetLiquidation", "TotalCashValue", "BuyingPower")

_ORDER_TYPES = {
    OrderType.MARKET: "MKT",
    OrderType.LIMIT: "LMT",
    OrderType.STOP: "STP",
    OrderType.STOP_LIMIT: "STP LMT",
    OrderType.TRAILING_STOP: "TRAIL",
}
_TYPES_BACK = {name: kind for kind, name in _ORDER_TYPES.items()}
_TIMES = {TimeInForce.DAY: "DAY", TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.EXTENDED: "DAY"}
_CALENDARS_DIFFER_DAYS = 4  # a holiday that ours does not know
_WITH_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_WITH_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)


# ---- ours → theirs -----------------------------------------------------------------------------------------


def place_request(
    order: Order, instrument: Instrument, *, account: str, futures: BookedFutures, day: date
) -> VenueRequest:
    """The contract and the order as the socket message carries them; a change is the same message under the number of
    the order that it changes. `OrderRefused` with the field where the venue has no such order."""
    _check(order, instrument)
    body = {"contract": _contract(order, instrument, futures, day), "order": _terms(order, account)}
    return VenueRequest(PLACE, account, body)


def pair_request(
    stop: Order, target: Order, instrument: Instrument, *, account: str, futures: BookedFutures, day: date
) -> VenueRequest:
    """The contract and both orders, in the order in which they are sent. Their group's name is that of the stop: the
    venue takes no name twice, also when its orders are over."""
    body: dict[str, Any] = {"orders": []}
    for order in (stop, target):
        alone = place_request(order, instrument, account=account, futures=futures, day=day).body
        body["contract"] = alone["contract"]
        body["orders"].append(alone["order"] | {"ocaGroup": stop.client_id, "ocaType": REDUCE_WITH_BLOCK})
    return VenueRequest(PLACE, account, body)


def change_request(request: VenueRequest, doc: OrderDoc) -> VenueRequest:
    """`request` as the change of a working order, which may not leave its group."""
    group = {"ocaGroup": doc.oca_group, "ocaType": doc.oca_type} if doc.oca_group else {}
    return replace(request, body={**request.body, "order": request.body["order"] | group})


def _contract(order: Order, instrument: Instrument, futures: BookedFutures, day: date) -> dict[str, str]:
    symbol = order.symbol
    match instrument.asset_class:
        case AssetClass.FUTURE:
            # The month says which; local symbols of the same month are spelt in more than one way there.
            return {name: text for name, text in futures.of_order(order, day).ibkr.items() if name != "localSymbol"}
        case AssetClass.OPTION:
            return parse_option(symbol).ibkr
        case AssetClass.FOREX:
            return parse_pair(symbol).ibkr
    return {"secType": "STK", "symbol": symbol.replace(".", " "), "exchange": "SMART", "currency": "USD"}


def _terms(order: Order, account: str) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "action": order.side.value.upper(),
        "totalQuantity": f"{order.quantity:f}",
        "orderType": _ORDER_TYPES[order.type],
        "tif": _TIMES[order.tif],
        "outsideRth": order.tif is TimeInForce.EXTENDED,
        "account": account,
        "orderRef": order.client_id,
    }
    if order.type in _WITH_LIMIT:
        terms["lmtPrice"] = f"{order.limit_price:f}"
    if order.type in _WITH_STOP:
        terms["auxPrice"] = f"{order.stop_price:f}"
    if order.type is OrderType.TRAILING_STOP:
        terms["auxPrice"] = f"{order.trail:f}"
    return terms


def _check(order: Order, instrument: Instrument) -> None:
    problem = FEATURES.quantity_problem(instrument.asset_class, order.quantity)
    if problem or not order.quantity:
        raise OrderRefused(f"quantity: {problem or 'more than 0 was expected'}", field="quantity")
    for field, price, is_needed in (
        ("limit_price", order.limit_price, order.type in _WITH_LIMIT),
        ("stop_price", order.stop_price, order.type in _WITH_STOP),
        ("trail", order.trail, order.type is OrderType.TRAILING_STOP),
    ):
        if is_needed and (price is None or price <= 0):
            raise OrderRefused(f"{field}: a {order.type} order needs one above 0", field=field)
    _check_time(order, instrument)


def _check_time(order: Order, instrument: Instrument) -> None:
    if order.tif is TimeInForce.EXTENDED:
        if instrument.asset_class is not AssetClass.EQUITY:
            raise OrderRefused("tif: extended hours are for shares only", field="tif")
        if order.type is not OrderType.LIMIT:
            raise OrderRefused("tif: outside regular hours only limit orders trade", field="tif")
    if order.tif is TimeInForce.IOC and order.type not in (OrderType.MARKET, OrderType.LIMIT):
        raise OrderRefused("tif: an order that waits for a price cannot be immediate or cancel", field="tif")


# ---- theirs → ours -----------------------------------------------------------------------------------------


def symbol_of(contract: ContractDoc, *, futures: BookedFutures, day: date) -> str:
    """The spelling in our books; what we do not know keeps the venue's."""
    if contract.sec_type == "STK":
        return normalize_symbol(contract.symbol, AssetClass.EQUITY)
    if contract.sec_type == "FUT" and contract.symbol in ROOTS:
        return futures.ours(_month_of(contract), day)
    if contract.sec_type == "OPT" and contract.expiry:
        root = contract.trading_class or contract.symbol
        return OptionContract(root, _day(contract.expiry), contract.right[:1], contract.strike.normalize()).symbol
    if contract.sec_type == "CASH":
        return f"{contract.symbol}/{contract.currency}"
    return contract.local_symbol or contract.symbol


def _month_of(contract: ContractDoc) -> Contract:
    """The delivery month of a future, which is told by its last trading day: in that month or in the one before."""
    last = _day(contract.expiry)
    same = Contract(contract.symbol, last.year, last.month)
    for found in (same, Contract(contract.symbol, last.year + last.month // 12, last.month % 12 + 1)):
        if found.code in found.product.months and abs((found.expiry - last).days) <= _CALENDARS_DIFFER_DAYS:
            return found
    raise NotUnderstood(f"{contract.symbol} {contract.expiry}: no contract of ours ends then")


def venue_order(doc: OrderDoc, executions: Iterable[VenueFill], *, futures: BookedFutures, day: date) -> VenueOrder:
    """`executions` are those of the order whose costs are known. `NotUnderstood` for words that we do not know."""
    kind, state = _kind_of(doc.order_type), STATES.get(doc.status)
    if state is None or doc.action not in ("BUY", "SELL"):
        raise NotUnderstood(f"order {doc.perm_id}: {doc.action!r}, status {doc.status!r}")
    fills = tuple(executions)
    known = sum((fill.quantity for fill in fills), ZERO)
    filled = max(doc.filled, known)
    is_part = state in (OrderState.ACCEPTED, OrderState.WORKING) and filled > 0
    return VenueOrder(
        venue_id=str(doc.perm_id),
        symbol=symbol_of(doc.contract, futures=futures, day=day),
        side=Side.BUY if doc.action == "BUY" else Side.SELL,
        quantity=doc.quantity,
        type=kind,
        state=OrderState.PARTIALLY_FILLED if is_part else state,
        client_id=doc.order_ref,
        limit_price=doc.limit if kind in _WITH_LIMIT else None,
        stop_price=doc.aux if kind in _WITH_STOP else None,
        filled_quantity=doc.quantity if state is OrderState.FILLED else filled,
        average_price=_average(fills) if known and known == filled else doc.average if filled else None,
        updated_ts=doc.changed_ts,
        reason=doc.reason if state in (OrderState.REJECTED, OrderState.CANCELLED) else "",
        code=doc.code if state is OrderState.REJECTED else "",
        fills=fills,
        group=doc.oca_group,
    )


def refused_order(order: Order, reason: str, *, code: str = "") -> VenueOrder:
    """An order of ours that the venue does not have."""
    return VenueOrder(
        venue_id="", symbol=order.symbol, side=order.side, quantity=order.quantity, type=order.type,
        state=OrderState.REJECTED, client_id=order.client_id, limit_price=order.limit_price,
        stop_price=order.stop_price, reason=reason, code=code,
    )  # fmt: skip


def ended_order(order: Order, fills: Sequence[VenueFill], *, is_over: bool) -> VenueOrder:
    """An order of ours of which only executions are listed any more: over for certain where they fill it, or where
    `is_over` says so; else `OutcomeUnknown`."""
    filled = sum((fill.quantity for fill in fills), ZERO)
    if filled < order.quantity and not is_over:
        raise OutcomeUnknown(
            f"{order.client_id} traded, and is neither among the open orders nor among those that ended"
        )
    return VenueOrder(
        venue_id=fills[0].venue_id,
        symbol=fills[0].symbol,
        side=order.side,
        quantity=order.quantity,
        type=order.type,
        state=OrderState.FILLED if filled >= order.quantity else OrderState.CANCELLED,
        client_id=order.client_id,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        filled_quantity=filled,
        average_price=_average(tuple(fills)),
        updated_ts=max(fill.ts for fill in fills),
        reason="" if filled >= order.quantity else "it ended before today",
        fills=tuple(fills),
    )


def _kind_of(name: str) -> OrderType:
    """The type of an order; the nearest one of ours where a person chose one of the many that we do not place."""
    if name in _TYPES_BACK:
        return _TYPES_BACK[name]
    if "TRAIL" in name:
        return OrderType.TRAILING_STOP
    if "STP" in name:
        return OrderType.STOP
    return OrderType.LIMIT if "LMT" in name or name in ("LOC", "LIT") else OrderType.MARKET


def venue_fill(doc: ExecutionDoc, fee: Decimal, *, futures: BookedFutures, day: date) -> VenueFill:
    if doc.side not in ("BOT", "SLD"):
        raise NotUnderstood(f"execution {doc.execution_id}: BOT or SLD was expected, found {doc.side!r}")
    return VenueFill(
        fill_id=doc.name,
        venue_id=str(doc.perm_id),
        symbol=symbol_of(doc.contract, futures=futures, day=day),
        side=Side.BUY if doc.side == "BOT" else Side.SELL,
        quantity=doc.quantity,
        price=doc.price,
        ts=doc.ts,
        client_id=doc.order_ref,
        fee=fee,
    )


def position(doc: PositionDoc, *, futures: BookedFutures, day: date) -> VenuePosition | None:
    """None for a closed one that is still listed."""
    if not doc.quantity:
        return None
    contract = doc.contract
    usual = MULTIPLIER if contract.sec_type == "OPT" else Decimal(1)
    multiplier = Decimal(contract.multiplier) if contract.multiplier else _multiplier_of(contract, usual)
    return VenuePosition(
        symbol=symbol_of(contract, futures=futures, day=day),
        quantity=doc.quantity,
        # A price in another currency than the books' would be taken for dollars.
        average_price=doc.average_cost / multiplier if contract.currency in ("", HOME) else None,
    )


def _multiplier_of(contract: ContractDoc, usual: Decimal) -> Decimal:
    return ROOTS[contract.symbol].multiplier if contract.sec_type == "FUT" and contract.symbol in ROOTS else usual


def balances(values: Mapping[str, str]) -> Balances:
    """Of the account's summary, by tag."""
    found = {tag: Decimal(values[tag]) for tag in SUMMARY_TAGS if values.get(tag)}
    if not found:
        raise NotUnderstood(
            f"the account's summary: {', '.join(SUMMARY_TAGS)} were expected, found {', '.join(values)}"
        )
    return Balances(
        cash=found.get("TotalCashValue"),
        net_liquidation=found.get("NetLiquidation"),
        buying_power=found.get("BuyingPower"),
    )


def _average(fills: tuple[VenueFill, ...]) -> Decimal:
    quantity = sum((fill.quantity for fill in fills), ZERO)
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / quantity


def _day(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007  a day, not a moment
    except ValueError:
        raise NotUnderstood(f"a day like 20261218 was expected, found {text!r}") from None
