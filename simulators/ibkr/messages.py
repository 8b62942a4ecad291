"""What the gateway tells, field by field, as server version 176 writes it."""

from collections.abc import Iterator
from decimal import Decimal

from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderType, Side
from engine.model.time import to_datetime
from simulators.brokerage.account import Account, Holding, PriceOf
from simulators.brokerage.orders import Execution, State
from simulators.ibkr.book import Entry, Standing
from simulators.ibkr.contracts import IbContract, contract_month, tick_of
from simulators.ibkr.wire import UNSET_DOUBLE, UNSET_INT, Tell, frame, stamp

_HOURS = "20000103:0930-20000103:1600"
_NO_CHANGE = ("",) * 14  # margins and commission of a look ahead, and its warning


def error(request: int, code: int, text: str) -> bytes:
    """`request` is −1 where it concerns none."""
    return frame(Tell.ERROR, 2, request, code, text, "")


def order_status(standing: Standing) -> bytes:
    entry, average = standing.entry, standing.average_price
    last = standing.fills[-1].price if standing.fills else Decimal(0)
    return frame(
        Tell.ORDER_STATUS, entry.order_id, standing.status, standing.filled, standing.remaining, average, entry.perm_id,
        entry.parent_id, last, entry.client_id, "", "0",
    )  # fmt: skip


def open_order(standing: Standing, contract: IbContract) -> bytes:
    entry, order = standing.entry, standing.order
    ticket = order.ticket
    trail_stop = order.stop_price if ticket.type is OrderType.TRAILING_STOP else None
    percent = None if ticket.trail_pct is None else ticket.trail_pct * 100
    return frame(
        Tell.OPEN_ORDER, entry.order_id, *contract.row, *_terms(standing), "O", 0, ticket.tag, entry.client_id,
        entry.perm_id, ticket.extended, False, 0, "", "", "", "", "", "", *_middle(entry),
        0, False, False, False, "", entry.oca_type, False, False, "", entry.parent_id, 0, "", 0, "", "",
        False, 0, _price(trail_stop), _price(percent), "", UNSET_INT, "", 0, 0, 0,
        UNSET_INT, UNSET_INT, UNSET_DOUBLE, "", False, "", "IB", False, False, "", False, False,
        standing.status, *_NO_CHANGE, False, False, 0,
        "None", UNSET_DOUBLE, _price(trail_stop), UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE, 0,
        "", "", "", UNSET_DOUBLE, False, False, False, False, UNSET_INT, UNSET_INT, False,
        UNSET_INT, UNSET_INT, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE,
    )  # fmt: skip


def completed_order(standing: Standing, contract: IbContract) -> bytes:
    """An order that is over: without its number and its program's, as the venue tells it."""
    entry, order = standing.entry, standing.order
    ticket = order.ticket
    trail_stop = order.stop_price if ticket.type is OrderType.TRAILING_STOP else None
    return frame(
        Tell.COMPLETED_ORDER, *contract.row, *_terms(standing), "O", 0, ticket.tag, entry.perm_id,
        ticket.extended, False, 0, "", "", "", "", "", *_middle(entry, has_auction=False),
        0, False, False, "", entry.oca_type, 0, "", 0, "", "",
        False, 0, _price(trail_stop), _price(None), "", 0, 0, 0,
        UNSET_INT, UNSET_INT, UNSET_DOUBLE, "", "", "IB", False, False, "", False,
        standing.status, False, False, 0,
        _price(trail_stop), UNSET_DOUBLE, UNSET_DOUBLE, False, False, "", standing.filled, 0, False, "", False, False,
        "", stamp(order.ended_ts), _ending(standing),
        UNSET_INT, UNSET_INT, UNSET_DOUBLE, UNSET_DOUBLE, UNSET_DOUBLE,
    )  # fmt: skip


def _terms(standing: Standing) -> tuple[object, ...]:
    """action … account."""
    order, entry = standing.order, standing.entry
    ticket = order.ticket
    aux = ticket.trail if ticket.type is OrderType.TRAILING_STOP else ticket.stop_price
    limit = ticket.limit_price if ticket.limit_price is not None else Decimal(0)
    return (
        standing.action, standing.quantity, standing.order_type, limit, aux if aux is not None else Decimal(0),
        standing.tif, entry.oca_group, entry.account,
    )  # fmt: skip


def _middle(entry: Entry, *, has_auction: bool = True) -> tuple[object, ...]:
    """modelCode … displaySize."""
    auction = (0,) if has_auction else ()
    return ("", "", "", UNSET_DOUBLE, "", 0, "", -1, *auction, *(UNSET_DOUBLE,) * 5)


