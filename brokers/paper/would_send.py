"""The request that a real venue would have got for an order that was filled on paper."""

from typing import Any

import msgspec

from brokers.paper.dialects import dialect_of, speaker
from engine.errors import FortifiedError
from engine.instruments.catalog import instrument_for
from engine.model.orders import Order


def would_send(order: Order) -> dict[str, Any] | None:
    """{"venue", "method", "path", "body"} in the dialect of the account's venue, as its adapter writes it; "refused"
    with the reason where that venue has no such order. None where the account is of no venue but ours."""
    spoken = dialect_of(order.broker)
    if spoken is None:
        return None
    try:
        request = speaker(*spoken).request_for(order, instrument_for(order.symbol))
    except FortifiedError as error:
        return {"venue": spoken.venue, "refused": error.detail}
    return {"venue": spoken.venue, **msgspec.to_builtins(request)}
