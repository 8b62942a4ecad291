"""Orders and contracts between us and Interactive Brokers."""

from datetime import date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from ib_async.contract import Contract as IbContract
from ib_async.order import Order as IbOrder

from brokers.futures import BookedFutures
from brokers.ibkr.auth import GatewayAddress, address_of
from brokers.ibkr.documents import ContractDoc, ExecutionDoc, OrderDoc, PositionDoc
from brokers.ibkr.ear import moment_of
from brokers.ibkr.translate import (
    balances,
    change_request,
    pair_request,
    place_request,
    position,
    symbol_of,
    venue_fill,
    venue_order,
)
from brokers.ibkr.words import refusal, refuses, sentence
from brokers.venue import NotAuthorized, NotUnderstood, OrderRefused
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import from_datetime

DAY = date(2026, 11, 20)
SPY = ContractDoc(sec_type="STK", symbol="SPY", local_symbol="SPY")


def request(symbol: str = "SPY", **values):
    order = Order("r1-x-000001", "x", symbol, "ib", Side.BUY, values.pop("quantity", D(10)), **values)
    return place_request(order, instrument_for(symbol), account="U1", futures=BookedFutures(), day=DAY)


def doc(**values) -> OrderDoc:
    usual = {"perm_id": 7, "account": "U1", "contract": SPY, "action": "BUY", "quantity": D(10), "order_type": "LMT"}
    return OrderDoc(**{**usual, "status": "Submitted", "limit": D(600), **values})


def told(document: OrderDoc, *fills):
    return venue_order(document, fills, futures=BookedFutures(), day=DAY)


def executed(quantity: int, price: str, **values) -> ExecutionDoc:
    usual = {"execution_id": "0000e0d5.1.01.01", "perm_id": 7, "account": "U1", "contract": SPY, "side": "BOT"}
    return ExecutionDoc(**{**usual, "quantity": D(quantity), "price": D(price), "ts": 5, "order_ref": "ours", **values})


def filled(document: ExecutionDoc):
    return venue_fill(document, D("1.05"), futures=BookedFutures(), day=DAY)


# ---- ours → theirs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "contract"),
    [
        ("SPY", {"secType": "STK", "symbol": "SPY", "exchange": "SMART", "currency": "USD"}),
        ("EURUSD", {"secType": "CASH", "symbol": "EUR", "exchange": "IDEALPRO", "currency": "USD"}),
        ("BRK.B", {"secType": "STK", "symbol": "BRK B", "exchange": "SMART", "currency": "USD"}),
        ("/MES", {"secType": "FUT", "symbol": "MES", "lastTradeDateOrContractMonth": "202612", "exchange": "CME",
                  "currency": "USD"}),
        ("/YMH27", {"secType": "FUT", "symbol": "YM", "lastTradeDateOrContractMonth": "202703", "exchange": "CBOT",
                    "currency": "USD"}),
        ("/CL", {"secType": "FUT", "symbol": "CL", "lastTradeDateOrContractMonth": "202701", "exchange": "NYMEX",
                 "currency": "USD"}),
        ("SPXW  261120C06000000", {"secType": "OPT", "symbol": "SPX", "lastTradeDateOrContractMonth": "20261120",
                                   "strike": "6000", "right": "C", "tradingClass": "SPXW", "exchange": "SMART",
                                   "currency": "USD"}),
    ],
)  # fmt: skip
def test_every_instrument_has_its_contract(symbol, contract):
    assert request(symbol).body["contract"] == contract
    IbContract(**contract)  # the client takes these fields


