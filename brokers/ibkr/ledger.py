"""What the gateway told over one connection: orders, executions and their costs, each as it is now."""

import logging
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from brokers.ibkr.documents import ExecutionDoc, OrderDoc

logger = logging.getLogger(__name__)


class Ledger:
    """Keyed by the venue's permanent number and by the execution's name; nothing here is forgotten but by `forget`."""

    def __init__(self) -> None:
        self.orders: dict[int, OrderDoc] = {}
        self.executions: dict[str, ExecutionDoc] = {}
        self.fees: dict[str, Decimal] = {}  # by the execution's own id
        self._numbers: dict[tuple[int, int], int] = {}  # (client, order) → permanent number
        self._by_order: dict[int, dict[str, ExecutionDoc]] = {}

    # ---- being told --------------------------------------------------------------------------------------------

    def opened(self, told: OrderDoc, *, is_listed: bool = False) -> OrderDoc:
        """An order with all its terms. What only its status tells stays. `is_listed`: among the open orders."""
        before = self.orders.get(told.perm_id)
        if before is not None:
            terms = msgspec.structs.replace(
                told, status=before.status, filled=before.filled, average=before.average, code=before.code,
                reason=before.reason, changed_ts=before.changed_ts,
            )  # fmt: skip
            told = terms.at(told.status, ts=told.changed_ts, is_listed=is_listed)
        self._numbers[told.client_id, told.order_id] = told.perm_id
        self.orders[told.perm_id] = told
        return told

    def ended(self, told: OrderDoc) -> OrderDoc:
        """An order that is over, as the list of them tells it: without its numbers, and with the time of its end."""
        before = self.orders.get(told.perm_id)
        if before is not None:
            told = msgspec.structs.replace(
                told, client_id=before.client_id, order_id=before.order_id, parent_id=before.parent_id,
                average=before.average, filled=max(told.filled, before.filled), code=told.code or before.code,
                reason=told.reason or before.reason,
            )  # fmt: skip
        self.orders[told.perm_id] = told
        return told

    def stands(self, perm_id: int, status: str, *, filled: Decimal, average: Decimal, ts: int) -> OrderDoc | None:
        """The order's status; None where its terms were never told."""
        before = self.orders.get(perm_id)
        if before is None:
            return None
        after = before.at(status, ts=ts)
        if filled >= before.filled:
            after = msgspec.structs.replace(after, filled=filled, average=average)
        self.orders[perm_id] = after
        return after

    def noted(self, client_id: int, order_id: int, code: int, reason: str) -> None:
        """Why an order was refused or ended; its status tells that it did."""
        doc = self.find(client_id, order_id)
        if doc is not None:
            self.orders[doc.perm_id] = msgspec.structs.replace(doc, code=str(code), reason=reason)

    def executed(self, told: ExecutionDoc) -> ExecutionDoc:
        """An execution or its correction: the one with the highest number behind the last point counts."""
        before = self.executions.get(told.name)
        if before is None or before.execution_id < told.execution_id:
            self.executions[told.name] = told
            self._by_order.setdefault(told.perm_id, {})[told.name] = told
        return self.executions[told.name]

    def charged(self, execution_id: str, fee: Decimal) -> ExecutionDoc | None:
        """What an execution cost; the execution, where it is known."""
        self.fees[execution_id] = fee
        return self.executions.get(execution_id.rpartition(".")[0])

    def forget(self, perm_id: int) -> None:
        self.orders.pop(perm_id, None)

    # ---- being asked -------------------------------------------------------------------------------------------

    def find(self, client_id: int, order_id: int) -> OrderDoc | None:
        return self.orders.get(self._numbers.get((client_id, order_id), 0))

    def of_order(self, perm_id: int) -> Iterable[ExecutionDoc]:
        return self._by_order.get(perm_id, {}).values()

    def is_told(self, doc: OrderDoc) -> bool:
        """Whether every execution that the order counts is known, with what it cost."""
        known = sum((each.quantity for each in self.of_order(doc.perm_id)), Decimal(0))
        return known >= doc.filled and not self.uncharged(doc.perm_id)

    def uncharged(self, perm_id: int | None = None) -> list[ExecutionDoc]:
        """Executions whose costs are not told: of one order, or all."""
        asked = self.executions.values() if perm_id is None else self.of_order(perm_id)
        return [each for each in asked if each.execution_id not in self.fees]

    def assume_no_costs(self, executions: Iterable[ExecutionDoc]) -> None:
        """What they cost does not come: they count without it."""
        for each in executions:
            logger.warning("what execution %s cost was not told", each.execution_id)
            self.fees[each.execution_id] = Decimal(0)
