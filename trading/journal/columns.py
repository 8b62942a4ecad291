"""The columns of an order's row, from the order as the engine knows it."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict

from engine.model.orders import Order as OrderValue


def order_columns(order: OrderValue) -> dict[str, Any]:
    """The columns of `trading.models.Order` that an order value fills."""
    return {
        "client_id": order.client_id,
        "strategy": order.strategy,
        "symbol": order.symbol,
        "broker": order.broker,
        "side": order.side,
        "type": order.type,
        "intent": order.intent,
        "quantity": order.quantity,
        "limit_price": order.limit_price,
        "stop_price": order.stop_price,
        "trail": order.trail,
        "tif": order.tif,
        "reason": order.reason[:400],
        "group": order.group,
        "parent": order.parent,
        "contract": order.contract or "",
        **_of_person(order),
    }


def _of_person(order: OrderValue) -> dict[str, Any]:
    own = order.by_hand
    return {} if own is UNSET else asdict(own)
