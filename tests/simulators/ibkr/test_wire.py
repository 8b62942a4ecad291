"""What ib_async writes is read here, and what is written here is read by ib_async, field by field."""

from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ib_async.client import Client
from ib_async.contract import Contract
from ib_async.decoder import Decoder
from ib_async.order import Order

from engine.model.enums import OrderType, TimeInForce
from simulators.brokerage.orders import SimOrder, State
from simulators.ibkr import messages
from simulators.ibkr.book import Entry, Standing
from simulators.ibkr.contracts import describe
from simulators.ibkr.placing import Invalid, read_placement, ticket_of
from simulators.ibkr.wire import SERVER_VERSION, field_text

PRICES = st.decimals(min_value="0.01", max_value="99999", places=2)
SYMBOLS = st.sampled_from(["SPY", "BRK.B", "/MESZ26", "/CLF27", "SPXW  261120C06000000"])
TERMS = st.one_of(
    st.just({"orderType": "MKT"}),
    PRICES.map(lambda price: {"orderType": "LMT", "lmtPrice": price}),
    PRICES.map(lambda price: {"orderType": "STP", "auxPrice": price}),
    st.tuples(PRICES, PRICES).map(lambda two: {"orderType": "STP LMT", "lmtPrice": two[0], "auxPrice": two[1]}),
    PRICES.map(lambda price: {"orderType": "TRAIL", "auxPrice": price}),
)


def written(order_id: int, contract: Contract, order: Order) -> list[str]:
    """The fields that ib_async sends for an order."""
    client = Client(SimpleNamespace())
    client._serverVersion, client.connState = SERVER_VERSION, Client.CONNECTED
    sent: list[str] = []
    client.sendMsg = sent.append  # type: ignore[method-assign,assignment]
    client.placeOrder(order_id, contract, order)
    return sent[0].split("\0")[:-1]


def read(frame: bytes) -> Any:
    """What ib_async makes of a message: the arguments of its callback."""
    heard: list[Any] = []
    names = ("openOrder", "completedOrder")
    wrapper: Any = SimpleNamespace(**{name: lambda *given: heard.append(given) for name in names})
    decoder = Decoder(wrapper, SERVER_VERSION)
    fields = frame[4:].decode().split("\0")[:-1]
    decoder.handlers[int(fields[0])](fields)
    assert len(heard) == 1
    return heard[0]


def asked(symbol: str) -> Contract:
    contract = describe(symbol)
    return Contract(
        secType=contract.sec_type, symbol=contract.symbol, lastTradeDateOrContractMonth=contract.expiry,
        strike=float(contract.strike), right=contract.right, exchange=contract.exchange, currency="USD",
        localSymbol=contract.local_symbol, tradingClass=contract.trading_class,
    )  # fmt: skip


@settings(deadline=None)  # the first future loads the calendars
@given(
    symbol=SYMBOLS, terms=TERMS, quantity=st.integers(1, 10_000), is_buy=st.booleans(),
    tif=st.sampled_from(["DAY", "GTC"]), extended=st.booleans(), reference=st.text("abc-019_", max_size=40),
    group=st.sampled_from(["", "exits-1"]), state=st.sampled_from([State.WORKING, State.CANCELLED, State.REJECTED]),
)  # fmt: skip
def test_an_order_comes_back_as_it_went(symbol, terms, quantity, is_buy, tif, extended, reference, group, state):
    action = "BUY" if is_buy else "SELL"
    order = Order(
        action=action, totalQuantity=quantity, tif=tif, outsideRth=extended, orderRef=reference, account="DU1",
        ocaGroup=group, ocaType=2 if group else 0, **terms,
    )  # fmt: skip
    placement = read_placement(written(7, asked(symbol), order))
    assert (placement.order_id, placement.account, placement.order_ref) == (7, "DU1", reference)
    assert (placement.oca_group, placement.transmit, placement.outside_rth) == (group, True, extended)
    ticket = ticket_of(placement, symbol, perm_id=99)
    assert (ticket.quantity, ticket.tag) == (quantity, reference)
    assert ticket.tif is (TimeInForce.EXTENDED if extended and tif == "DAY" else TimeInForce(tif.lower()))

    entry = Entry(perm_id=99, account="DU1", client_id=3, order_id=7, oca_group=group)
    there = SimOrder(id=1, account="DU1", ticket=ticket, symbol=symbol, quantity=ticket.quantity, state=state)
    standing = Standing(entry, there, ticket.quantity, ())
    if state is State.WORKING:
        _, contract, told, status = read(messages.open_order(standing, describe(symbol)))
        assert (told.orderId, told.clientId) == (7, 3)
    else:
        contract, told, status = read(messages.completed_order(standing, describe(symbol)))
    assert (told.permId, told.action, told.totalQuantity, told.orderType) == (99, action, quantity, terms["orderType"])
    assert (told.orderRef, told.account, told.ocaGroup, told.tif) == (reference, "DU1", group, tif)
    assert told.outsideRth is ticket.extended
    assert D(repr(told.lmtPrice)) == (ticket.limit_price or 0)
    expected = ticket.trail if ticket.type is OrderType.TRAILING_STOP else ticket.stop_price
    assert D(repr(told.auxPrice)) == (expected or 0)
    assert (contract.localSymbol, contract.secType) == (describe(symbol).local_symbol, describe(symbol).sec_type)
    assert status.status == standing.status


@pytest.mark.parametrize(
    ("values", "code"),
    [({"orderType": "MIDPRICE"}, 387), ({"tif": "OPG"}, 391), ({"action": "SSHORT"}, 321), ({"lmtPrice": "much"}, 320)],
)
def test_what_the_venue_does_not_have_has_its_code(values, code):
    order = Order(**{"action": "BUY", "totalQuantity": 1, "orderType": "LMT", "lmtPrice": 5, **values})
    with pytest.raises(Invalid) as invalid:
        ticket_of(read_placement(written(1, asked("SPY"), order)), "SPY", perm_id=1)
    assert invalid.value.code == code


def test_combinations_and_delta_neutral_orders_are_not_taken():
    for contract, order in (
        (Contract(secType="BAG", symbol="SPY"), Order(action="BUY", totalQuantity=1, orderType="MKT")),
        (asked("SPY"), Order(action="BUY", totalQuantity=1, orderType="VOL", deltaNeutralOrderType="MKT")),
    ):
        with pytest.raises(Invalid) as invalid:
            read_placement(written(1, contract, order))
        assert invalid.value.code == 321


def test_fields_are_written_without_exponents():
    assert [field_text(value) for value in (None, True, D("1E+3"), D("0.00"), D("1.50"), -1)] == [
        "", "1", "1000", "0", "1.5", "-1",
    ]  # fmt: skip
