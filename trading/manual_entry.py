"""What a person wants to order, and what it would become: values that the page and the API show."""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec

from engine.model.commands import ManualOrder
from engine.model.enums import OrderType, Side, TimeInForce

MANUAL = "manual"  # the strategy that holds what persons order


class OrderEntry(msgspec.Struct, frozen=True):
    """What a person wants to order: one order per account in `quantities`."""

    symbol: str
    side: Side
    quantities: dict[str, Decimal]
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    tif: TimeInForce = TimeInForce.DAY
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    book: str = ""

    def command(self, account: str, *, ts: int, command_id: str, by: str) -> ManualOrder:
        """The order at one account, as the book's process is told it."""
        return ManualOrder(
            ts, command_id, by, MANUAL, self.symbol, account, self.side, self.quantities[account], self.type,
            self.limit_price, self.stop_price, self.trail, self.tif, self.stop_loss, self.take_profit,
        )  # fmt: skip


class PlannedOrder(msgspec.Struct, frozen=True):
    """One order that would be sent. `request` is what its venue would get; `problem` why it would not take it."""

    side: str
    quantity: str
    type: str
    intent: str
    tif: str
    limit_price: str | None
    stop_price: str | None
    trail: str | None
    reason: str
    is_exit: bool  # a stop or a target that guards what is held afterwards
    notional: str | None
    request: dict[str, Any] | None = None
    rule: str = ""
    problem: str = ""


class AccountPlan(msgspec.Struct, frozen=True):
    """What would happen at one account. `position_after` is once the market orders are filled."""

    account: str
    venue: str
    position: str
    position_after: str
    orders: tuple[PlannedOrder, ...]
    withdrawn: tuple[str, ...]
    cost: str | None  # cash value of what is added; of a future, its contract value
    buying_power: str | None
    buying_power_after: str | None
    notes: tuple[str, ...] = ()
    rule: str = ""
    problem: str = ""  # why nothing would be sent there

    @property
    def problems(self) -> list[str]:
        found = [self.problem, *(order.problem for order in self.orders if not order.is_exit)]
        return [f"{self.account}: {problem}" for problem in found if problem]


class EntryPlan(msgspec.Struct, frozen=True):
    """The whole of it. `can_place` is false while anything speaks against it; `problems` says what."""

    book: str
    mode: str
    symbol: str
    price: str | None
    accounts: tuple[AccountPlan, ...]
    problems: tuple[str, ...]

    @property
    def can_place(self) -> bool:
        return not self.problems

    @property
    def digest(self) -> str:
        """Two plans with the same digest send the same orders and meet the same verdicts."""
        content = [self.book, self.mode, [_essence(account) for account in self.accounts]]
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]


def _essence(plan: AccountPlan) -> list[Any]:
    orders = [
        (o.side, o.quantity, o.type, o.intent, o.tif, o.limit_price, o.stop_price, o.trail, o.is_exit, o.rule)
        for o in plan.orders
    ]
    return [plan.account, plan.position, orders, plan.withdrawn, plan.rule, bool(plan.problem)]
