"""How long orders took: from approval to the venue's answer to the fill, as percentiles per account."""

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from engine.errors import InvalidInput
from engine.model.enums import OrderState, OrderType
from trading.models import Order

MOST_ORDERS, MOST_DAYS = 5_000, 36_500
QUANTILES = (0.5, 0.95, 0.99)
# What is measured: from the first state to the second, and of which orders. One that waits for a price fills when the
# market comes to it: its fill says nothing about how fast anybody was.
SPANS = (
    ("sent", OrderState.APPROVED, OrderState.SUBMITTED, False),
    ("accepted", OrderState.SUBMITTED, OrderState.ACCEPTED, False),
    ("filled", OrderState.ACCEPTED, OrderState.FILLED, True),
    ("whole", OrderState.APPROVED, OrderState.FILLED, True),
)


def order_times(*, book: str = "", strategy: str = "", days: int = 30) -> list[dict[str, Any]]:
    """Per account: how many orders of the last `days`, and for each span its count and its quantiles in milliseconds.
    A span that no order went through is left out: simulated venues take orders without a submission."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"days: from 1 to {MOST_DAYS} was expected, found {days}.", field="days")
    wanted = {"book__name": book, "strategy": strategy}
    rows = Order.objects.filter(
        created_at__gte=timezone.now() - timedelta(days=days),
        **{name: value for name, value in wanted.items() if value},
    ).values_list("broker", "type", "timeline")[:MOST_ORDERS]
    accounts: dict[str, list[tuple[str, dict[str, datetime]]]] = {}
    for broker, kind, timeline in rows:
        accounts.setdefault(broker, []).append((kind, _first_times(timeline)))
    return [_account(name, orders) for name, orders in sorted(accounts.items())]


def _account(name: str, orders: Sequence[tuple[str, dict[str, datetime]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for span, begin, end, is_market_only in SPANS:
        values = sorted(
            (times[end] - times[begin]).total_seconds() * 1000
            for kind, times in orders
            if begin in times and end in times and not (is_market_only and kind != OrderType.MARKET)
        )
        if values:
            found[span] = {"orders": len(values), **{f"p{round(q * 100)}_ms": _quantile(values, q) for q in QUANTILES}}
    return {"account": name, "orders": len(orders), "spans": found}


def _first_times(timeline: Iterable[dict[str, Any]]) -> dict[str, datetime]:
    """When each state was reached first."""
    found: dict[str, datetime] = {}
    for step in timeline:
        found.setdefault(step["state"], datetime.fromisoformat(step["at"]))
    return found


def _quantile(ordered: Sequence[float], q: float) -> float:
    """The smallest value that at least the share `q` is not above."""
    return round(max(0.0, ordered[math.ceil(q * len(ordered)) - 1]), 3)
