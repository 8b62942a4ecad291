"""An order as a program sends it: its fields in the wire's order, and the ticket they make for the brokerage."""

from decimal import Decimal, InvalidOperation

import msgspec

from engine.model.enums import OrderType, Side, TimeInForce
from simulators.brokerage.orders import Ticket
from simulators.ibkr.contracts import IbContract, asked_contract
from simulators.ibkr.wire import UNSET_DOUBLE

ORDER_TYPES = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "STP": OrderType.STOP,
    "STP LMT": OrderType.STOP_LIMIT,
    "TRAIL": OrderType.TRAILING_STOP,
}
TIMES = {"": TimeInForce.DAY, "DAY": TimeInForce.DAY, "GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC}
ACTIONS = {"BUY": Side.BUY, "SELL": Side.SELL}

# By position, as a program of server version 176 sends them; what stands behind the last is of no use here.
_CONTRACT_AT, _CONTRACT_FIELDS = 2, 12
_TEXTS = {
    "action": 16, "quantity": 17, "order_type": 18, "limit": 19, "aux": 20, "tif": 21, "oca_group": 22, "account": 23,
    "order_ref": 26, "oca_type": 47, "trail_stop": 69, "trail_percent": 70,
}  # fmt: skip
_DELTA_NEUTRAL_AT = 65


class Invalid(Exception):
    """The gateway cannot take such a message: its code and sentence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """What a program asks for, as it came."""

    order_id: int
    contract: IbContract
    action: str
    quantity: str
    order_type: str
    limit: str
    aux: str
    tif: str
    oca_group: str
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    outside_rth: bool
    oca_type: str
    trail_stop: str
    trail_percent: str


def read_placement(fields: list[str]) -> Placement:
    """`Invalid` for what is not a plain order in one contract."""
    contract = asked_contract(fields[_CONTRACT_AT : _CONTRACT_AT + _CONTRACT_FIELDS])
    if contract.sec_type == "BAG":
        raise Invalid(321, "Error validating request.-'bW' : cause - Combination orders are not traded here.")
    if fields[_DELTA_NEUTRAL_AT]:
        raise Invalid(321, "Error validating request.-'bW' : cause - Delta neutral orders are not traded here.")
    text = {name: fields[place] for name, place in _TEXTS.items()}
    return Placement(
        contract=contract,
        order_id=int(fields[1]),
        parent_id=int(fields[28] or 0),
        transmit=fields[27] == "1",
        outside_rth=fields[33] == "1",
        **text,
    )


def ticket_of(asked: Placement, symbol: str, *, perm_id: int, already_filled: Decimal = Decimal(0)) -> Ticket:
    """`Invalid` for types and times that the venue does not have. A change names the whole quantity: what was filled
    of it before is not ordered again."""
    kind, tif = ORDER_TYPES.get(asked.order_type), TIMES.get(asked.tif)
    if kind is None:
        raise Invalid(387, "Unsupported order type for this exchange and security type.")
    if tif is None:
        raise Invalid(391, "The time-in-force is invalid for the exchange or security type.")
    if asked.action not in ACTIONS:
        raise Invalid(321, "Error validating request.-'bW' : cause - The action must be BUY or SELL.")
    is_trailing = kind is OrderType.TRAILING_STOP
    aux, percent = number(asked.aux), number(asked.trail_percent)
    return Ticket(
        symbol=symbol,
        side=ACTIONS[asked.action],
        quantity=(number(asked.quantity) or Decimal(0)) - already_filled,
        type=kind,
        limit_price=number(asked.limit) if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        stop_price=aux if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
        trail=aux if is_trailing else None,
        trail_pct=percent / 100 if is_trailing and percent is not None else None,
        tif=TimeInForce.EXTENDED if asked.outside_rth and tif is TimeInForce.DAY else tif,
        extended=asked.outside_rth,
        tag=asked.order_ref,
        payload={"perm_id": perm_id},
    )


def number(text: str) -> Decimal | None:
    """None where it is left open."""
    if text in ("", UNSET_DOUBLE, "1.7976931348623157e+308"):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Invalid(320, f"Error reading request. {text!r} is no number.") from None
