"""What we read of Schwab's documents: pure shapes.

https://developer.schwab.com (Trader API, Accounts and Trading)
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from brokers.venue import NotUnderstood
from engine.model.time import from_datetime

ZERO = Decimal(0)
T = TypeVar("T")


class InstrumentDoc(msgspec.Struct, rename="camel"):
    symbol: str = ""
    asset_type: str = ""


class LegDoc(msgspec.Struct, rename="camel"):
    instruction: str
    instrument: InstrumentDoc
    quantity: Decimal = ZERO
    leg_id: int = 1


class ExecutionDoc(msgspec.Struct, rename="camel"):
    quantity: Decimal
    price: Decimal
    time: str
    leg_id: int = 1


class ActivityDoc(msgspec.Struct, rename="camel"):
    activity_type: str = ""
    execution_legs: list[ExecutionDoc] = []


class Execution(msgspec.Struct, frozen=True):
    """One execution of one leg. Schwab gives it no name: ours is made of what never changes about it."""

    id: str
    leg_id: int
    quantity: Decimal
    price: Decimal
    ts: int


class OrderDoc(msgspec.Struct, rename="camel"):
    """An order, or a group of orders with or without one of its own."""

    order_id: int = 0
    status: str = ""
    order_type: str = ""
    order_strategy_type: str = "SINGLE"
    session: str = "NORMAL"
    duration: str = "DAY"
    quantity: Decimal = ZERO
    filled_quantity: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_price_offset: Decimal | None = None
    entered_time: str = ""
    close_time: str = ""
    status_description: str = ""
    order_leg_collection: list[LegDoc] = []
    order_activity_collection: list[ActivityDoc] = []
    child_order_strategies: list["OrderDoc"] = []
    group: str = ""  # the name of the group it was listed in
    unit_fee: Decimal = ZERO  # of a share or contract; told elsewhere

    @property
    def entered_ts(self) -> int:
        return moment(self.entered_time)

    @property
    def executions(self) -> list[Execution]:
        """All so far. Two alike in one second get numbers, which stay as they are when more come."""
        seen: Counter[str] = Counter()
        found = []
        legs = (leg for each in self.order_activity_collection for leg in each.execution_legs if _is_execution(each))
        for leg in legs:
            ts = moment(leg.time)
            name = f"{self.order_id}-{leg.leg_id}-{ts // 1_000_000_000}-{_text(leg.quantity)}@{_text(leg.price)}"
            seen[name] += 1
            number = f"#{seen[name]}" if seen[name] > 1 else ""
            found.append(Execution(f"{name}{number}", leg.leg_id, leg.quantity, leg.price, ts))
        return found

    @property
    def updated_ts(self) -> int:
        """The last thing that is known to have happened to it."""
        return max([self.entered_ts, moment(self.close_time), *(each.ts for each in self.executions)])


class TransferDoc(msgspec.Struct, rename="camel"):
    """What a trade moved: shares or contracts, or money for a fee."""

    amount: Decimal = ZERO
    cost: Decimal = ZERO
    fee_type: str = ""


class TransactionDoc(msgspec.Struct, rename="camel"):
    order_id: int = 0
    transfer_items: list[TransferDoc] = []


class PositionDoc(msgspec.Struct, rename="camel"):
    instrument: InstrumentDoc
    long_quantity: Decimal = ZERO
    short_quantity: Decimal = ZERO
    average_price: Decimal | None = None


class BalanceDoc(msgspec.Struct, rename="camel"):
    """A margin account tells other words than a cash account."""

    cash_balance: Decimal | None = None
    total_cash: Decimal | None = None
    liquidation_value: Decimal | None = None
    buying_power: Decimal | None = None
    cash_available_for_trading: Decimal | None = None


class SecuritiesAccountDoc(msgspec.Struct, rename="camel"):
    account_number: str
    current_balances: BalanceDoc
    positions: list[PositionDoc] = []


class AccountDoc(msgspec.Struct, rename="camel"):
    securities_account: SecuritiesAccountDoc


class AccountNumberDoc(msgspec.Struct, rename="camel"):
    account_number: str
    hash_value: str


def read_order(content: bytes) -> OrderDoc:
    return _read(content, OrderDoc)


def read_orders(content: bytes) -> list[OrderDoc]:
    return _read(content, list[OrderDoc])


def read_transactions(content: bytes) -> list[TransactionDoc]:
    return _read(content, list[TransactionDoc])


def read_account(content: bytes) -> SecuritiesAccountDoc:
    return _read(content, AccountDoc).securities_account


def read_account_numbers(content: bytes) -> list[AccountNumberDoc]:
    return _read(content, list[AccountNumberDoc])


def flat(docs: list[OrderDoc]) -> Iterator[OrderDoc]:
    """Every order that has a leg, those inside groups with the group's name."""
    for doc in docs:
        if doc.child_order_strategies:
            doc.group = doc.group or str(doc.order_id)
        for child in doc.child_order_strategies:
            child.group = doc.group
        if doc.order_leg_collection:
            yield doc
        yield from flat(doc.child_order_strategies)


def moment(text: str) -> int:
    """UTC ns of "2026-11-20T15:00:01+0000"; 0 for nothing."""
    if not text:
        return 0
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        raise NotUnderstood(f"a moment like 2026-11-20T15:00:01+0000 was expected, found {text!r}") from error


def _is_execution(activity: ActivityDoc) -> bool:
    return activity.activity_type in ("EXECUTION", "")


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _read(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind, strict=False)
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"Schwab's answer is not understood: {error}") from error