@pytest.mark.parametrize(
    ("values", "terms"),
    [
        ({}, {"orderType": "MKT", "tif": "DAY"}),
        ({"type": OrderType.LIMIT, "limit_price": D("600.50")}, {"orderType": "LMT", "lmtPrice": "600.50"}),
        ({"type": OrderType.STOP, "stop_price": D(590), "tif": TimeInForce.GTC}, {"auxPrice": "590", "tif": "GTC"}),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": D(590), "limit_price": D(589)},
            {"orderType": "STP LMT", "auxPrice": "590", "lmtPrice": "589"},
        ),
        ({"type": OrderType.TRAILING_STOP, "trail": D("2.5")}, {"orderType": "TRAIL", "auxPrice": "2.5"}),
        (
            {"type": OrderType.LIMIT, "limit_price": D(600), "tif": TimeInForce.EXTENDED},
            {"tif": "DAY", "outsideRth": True},
        ),
    ],
)
def test_every_type_and_time_has_its_words(values, terms):
    body = request(**values).body["order"]
    assert terms.items() <= body.items()
    assert (body["action"], body["totalQuantity"], body["account"]) == ("BUY", "10", "U1")
    assert body["orderRef"] == "r1-x-000001"
    IbOrder(**body)


@pytest.mark.parametrize(
    ("symbol", "values", "field"),
    [
        ("SPY", {"quantity": D("0.5")}, "quantity"),
        ("SPY", {"quantity": D(0)}, "quantity"),
        ("SPX", {}, "quantity"),
        ("SPY", {"type": OrderType.LIMIT}, "limit_price"),
        ("SPY", {"type": OrderType.STOP, "stop_price": D(0)}, "stop_price"),
        ("SPY", {"type": OrderType.TRAILING_STOP}, "trail"),
        ("/MES", {"type": OrderType.LIMIT, "limit_price": D(1), "tif": TimeInForce.EXTENDED}, "tif"),
        ("SPY", {"tif": TimeInForce.EXTENDED}, "tif"),
        ("SPY", {"type": OrderType.STOP, "stop_price": D(1), "tif": TimeInForce.IOC}, "tif"),
    ],
)
def test_what_the_venue_does_not_have_is_refused_by_its_field(symbol, values, field):
    with pytest.raises(OrderRefused) as refused:
        request(symbol, **values)
    assert refused.value.field == field


def test_a_pair_is_two_orders_of_one_group_named_after_the_stop():
    common: dict[str, Any] = {"group": "r1-x-000000x", "tif": TimeInForce.GTC}
    stop = Order("r1-x-000001", "x", "/MES", "ib", Side.SELL, D(2), OrderType.STOP, stop_price=D("6500.25"), **common)
    target = Order("r1-x-000002", "x", "/MES", "ib", Side.SELL, D(2), OrderType.LIMIT, D(7000), **common)
    asked = pair_request(stop, target, instrument_for("/MES"), account="U1", futures=BookedFutures(), day=DAY)
    assert asked.body["contract"]["lastTradeDateOrContractMonth"] == "202612"
    common = {"action": "SELL", "totalQuantity": "2", "tif": "GTC", "outsideRth": False, "account": "U1",
              "ocaGroup": "r1-x-000001", "ocaType": 2}  # fmt: skip
    assert asked.body["orders"] == [
        {**common, "orderType": "STP", "auxPrice": "6500.25", "orderRef": "r1-x-000001"},
        {**common, "orderType": "LMT", "lmtPrice": "7000", "orderRef": "r1-x-000002"},
    ]


def test_a_change_keeps_the_group_that_the_venue_has_it_in():
    asked = request(type=OrderType.LIMIT, limit_price=D(600))
    assert "ocaGroup" not in change_request(asked, doc()).body["order"]
    terms = change_request(asked, doc(oca_group="theirs", oca_type=3)).body["order"]
    assert terms == {**asked.body["order"], "ocaGroup": "theirs", "ocaType": 3}


# ---- theirs → ours -----------------------------------------------------------------------------------------


def contract(sec_type: str, symbol: str, **values: Any) -> ContractDoc:
    return ContractDoc(sec_type=sec_type, symbol=symbol, **values)


