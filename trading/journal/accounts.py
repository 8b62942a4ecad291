"""Rows for comparisons of accounts, and for what was adjusted because of them."""

from typing import TYPE_CHECKING

from msgspec import UNSET

from engine.model.accounts import AccountChecked, Policy, PositionAdjusted
from engine.model.enums import OrderIntent, OrderState, OrderType
from engine.model.time import iso, to_datetime
from infra import codec
from trading.account_models import AccountCheck, Adjustment
from trading.models import Fill, Order

if TYPE_CHECKING:
    from trading.journal.ledger import Projection


def checked(projection: "Projection", event: AccountChecked) -> None:
    """The comparison; one that was told before stays as it was."""
    document = codec.to_builtins(event)
    AccountCheck.objects.get_or_create(
        check_id=event.check_id,
        defaults={
            "book": projection.book,
            "broker": event.broker,
            "state": event.state,
            "reason": event.reason[:1000],
            "trigger": event.trigger,
            "differences": document.get("differences", []),
            "problems": list(event.problems),
            "notes": list(event.notes),
            "blocks_all": event.blocks_all,
            "cash": event.cash,
            "net_liquidation": event.net_liquidation,
            "buying_power": None if event.buying_power is UNSET else event.buying_power,
            "orders": event.orders,
            "fills": event.fills,
            "positions": event.positions,
            "at": to_datetime(event.ts),
        },
    )


def adjusted(projection: "Projection", event: PositionAdjusted) -> None:
    """The adjustment; an adopted one stands among orders and fills too, so that these go on adding up to positions."""
    Adjustment.objects.create(
        book=projection.book,
        adjustment_id=event.adjustment_id,
        policy=event.policy,
        strategy=event.strategy,
        symbol=event.symbol,
        broker=event.broker,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        ours=event.ours,
        theirs=event.theirs,
        reason=event.reason[:400],
        by=event.by,
        order=_entry(projection, event) if event.policy is Policy.ADOPT else None,
        at=to_datetime(event.ts),
    )


def _entry(projection: "Projection", event: PositionAdjusted) -> Order:
    """No order was sent: what was done by somebody else stands under this name."""
    at = to_datetime(event.ts)
    order = Order.objects.create(
        book=projection.book,
        run=projection.run_of(event.strategy),
        client_id=event.client_id,
        strategy=event.strategy,
        symbol=event.symbol,
        broker=event.broker,
        side=event.side,
        type=OrderType.MARKET,
        intent=OrderIntent.ADJUST,
        state=OrderState.FILLED,
        quantity=event.quantity,
        filled_quantity=event.quantity,
        average_price=event.price,
        reason="adjustment",
        state_reason=event.reason[:400],
        timeline=[{"state": "adjusted", "at": iso(event.ts), "reason": event.reason}],
        created_at=at,
        updated_at=at,
    )
    Fill.objects.create(
        order=order,
        fill_id=event.adjustment_id,
        broker=event.broker,
        symbol=event.symbol,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        ts=event.ts,
        at=at,
    )
    return order
