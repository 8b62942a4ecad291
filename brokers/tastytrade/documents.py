"""What we read of tastytrade's documents, and its words for the states of an order."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from brokers.venue import NotUnderstood
from engine.model.enums import OrderState

T = TypeVar("T")
ZERO = Decimal(0)

STATES = {
    "Received": OrderState.ACCEPTED,
    "Routed": OrderState.ACCEPTED,
    "In Flight": OrderState.ACCEPTED,
    "Contingent": OrderState.ACCEPTED,
    "Live": OrderState.WORKING,
    "Cancel Requested": OrderState.WORKING,
    "Replace Requested": OrderState.WORKING,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "Canceled": OrderState.CANCELLED,  # the prose of the documentation writes it so
    "Removed": OrderState.CANCELLED,
    "Partially Removed": OrderState.CANCELLED,
    "Expired": OrderState.EXPIRED,
    "Rejected": OrderState.REJECTED,
}


class FillDoc(msgspec.Struct, rename="kebab"):
    fill_id: str
    quantity: Decimal
    fill_price: Decimal
    filled_at: datetime


class LegDoc(msgspec.Struct, rename="kebab"):
    instrument_type: str
    symbol: str
    action: str
    quantity: Decimal | None = None
    remaining_quantity: Decimal | None = None
    fills: list[FillDoc] | None = None


class OrderDoc(msgspec.Struct, rename="kebab"):
    """What we read of an order."""

    id: int
    status: str
    order_type: str
    legs: list[LegDoc]
    price: Decimal | None = None
    stop_trigger: Decimal | None = None
    external_identifier: str | None = None
    received_at: datetime | None = None
    updated_at: int = 0  # ms since the epoch
    reject_reason: str | None = None
    replacing_order_id: int | str | None = None
    replaces_order_id: int | str | None = None
    complex_order_id: int | str | None = None

    @property
    def is_superseded(self) -> bool:
        """Ended because another one took its place."""
        return bool(self.replacing_order_id) and STATES.get(self.status) is OrderState.CANCELLED

    @property
    def is_part_of_a_chain(self) -> bool:
        return bool(self.replacing_order_id or self.replaces_order_id)


class TradeDoc(msgspec.Struct, rename="kebab"):
    """An execution in the list of transactions: what was charged for it."""

    order_id: int | None = None
    quantity: Decimal | None = None
    commission: Decimal | None = None
    clearing_fees: Decimal | None = None
    regulatory_fees: Decimal | None = None
    proprietary_index_option_fees: Decimal | None = None

    @property
    def fees(self) -> Decimal:
        parts = (self.commission, self.clearing_fees, self.regulatory_fees, self.proprietary_index_option_fees)
        return sum((abs(part) for part in parts if part is not None), ZERO)


class PositionDoc(msgspec.Struct, rename="kebab"):
    instrument_type: str
    symbol: str
    quantity: Decimal
    quantity_direction: str
    average_open_price: Decimal | None = None


class BalanceDoc(msgspec.Struct, rename="kebab"):
    cash_balance: Decimal | None = None
    net_liquidating_value: Decimal | None = None
    derivative_buying_power: Decimal | None = None


def read(document: Any, kind: type[T], what: str) -> T:
    try:
        return msgspec.convert(document, kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"{what}: {error}") from error