@pytest.mark.parametrize(
    ("told_contract", "symbol"),
    [
        (contract("STK", "BRK B"), "BRK.B"),
        (contract("FUT", "MES", expiry="20261218", local_symbol="MESZ6"), "/MES"),
        (contract("FUT", "MES", expiry="20270319", local_symbol="MESH7"), "/MESH27"),
        (contract("FUT", "YM", expiry="20261218", local_symbol="YM   DEC 26"), "/YM"),
        (contract("FUT", "CL", expiry="20261221", local_symbol="CLF7"), "/CL"),
        (contract("FUT", "GC", expiry="20261229", local_symbol="GCZ6"), "/GC"),
        (contract("FUT", "SI", expiry="20261229", local_symbol="SIZ6"), "SIZ6"),
        (
            contract("OPT", "SPX", expiry="20261120", strike=D("6000.0"), right="C", trading_class="SPXW"),
            "SPXW  261120C06000000",
        ),
        (contract("OPT", "SPY", expiry="20261120", strike=D("612.5"), right="PUT"), "SPY   261120P00612500"),
        (contract("CASH", "EUR", currency="USD", local_symbol="EUR.USD"), "EUR/USD"),
        (contract("CASH", "USD", currency="JPY", local_symbol="USD.JPY"), "USD/JPY"),
    ],
)
def test_contracts_are_spelt_as_in_our_books(told_contract, symbol):
    assert symbol_of(told_contract, futures=BookedFutures(), day=DAY) == symbol


def test_an_order_goes_out_for_the_month_that_it_names_whatever_is_active():
    body = request("/ES", contract="/ESU26", quantity=D(1)).body
    assert body["contract"]["lastTradeDateOrContractMonth"] == "202609"


def test_a_contract_that_the_books_trade_by_its_name_keeps_it():
    futures = BookedFutures(["/MESZ26"])
    found = contract("FUT", "MES", expiry="20261218", local_symbol="MESZ6")
    assert symbol_of(found, futures=futures, day=DAY) == "/MESZ26"


def test_a_future_that_ends_when_none_of_ours_does_is_not_guessed():
    with pytest.raises(NotUnderstood, match="no contract of ours"):
        symbol_of(contract("FUT", "ES", expiry="20261105"), futures=BookedFutures(), day=DAY)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PendingSubmit", OrderState.ACCEPTED),
        ("PreSubmitted", OrderState.ACCEPTED),
        ("Submitted", OrderState.WORKING),
        ("PendingCancel", OrderState.WORKING),
        ("Filled", OrderState.FILLED),
        ("Cancelled", OrderState.CANCELLED),
        ("ApiCancelled", OrderState.CANCELLED),
        ("Inactive", OrderState.REJECTED),
    ],
)
def test_every_status_is_a_state(status, state):
    assert told(doc(status=status)).state is state


def test_an_unknown_status_is_not_guessed_and_an_unknown_type_is_the_nearest():
    with pytest.raises(NotUnderstood):
        told(doc(status="Pondering"))
    for name, kind in (
        ("MIDPRICE", OrderType.MARKET),
        ("TRAIL LIMIT", OrderType.TRAILING_STOP),
        ("LOC", OrderType.LIMIT),
    ):
        assert told(doc(order_type=name)).type is kind


def test_a_part_is_a_part_and_its_average_is_exact():
    fills = [filled(executed(2, "600.1")), filled(executed(1, "600.4", execution_id="0000e0d5.2.01.01"))]
    order = told(doc(filled=D(3), average=D("600.20000001")), *fills)
    assert (order.state, order.filled_quantity, order.average_price) == (
        OrderState.PARTIALLY_FILLED, D(3), D("600.2"),
    )  # fmt: skip
    late = told(doc(filled=D(5), average=D("600.3")), *fills)
    assert (late.filled_quantity, late.average_price) == (D(5), D("600.3"))


def test_an_execution_keeps_its_name_through_corrections():
    first, corrected = executed(2, "600.1"), executed(2, "600.2", execution_id="0000e0d5.1.01.02")
    assert filled(first).fill_id == filled(corrected).fill_id == "0000e0d5.1.01"
    assert (filled(first).side, filled(first).fee) == (Side.BUY, D("1.05"))
    with pytest.raises(NotUnderstood):
        filled(executed(1, "1", side="BUY"))


