"""The names under which ib_async hands over what the gateway tells, and our own documents made of it."""

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from ib_async.util import UNSET_DOUBLE

from brokers.ibkr.documents import ContractDoc, ExecutionDoc, OrderDoc, PositionDoc
from brokers.ibkr.words import sentence
from engine.model.time import from_datetime

logger = logging.getLogger(__name__)

_MOMENT = re.compile(r"(?P<day>\d{8})(?:(?P<dash>-)| +)(?P<time>\d\d:\d\d:\d\d)(?: (?P<zone>\S+))?")


class Listener(Protocol):
    """What a connection does with each kind of message."""

    def on_closed(self) -> None: ...
    def on_greeting(self) -> None: ...
    def on_garbled(self, message: str) -> None: ...
    def on_order(self, told: OrderDoc) -> None: ...
    def on_status(self, numbers: tuple[int, int, int], status: str, filled: Decimal, average: Decimal) -> None: ...
    def on_ended_order(self, told: OrderDoc) -> None: ...
    def on_execution(self, request: int, told: ExecutionDoc) -> None: ...
    def on_fee(self, execution_id: str, fee: Decimal) -> None: ...
    def on_position(self, told: PositionDoc) -> None: ...
    def on_value(self, request: int, account: str, tag: str, value: str) -> None: ...
    def on_time(self, seconds: int) -> None: ...
    def on_end(self, question: int | str) -> None: ...
    def on_error(self, request: int, code: int, text: str) -> None: ...


class Ear:
    """One connection's. Times without a zone are UTC here: IB Gateway writes its login's zone behind them otherwise."""

    defaultTimezone = UTC
    ib = SimpleNamespace(TimezoneTWS="UTC")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    # ---- the line ----------------------------------------------------------------------------------------------

    def connectAck(self) -> None:
        """The gateway greeted; its numbers and accounts follow."""

    def nextValidId(self, reqId: int) -> None:
        self._listener.on_greeting()

    def managedAccounts(self, accountsList: str) -> None:
        self._listener.on_greeting()

    def connectionClosed(self) -> None:
        """`setEventsDone` said so already, also where it never came up."""

    def setEventsDone(self) -> None:
        self._listener.on_closed()

    def garbled(self, message: Sequence[str], error: Exception) -> None:
        self._listener.on_garbled(f"message {message[0] if message else '?'} with {len(message)} fields: {error!r}")

    def error(self, reqId: int, errorCode: int, errorString: str, advancedOrderRejectJson: str) -> None:
        self._listener.on_error(reqId, errorCode, errorString)

    def currentTime(self, time: int) -> None:
        self._listener.on_time(time)
        self._listener.on_end("time")

    # ---- orders ------------------------------------------------------------------------------------------------

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        if not order.whatIf:
            self._listener.on_order(_order(contract, order, orderState.status, order_id=orderId))

    def openOrderEnd(self) -> None:
        self._listener.on_end("open orders")

    def orderStatus(
        self, orderId: int, status: str, filled: float, remaining: float, avgFillPrice: float, permId: int,
        parentId: int, lastFillPrice: float, clientId: int, whyHeld: str, mktCapPrice: float = 0.0,
    ) -> None:  # fmt: skip
        self._listener.on_status((permId, clientId, orderId), status, exact(filled), exact(avgFillPrice))

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:
        filled = Decimal(0) if order.filledQuantity == UNSET_DOUBLE else exact(order.filledQuantity)
        told = _order(contract, order, orderState.status, order_id=0)
        reason, ts = sentence(0, orderState.completedStatus), moment_of(orderState.completedTime)
        self._listener.on_ended_order(msgspec.structs.replace(told, filled=filled, reason=reason, changed_ts=ts))

    def completedOrdersEnd(self) -> None:
        self._listener.on_end("completed orders")

    # ---- executions, positions, money --------------------------------------------------------------------------

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        told = ExecutionDoc(
            execution_id=execution.execId,
            perm_id=execution.permId,
            account=execution.acctNumber,
            contract=_contract(contract),
            side=execution.side,
            quantity=exact(execution.shares),
            price=exact(execution.price),
            ts=from_datetime(execution.time),
            order_ref=execution.orderRef,
        )
        self._listener.on_execution(reqId, told)

    def execDetailsEnd(self, reqId: int) -> None:
        self._listener.on_end(reqId)

    def commissionReport(self, commissionReport: Any) -> None:
        report = commissionReport
        if report.currency not in ("", "USD"):
            logger.warning("execution %s cost %s %s", report.execId, report.commission, report.currency)
        fee = Decimal(0) if report.commission == UNSET_DOUBLE else exact(report.commission)
        self._listener.on_fee(report.execId, fee)

    def position(self, account: str, contract: Any, posSize: float, avgCost: float) -> None:
        told = PositionDoc(
            account=account, contract=_contract(contract), quantity=exact(posSize), average_cost=exact(avgCost)
        )
        self._listener.on_position(told)

    def positionEnd(self) -> None:
        self._listener.on_end("positions")

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, currency: str) -> None:
        self._listener.on_value(reqId, account, tag, value)

    def accountSummaryEnd(self, reqId: int) -> None:
        self._listener.on_end(reqId)


def exact(value: float | str | Decimal) -> Decimal:
    """The decimal number that was written on the wire: the shortest that reads as this float."""
    return Decimal(f"{Decimal(repr(value) if isinstance(value, float) else value).normalize():f}")


def _price(value: float | None) -> Decimal | None:
    return None if value is None or value == UNSET_DOUBLE else exact(value)


def _contract(contract: Any) -> ContractDoc:
    return ContractDoc(
        sec_type=contract.secType,
        symbol=contract.symbol,
        expiry=contract.lastTradeDateOrContractMonth,
        strike=exact(contract.strike),
        right=contract.right,
        multiplier=contract.multiplier,
        local_symbol=contract.localSymbol,
        currency=contract.currency,
        trading_class=contract.tradingClass,
    )


def _order(contract: Any, order: Any, status: str, *, order_id: int) -> OrderDoc:
    return OrderDoc(
        perm_id=order.permId,
        account=order.account,
        contract=_contract(contract),
        action=order.action,
        quantity=exact(order.totalQuantity),
        order_type=order.orderType,
        limit=_price(order.lmtPrice),
        aux=_price(order.auxPrice),
        order_ref=order.orderRef,
        oca_group=order.ocaGroup,
        oca_type=order.ocaType,
        client_id=order.clientId,
        order_id=order_id,
        parent_id=order.parentId,
        status=status,
    )


def moment_of(text: str) -> int:
    """UTC ns of "20261120 10:00:00 US/Eastern" or, in UTC, "20261120-15:00:00"; 0 where it cannot be read, which counts
    as lately."""
    match = _MOMENT.fullmatch(text)
    if match is None or not (match["zone"] or match["dash"]):
        return 0
    try:
        zone = ZoneInfo(match["zone"]) if match["zone"] else UTC
        return from_datetime(datetime.strptime(match["day"] + match["time"], "%Y%m%d%H:%M:%S").replace(tzinfo=zone))
    except (ValueError, KeyError, OSError):
        return 0
