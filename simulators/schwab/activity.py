"""ACCT_ACTIVITY: what the streamer tells about orders."""

from decimal import Decimal
from typing import Any

import msgspec

from engine.model.time import to_datetime
from simulators.brokerage.orders import Execution, SimOrder, State
from simulators.brokerage.updates import Kind, Update

_SCALE = 6  # decimal places of money and quantities on this wire
_ENDED = {
    State.CANCELLED: "OrderUROutCompleted",
    State.REPLACED: "OrderUROutCompleted",
    State.EXPIRED: "OrderUROutCompleted",
    State.REJECTED: "OrderRejected",
}


def message_of(update: Update) -> tuple[str, str] | None:
    """(type, JSON) of an update; None for what this service does not tell."""
    if update.order is None or update.kind not in (Kind.ORDER, Kind.FILL):
        return None
    kind = _kind(update, update.order)
    event: dict[str, Any] = {"EventType": kind}
    if update.execution is not None:
        event[f"{kind}EventOrderLegQuantityInfo"] = _fill(update.execution, update.order)
    data = {"SchwabOrderID": str(update.order.id), "AccountNumber": update.account.number, "BaseEvent": event}
    return kind, msgspec.json.encode(data).decode()


def decimal(value: Decimal) -> dict[str, Any]:
    """value = lo / 10^(signScale >> 1), negative where the lowest bit is set; a missing lo is 0."""
    scaled = int(abs(value) * 10**_SCALE)
    sign = {"signScale": 2 * _SCALE + (value < 0)}
    return {"lo": str(scaled), **sign} if scaled else sign


def _kind(update: Update, order: SimOrder) -> str:
    if update.kind is Kind.FILL:
        return "OrderFillCompleted"
    if order.state in _ENDED:
        return _ENDED[order.state]
    if order.is_cancelling:
        return "CancelAccepted"
    if order.replaced_by:
        return "ChangeAccepted"
    return "OrderAccepted" if order.state is State.WORKING else "OrderCreated"


def _fill(execution: Execution, order: SimOrder) -> dict[str, Any]:
    when = to_datetime(execution.ts).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return {
        "LegStatus": "LegOpen" if order.remaining else "LegClosed",
        "QuantityInfo": {
            "CumulativeQuantity": decimal(order.filled),
            "LeavesQuantity": decimal(order.remaining),
            "AveragePrice": decimal(order.average_price or Decimal(0)),
        },
        "ExecutionInfo": {
            "ExecutionId": str(execution.id),
            "ExecutionQuantity": decimal(execution.quantity),
            "ExecutionPrice": decimal(execution.price),
            "ExecutionTimeStamp": {"DateTimeString": when},
        },
    }