@pytest.mark.parametrize(
    ("held", "average"),
    [
        (PositionDoc(account="U1", contract=SPY, quantity=D(-3), average_cost=D("600.5")), D("600.5")),
        (
            PositionDoc(
                account="U1", contract=contract("FUT", "MES", expiry="20261218"), quantity=D(1), average_cost=D(33000)
            ),
            D(6600),
        ),
        (
            PositionDoc(
                account="U1",
                contract=contract("OPT", "SPY", expiry="20261120", strike=D(600), right="C"),
                quantity=D(1),
                average_cost=D(250),
            ),
            D("2.5"),
        ),
    ],
)
def test_the_average_cost_of_a_contract_is_told_as_a_price(held, average):
    found = position(held, futures=BookedFutures(), day=DAY)
    assert found is not None
    assert (found.quantity, found.average_price) == (held.quantity, average)


def test_a_price_in_another_currency_is_not_told_as_dollars():
    pair = contract("CASH", "USD", currency="JPY")
    held = PositionDoc(account="U1", contract=pair, quantity=D(1000), average_cost=D("155.2"))
    found = position(held, futures=BookedFutures(), day=DAY)
    assert found is not None
    assert (found.symbol, found.quantity, found.average_price) == ("USD/JPY", D(1000), None)


def test_money_that_is_not_told_is_not_zero():
    assert balances({"NetLiquidation": "10.5"}).cash is None
    with pytest.raises(NotUnderstood):
        balances({"AccountType": "INDIVIDUAL"})


# ---- words and addresses -----------------------------------------------------------------------------------


def test_codes_become_plain_words_with_the_venues_behind_them():
    assert sentence(110, "off the grid") == (
        "The price is not on the instrument's grid. (Interactive Brokers: off the grid)"
    )
    assert "buying power" in sentence(201, "YOUR EQUITY WITH LOAN VALUE [..] MUST EXCEED")
    assert sentence(999, "something") == "something"
    refused = refusal(10148, "state: Filled")
    assert (refused.venue_code, "over" in refused.detail) == ("10148", True)
    locked = refusal(321, "cause - The API interface is currently in Read-Only mode.")
    assert isinstance(locked, NotAuthorized)
    assert "Read-Only API" in locked.detail


@pytest.mark.parametrize(
    ("code", "is_certain"), [(201, True), (110, True), (10147, True), (399, False), (10349, False), (77777, False)]
)
def test_only_what_is_known_to_refuse_refuses(code, is_certain):
    assert refuses(code) is is_certain


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261120 10:00:00 US/Eastern", "2026-11-20T15:00:00+00:00"),
        ("20261120 10:00:00 America/New_York", "2026-11-20T15:00:00+00:00"),
        ("20261120-15:00:00", "2026-11-20T15:00:00+00:00"),
        ("20261120-10:00:00 US/Eastern", "2026-11-20T15:00:00+00:00"),
    ],
)
def test_the_time_of_an_end_is_read_with_its_zone(text, moment):
    assert moment_of(text) == from_datetime(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    "text", ["", "20261120", "20261120 10:00:00", "20261120 10:00:00 Middle/Earth", "20269999-10:00:00"]
)
def test_a_time_without_a_zone_is_no_time(text):
    assert moment_of(text) == 0


def test_the_gateways_address_is_the_accounts_or_the_settings():
    assert address_of({}) == GatewayAddress("127.0.0.1", 4002, 1)
    assert address_of({"gateway": "gw:4001", "client_id": "7"}) == GatewayAddress("gw", 4001, 7)
    assert address_of({"gateway": "gw:4001", "host": "other", "port": 7496}) == GatewayAddress("other", 7496, 1)
    assert address_of({"client_id": 0}).client_id == 0
    assert address_of({}, is_emergency=True).client_id not in (0, 1)
    for options, field in (
        ({"gateway": "gw"}, "gateway"), ({"port": 99999}, "port"), ({"client_id": "seven"}, "client_id"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as wrong:
            address_of(options)
        assert wrong.value.field == field
