"""What Schwab shows of orders, positions, balances and transactions."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType
from engine.model.time import to_datetime
from simulators.brokerage.account import Account, Holding
from simulators.brokerage.orders import Execution, SimOrder, State
from simulators.schwab.tickets import DURATIONS, ORDER_TYPES

_STATES = {
    State.RECEIVED: "PENDING_ACTIVATION",
    State.CONTINGENT: "AWAITING_PARENT_ORDER",
    State.WORKING: "WORKING",
    State.FILLED: "FILLED",
    State.CANCELLED: "CANCELED",
    State.REPLACED: "REPLACED",
    State.REJECTED: "REJECTED",
    State.EXPIRED: "EXPIRED",
}
_GROUPS = 9_000_000_000  # far above the names of orders
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
PriceOf = Callable[[str], Decimal | None]
Document = dict[str, Any]


def order_document(order: SimOrder) -> Document:
    """One order as it is read back."""
    ticket, payload = order.ticket, order.ticket.payload
    document: Document = {
        "session": payload.get("session", "NORMAL"),
        "duration": payload.get("duration", _word(DURATIONS, ticket.tif, "DAY")),
        "orderType": payload.get("orderType", _word(ORDER_TYPES, ticket.type, "MARKET")),
        "complexOrderStrategyType": "NONE",
        "quantity": number(order.quantity),
        "filledQuantity": number(order.filled),
        "remainingQuantity": number(Decimal(0) if order.state.is_final else order.remaining),
        "requestedDestination": "AUTO",
        "destinationLinkName": "AutoRoute",
        "orderLegCollection": [_leg(order)],
        "orderStrategyType": "SINGLE",
        "orderId": order.id,
        "cancelable": not order.state.is_final,
        "editable": not order.state.is_final,
        "status": status_of(order),
        "enteredTime": stamp(order.placed_ts),
        "tag": "API_TOS:simulated",
        "accountNumber": int(order.account),
    }
    if ticket.limit_price is not None:
        document["price"] = number(ticket.limit_price)
    if ticket.type in _STOPS and order.stop_price is not None:
        document["stopPrice"] = number(order.stop_price)
    if ticket.trail is not None:
        document |= {
            "stopPriceLinkBasis": "LAST", "stopPriceLinkType": "VALUE", "stopPriceOffset": number(ticket.trail),
        }  # fmt: skip
    if order.state.is_final:
        document["closeTime"] = stamp(order.ended_ts or order.updated_ts)
    if order.reason and order.state in (State.REJECTED, State.CANCELLED):
        document["statusDescription"] = order.reason
    if order.fills:
        document["orderActivityCollection"] = [_activity(order, at) for at in range(len(order.fills))]
    return document


def strategies(orders: Sequence[SimOrder]) -> list[Document]:
    """Orders as the list shows them: those of one group inside each other."""
    found: list[Document] = []
    groups: dict[int, list[SimOrder]] = {}
    for order in orders:
        if order.group:
            groups.setdefault(order.group, []).append(order)
        else:
            found.append(order_document(order))
    for group, members in groups.items():
        found.append(_group_document(group, members))
    return sorted(found, key=lambda document: str(document["enteredTime"]), reverse=True)


def group_name(group: int) -> int:
    """How an OCO is called, which is no order by itself; `group_of` is the way back."""
    return _GROUPS + group


def group_of(name: int) -> int:
    """0 for the name of an order."""
    return max(name - _GROUPS, 0)


def status_of(order: SimOrder) -> str:
    if order.state in (State.RECEIVED, State.WORKING):
        if order.is_cancelling:
            return "PENDING_CANCEL"
        if order.replaced_by:
            return "PENDING_REPLACE"
        if order.state is State.WORKING and order.ticket.type in _STOPS and not order.is_triggered:
            return "AWAITING_STOP_CONDITION"
    if order.state is State.CONTINGENT and order.replaces:
        return "PENDING_ACTIVATION"
    return _STATES[order.state]


def account_document(account: Account, price_of: PriceOf, *, with_positions: bool) -> Document:
    """`securitiesAccount` and `aggregatedBalance`."""
    worth, power = account.net_liquidation(price_of), account.buying_power(price_of)
    balances = {
        "accruedInterest": 0.0, "cashBalance": number(account.cash), "cashReceipts": 0.0,
        "liquidationValue": number(worth), "equity": number(worth), "buyingPower": number(power),
        "availableFunds": number(power), "cashAvailableForTrading": number(power), "isInCall": False,
    }  # fmt: skip
    securities: Document = {
        "type": "MARGIN" if account.setup.is_margin else "CASH", "accountNumber": account.number, "roundTrips": 0,
        "isDayTrader": False, "isClosingOnlyRestricted": False, "pfcbFlag": False, "initialBalances": balances,
        "currentBalances": balances, "projectedBalances": balances,
    }  # fmt: skip
    if with_positions:
        held = [each for each in account.holdings.values() if each.quantity]
        securities["positions"] = [position_document(each, price_of) for each in held]
    total = {"currentLiquidationValue": number(worth), "liquidationValue": number(worth)}
    return {"securitiesAccount": securities, "aggregatedBalance": total}


def position_document(held: Holding, price_of: PriceOf) -> Document:
    price = price_of(held.symbol) or held.average_price
    value = held.quantity * price * held.instrument.multiplier
    return {
        "shortQuantity": number(max(-held.quantity, Decimal(0))),
        "longQuantity": number(max(held.quantity, Decimal(0))),
        "averagePrice": number(held.average_price),
        "currentDayProfitLoss": number(held.realized),
        "marketValue": number(value),
        "maintenanceRequirement": number(abs(value) / 2),
        "instrument": instrument_document(held.symbol, held.instrument.asset_class),
    }


def transaction_document(account: Account, execution: Execution) -> Document:
    """A trade, with what it cost."""
    held = account.holdings[execution.symbol]
    value = execution.quantity * execution.price * held.instrument.multiplier * execution.side.sign
    signed = execution.quantity * execution.side.sign
    return {
        "activityId": execution.id,
        "time": stamp(execution.ts),
        "tradeDate": stamp(execution.ts),
        "accountNumber": account.number,
        "type": "TRADE",
        "status": "VALID",
        "subAccount": "MARGIN",
        "positionId": 1,
        "orderId": execution.order_id,
        "netAmount": number(-value - execution.fee),
        "transferItems": [
            {
                "instrument": {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"},
                "amount": number(execution.fee), "cost": number(-execution.fee), "feeType": "COMMISSION",
            },
            {
                "instrument": instrument_document(execution.symbol, held.instrument.asset_class),
                "amount": number(signed), "cost": number(-value), "price": number(execution.price),
            },
        ],
    }  # fmt: skip


def instrument_document(symbol: str, asset_class: AssetClass) -> Document:
    kind = "OPTION" if asset_class is AssetClass.OPTION else "EQUITY"
    return {"assetType": kind, "cusip": "", "symbol": venue_name(symbol), "instrumentId": 1}


def venue_name(symbol: str) -> str:
    return symbol if " " in symbol else symbol.replace(".", "/")


def number(value: Decimal) -> int | float:
    """Numbers on this wire are numbers."""
    return int(value) if value == value.to_integral_value() else float(value)


def stamp(ts: int) -> str:
    """ "2026-11-20T15:00:01+0000": whole seconds."""
    return to_datetime(ts).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _leg(order: SimOrder) -> Document:
    payload, side = order.ticket.payload, order.ticket.side
    is_option = " " in order.symbol
    usual = side.value.upper() + ("_TO_OPEN" if is_option else "")
    instruction = str(payload.get("instruction", usual))
    asset_class = AssetClass.OPTION if is_option else AssetClass.EQUITY
    is_closing = instruction in ("SELL", "BUY_TO_COVER") or instruction.endswith("_TO_CLOSE")
    return {
        "orderLegType": "OPTION" if is_option else "EQUITY",
        "legId": 1,
        "instrument": instrument_document(order.symbol, asset_class),
        "instruction": instruction,
        "positionEffect": "CLOSING" if is_closing else "OPENING",
        "quantity": number(order.quantity),
    }


def _activity(order: SimOrder, at: int) -> Document:
    fill = order.fills[at]
    left = order.quantity - sum((each.quantity for each in order.fills[: at + 1]), Decimal(0))
    leg = {
        "legId": 1, "quantity": number(fill.quantity), "mismarkedQuantity": 0, "price": number(fill.price),
        "time": stamp(fill.ts), "instrumentId": 1,
    }  # fmt: skip
    return {
        "activityType": "EXECUTION", "executionType": "FILL", "quantity": number(fill.quantity),
        "orderRemainingQuantity": number(max(left, Decimal(0))), "executionLegs": [leg],
    }  # fmt: skip


def _group_document(group: int, members: Sequence[SimOrder]) -> Document:
    """An OCO has no legs of its own; a TRIGGER is its entry, with what waits for it inside."""
    children = [order for order in members if order.parent]
    entry = next((order for order in members if not order.parent and children), None)
    oco = {
        "orderStrategyType": "OCO",
        "orderId": group_name(group),
        "cancelable": True,
        "editable": False,
        "enteredTime": stamp(members[0].placed_ts),
        "accountNumber": int(members[0].account),
        "childOrderStrategies": [order_document(order) for order in (children if entry else members)],
    }
    if entry is None:
        return oco
    inside = [oco] if len(children) > 1 else [order_document(order) for order in children]
    return {**order_document(entry), "orderStrategyType": "TRIGGER", "childOrderStrategies": inside}


def _word(words: dict[str, Any], value: object, default: str) -> str:
    return next((word for word, each in words.items() if each is value), default)
