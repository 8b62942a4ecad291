"""What an engine takes over from the fills of earlier runs, when there is no snapshot it can read."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.instruments.catalog import instrument_for
from engine.model.event import Event
from engine.model.orders import Order, OrderFilled
from engine.orders.lifecycle import OrderRecord

if TYPE_CHECKING:
    from engine.core.engine import Engine


def inherit(
    engine: "Engine", history: Iterable[tuple[Order, OrderFilled]], orders: Iterable[OrderRecord] = ()
) -> list[Event]:
    """Book the fills of earlier runs, oldest first, into a new engine, and arm the exits of what is still held.

    `orders` are those that may still work at a venue: they are withdrawn, and what they fill until then counts. Fills
    and orders of slots that the engine does not have are left out. Neither trades nor position changes are told again;
    the outputs are those of arming the exits, to be carried out like any other. Figures of risk begin with the trading
    day of the last fill: what was lost today still counts, what was before does not.
    """
    history, orders = list(history), list(orders)
    met = [*(order for order, _ in history), *(record.order for record in orders)]
    engine.contracts.hold_all((order.strategy, order.symbol, order.broker) for order in met)
    last_ts = max((fill.ts for _, fill in history), default=0)
    is_today = False
    for order, fill in history:
        holding = engine.holdings.get((order.strategy, order.symbol, order.broker))
        if holding is None:
            engine.ledger.note_flow(fill, instrument_for(fill.symbol).multiplier)
            continue
        if not is_today and engine.keeps_accounts and engine.accounts.is_one_day(fill.ts, last_ts):
            is_today = True
            _take_over(engine)
        follows = engine.ledger.apply(fill, order)
        if is_today:
            engine.account(holding, fill, follows)
    outputs: list[Event] = []
    for record in orders:
        order = record.order
        owner = engine.holdings.get((order.strategy, order.symbol, order.broker))
        if owner is not None:
            engine.desk.take_over(record, owner)
            engine.desk.withdraw([record], last_ts, "the state of its run could not be carried over", outputs)
    _take_over(engine)
    for holding in engine.holdings.values():
        engine.guards.settle(holding, last_ts, outputs)
    for slot in engine.slots.values():
        engine.pursuit.follow_position(slot)
    return outputs


def _take_over(engine: "Engine") -> None:
    """What was earned so far is not counted among what follows."""
    for holding in engine.holdings.values():
        holding.position = engine.ledger.position(*holding.key)
        if engine.keeps_accounts:
            engine.accounts.take_over(holding.key, holding.position)