def _ending(standing: Standing) -> str:
    order = standing.order
    if order.state is State.FILLED:
        return f"Filled Size: {standing.filled.normalize():f}"
    if order.state is State.REJECTED:
        return f"Rejected: {order.reason}"
    if order.state is State.CANCELLED and order.code == "":
        return "Cancelled by Trader"
    return f"Cancelled: {order.reason}"


def execution(entry: Entry, each: Execution, contract: IbContract, standing: Standing, *, request: int = -1) -> bytes:
    """One execution, and what its order had filled by then."""
    before = [fill for fill in standing.fills if fill.id <= each.id]
    filled = sum((fill.quantity for fill in before), Decimal(0))
    average = sum((fill.quantity * fill.price for fill in before), Decimal(0)) / filled
    return frame(
        Tell.EXECUTION, request, entry.order_id, *contract.row, execution_id(each), stamp(each.ts), entry.account,
        contract.exchange, "BOT" if each.side is Side.BUY else "SLD", each.quantity, each.price, entry.perm_id,
        entry.client_id, 0, filled, average, standing.order.ticket.tag, "", "", "", 2,
    )  # fmt: skip


def commission(each: Execution) -> bytes:
    return frame(Tell.COMMISSION, 1, execution_id(each), each.fee, "USD", UNSET_DOUBLE, UNSET_DOUBLE, "")


def execution_id(each: Execution) -> str:
    """Its last part is the number of its correction."""
    return f"0000e0d5.{each.id:08x}.01.01"


def contract_details(request: int, contract: IbContract, symbol: str) -> bytes:
    instrument = instrument_for(symbol)
    return frame(
        Tell.CONTRACT, request, contract.symbol, contract.sec_type, contract.expiry, contract.strike, contract.right,
        contract.exchange, contract.currency, contract.local_symbol, contract.trading_class, contract.trading_class,
        contract.con_id, tick_of(symbol), contract.multiplier, "ACTIVETIM,DAY,GTC,IOC,LMT,MKT,STP,STPLMT,TRAIL",
        contract.exchange, 1, 0, symbol, contract.primary, contract_month(contract), "", "", "", "America/New_York",
        _HOURS, _HOURS, "", 0, 0, 1, contract.symbol, "", "26", contract.expiry,
        "COMMON" if contract.sec_type == "STK" else "", instrument.quantity_step, instrument.quantity_step,
        instrument.quantity_step,
    )  # fmt: skip


def position(account: Account, held: Holding, contract: IbContract) -> bytes:
    """The average cost is of a whole contract, its multiplier included."""
    return frame(
        Tell.POSITION, 3, account.number, *contract.row, held.quantity, held.average_price * held.instrument.multiplier
    )


def portfolio(account: Account, held: Holding, contract: IbContract, price_of: PriceOf) -> bytes:
    price = price_of(held.symbol) or held.average_price
    multiplier = held.instrument.multiplier
    gain = (price - held.average_price) * held.quantity * multiplier
    fields = contract.row
    return frame(
        Tell.PORTFOLIO, 8, *fields[:7], contract.primary or contract.exchange, *fields[8:], held.quantity, price,
        price * held.quantity * multiplier, held.average_price * multiplier, gain, held.realized, account.number,
    )  # fmt: skip


def account_values(account: Account, price_of: PriceOf) -> Iterator[tuple[str, str, str]]:
    """(tag, value, currency)."""
    net, power = account.net_liquidation(price_of), account.buying_power(price_of)
    required = account.requirement(price_of)
    yield "AccountType", "INDIVIDUAL", ""
    for tag, value in (
        ("NetLiquidation", net), ("TotalCashValue", account.cash), ("SettledCash", account.cash),
        ("BuyingPower", power), ("AvailableFunds", power), ("ExcessLiquidity", power), ("EquityWithLoanValue", net),
        ("InitMarginReq", required), ("MaintMarginReq", required),
        ("GrossPositionValue", sum((abs(_value(held, price_of)) for held in account.holdings.values()), Decimal(0))),
    ):  # fmt: skip
        yield tag, f"{value:.2f}", "USD"


def account_time(ts: int) -> bytes:
    return frame(Tell.ACCOUNT_TIME, 1, f"{to_datetime(ts):%H:%M}")


def _value(held: Holding, price_of: PriceOf) -> Decimal:
    return held.quantity * (price_of(held.symbol) or held.average_price) * held.instrument.multiplier


def _price(value: Decimal | None) -> object:
    return UNSET_DOUBLE if value is None else value
