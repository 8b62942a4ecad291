"""What IB Gateway tells, as we keep it: the client's types end before here, prices and quantities are exact."""

from decimal import Decimal

import msgspec

from engine.model.enums import OrderState

STATES = {
    "PendingSubmit": OrderState.ACCEPTED,
    "ApiPending": OrderState.ACCEPTED,
    "PreSubmitted": OrderState.ACCEPTED,  # waits for its trigger, its parent or the opening
    "Submitted": OrderState.WORKING,
    "ApiUpdate": OrderState.WORKING,
    "PendingCancel": OrderState.WORKING,
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "ApiCancelled": OrderState.CANCELLED,
    "Inactive": OrderState.REJECTED,
}
PENDING = frozenset({"PendingSubmit", "ApiPending"})  # at the gateway; the venue did not say that it has it
_FINAL = frozenset({"Filled", "Cancelled", "ApiCancelled"})  # an inactive order may be revived


class ContractDoc(msgspec.Struct, frozen=True, kw_only=True):
    sec_type: str
    symbol: str
    expiry: str = ""  # YYYYMMDD
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    currency: str = ""
    trading_class: str = ""


class OrderDoc(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `client_id` and `order_id` are its name within one program, 0 where the gateway does not tell them."""

    perm_id: int
    account: str
    contract: ContractDoc
    action: str
    quantity: Decimal
    order_type: str
    limit: Decimal | None = None
    aux: Decimal | None = None  # the stop's trigger, or the trail's distance
    order_ref: str = ""
    oca_group: str = ""
    oca_type: int = 0  # what the first of the group to fill does to the others
    client_id: int = 0
    order_id: int = 0
    parent_id: int = 0
    status: str = ""
    filled: Decimal = Decimal(0)
    average: Decimal = Decimal(0)
    code: str = ""  # of the last refusal
    reason: str = ""
    changed_ts: int = 0  # UTC ns, the venue's, as far as it says

    @property
    def is_over(self) -> bool:
        state = STATES.get(self.status)
        return state is not None and state.is_final

    def at(self, status: str, *, ts: int, is_listed: bool = False) -> "OrderDoc":
        """The same order in `status`. News that come late do not bring back what is over; a list of open orders does:
        an order that works must never be invisible."""
        is_late = self.status in _FINAL and status not in _FINAL and not is_listed
        if is_late or status in ("", self.status):
            return self
        return msgspec.structs.replace(self, status=status, changed_ts=ts)


class ExecutionDoc(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. `execution_id` without its last part is the same for all its corrections."""

    execution_id: str
    perm_id: int
    account: str
    contract: ContractDoc
    side: str  # BOT or SLD
    quantity: Decimal
    price: Decimal
    ts: int
    order_ref: str = ""

    @property
    def name(self) -> str:
        return self.execution_id.rpartition(".")[0] or self.execution_id


class PositionDoc(msgspec.Struct, frozen=True, kw_only=True):
    """`average_cost` is of one whole contract, with what it cost to buy."""

    account: str
    contract: ContractDoc
    quantity: Decimal
    average_cost: Decimal
