"""Our orders in Schwab's documents and back, as its specification and its users show them."""

import json
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from brokers.schwab.documents import flat, read_account, read_order, read_orders
from brokers.schwab.symbols import our_symbol
from brokers.schwab.translate import (
    balances,
    first_triggers,
    looks_like,
    one_cancels_other,
    order_body,
    plain,
    positions,
    replace_request,
    venue_fills,
    venue_order,
)
from brokers.venue import NotUnderstood, OrderRefused, VenueOrder
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order

DAY = date(2026, 11, 20)
ENTRY, EXIT = OrderIntent.ENTRY, OrderIntent.EXIT
FILLED: dict[str, Any] = {
    "session": "NORMAL", "duration": "DAY", "orderType": "LIMIT", "complexOrderStrategyType": "NONE", "quantity": 10.0,
    "filledQuantity": 10.0, "remainingQuantity": 0.0, "requestedDestination": "AUTO", "destinationLinkName": "CDRG",
    "price": 600.1, "orderStrategyType": "SINGLE", "orderId": 1003188442747, "cancelable": False, "editable": False,
    "status": "FILLED", "enteredTime": "2026-11-20T15:00:00+0000", "closeTime": "2026-11-20T15:00:02+0000",
    "tag": "API_TOS:x", "accountNumber": 12345678,
    "orderLegCollection": [
        {"orderLegType": "EQUITY", "legId": 1, "instruction": "BUY", "positionEffect": "OPENING", "quantity": 10.0,
         "instrument": {"assetType": "EQUITY", "cusip": "78462F103", "symbol": "SPY", "instrumentId": 1281357639}}
    ],
    "orderActivityCollection": [
        {"activityType": "EXECUTION", "executionType": "FILL", "quantity": 4, "orderRemainingQuantity": 6,
         "executionLegs": [{"legId": 1, "quantity": 4, "mismarkedQuantity": 0, "price": 600.05,
                            "time": "2026-11-20T15:00:01+0000", "instrumentId": 1281357639}]},
        {"activityType": "EXECUTION", "executionType": "FILL", "quantity": 6, "orderRemainingQuantity": 0,
         "executionLegs": [
             {"legId": 1, "quantity": 3, "price": 600.1, "time": "2026-11-20T15:00:02+0000", "instrumentId": 1},
             {"legId": 1, "quantity": 3, "price": 600.1, "time": "2026-11-20T15:00:02+0000", "instrumentId": 1}]},
    ],
}  # fmt: skip


def order(side=Side.BUY, quantity="10", symbol="SPY", **values):
    return Order("r1-x-000001", "x", symbol, "account", side, D(quantity), **values)


def body(each):
    return order_body(each, instrument_for(each.symbol), day=DAY)


def read(**changes):
    return read_order(json.dumps({**FILLED, **changes}).encode())


# ---- ours → theirs -------------------------------------------------------------------------------------------


def test_a_limit_order_as_the_specification_has_it():
    assert body(order(type=OrderType.LIMIT, limit_price=D("600.1"))) == {
        "orderStrategyType": "SINGLE", "orderType": "LIMIT", "session": "NORMAL", "duration": "DAY", "price": "600.10",
        "orderLegCollection": [
            {"instruction": "BUY", "quantity": 10, "instrument": {"symbol": "SPY", "assetType": "EQUITY"}}
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("side", "intent", "symbol", "expected"),
    [
        (Side.BUY, ENTRY, "SPY", "BUY"),
        (Side.SELL, EXIT, "SPY", "SELL"),
        (Side.SELL, ENTRY, "SPY", "SELL_SHORT"),
        (Side.BUY, EXIT, "SPY", "BUY_TO_COVER"),
        (Side.SELL, OrderIntent.ADJUST, "SPY", "SELL"),
        (Side.BUY, ENTRY, "SPXW  261120C06000000", "BUY_TO_OPEN"),
        (Side.SELL, EXIT, "SPXW  261120C06000000", "SELL_TO_CLOSE"),
        (Side.SELL, ENTRY, "SPXW  261120C06000000", "SELL_TO_OPEN"),
        (Side.BUY, EXIT, "SPXW  261120C06000000", "BUY_TO_CLOSE"),
    ],
)
def test_the_instruction_says_what_the_order_does_to_the_position(side, intent, symbol, expected):
    (leg,) = body(order(side, symbol=symbol, intent=intent))["orderLegCollection"]
    assert leg["instruction"] == expected
    assert leg["instrument"]["symbol"] == symbol


def test_stops_and_trailing_stops():
    stop = body(order(Side.SELL, type=OrderType.STOP, stop_price=D(590), tif=TimeInForce.GTC, intent=EXIT))
    assert (stop["stopPrice"], stop["duration"], "price" in stop) == ("590.00", "GOOD_TILL_CANCEL", False)
    both = body(order(Side.SELL, type=OrderType.STOP_LIMIT, stop_price=D(590), limit_price=D("589.5"), intent=EXIT))
    assert (both["stopPrice"], both["price"]) == ("590.00", "589.50")
    trail = body(order(Side.SELL, type=OrderType.TRAILING_STOP, trail=D("1.5"), intent=EXIT))
    assert (trail["stopPriceOffset"], trail["stopPriceLinkType"], trail["stopPriceLinkBasis"]) == (
        *("1.50", "VALUE", "LAST"),
    )


@pytest.mark.parametrize(("price", "text"), [("0.1234", "0.1234"), ("1", "1.00"), ("12.3", "12.30")])
def test_prices_below_a_dollar_have_four_decimals(price, text):
    assert body(order(type=OrderType.LIMIT, limit_price=D(price)))["price"] == text


def test_a_class_share_has_a_slash_there():
    assert body(order(symbol="BRK.B"))["orderLegCollection"][0]["instrument"]["symbol"] == "BRK/B"


def test_outside_regular_hours_the_session_is_seamless():
    made = body(order(type=OrderType.LIMIT, limit_price=D(600), tif=TimeInForce.EXTENDED))
    assert (made["session"], made["duration"]) == ("SEAMLESS", "DAY")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"symbol": "/NQ"}, "quantity"),
        ({"symbol": "/NQZ26", "quantity": "1"}, "quantity"),
        ({"symbol": "SPX"}, "quantity"),
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"type": OrderType.LIMIT}, "limit_price"),
        ({"type": OrderType.LIMIT, "limit_price": D(0)}, "limit_price"),
        ({"type": OrderType.LIMIT, "limit_price": D("600.123")}, "limit_price"),
        ({"type": OrderType.STOP}, "stop_price"),
        ({"type": OrderType.TRAILING_STOP}, "trail"),
        ({"tif": TimeInForce.GTC}, "tif"),
        ({"tif": TimeInForce.EXTENDED}, "tif"),
        ({"intent": OrderIntent.REVERSAL}, "intent"),
    ],
)
def test_what_schwab_cannot_take_is_refused_with_the_field(values, field):
    with pytest.raises(OrderRefused) as refused:
        body(order(**values))
    assert refused.value.field == field


def test_a_future_is_refused_in_the_words_of_the_capability_table():
    with pytest.raises(OrderRefused, match="equities and options only, no futures"):
        body(order(symbol="/ES"))


def test_groups_are_nested():
    entry = body(order())
    exits = [
        body(order(Side.SELL, type=OrderType.LIMIT, limit_price=D(610), intent=EXIT)),
        body(order(Side.SELL, type=OrderType.STOP, stop_price=D(590), intent=EXIT)),
    ]
    made = first_triggers(entry, exits)
    assert (made["orderStrategyType"], made["orderType"]) == ("TRIGGER", "MARKET")
    (oco,) = made["childOrderStrategies"]
    assert oco == one_cancels_other(exits)
    assert first_triggers(entry, exits[:1])["childOrderStrategies"] == exits[:1]


def test_a_replacement_keeps_symbol_and_side():
    working = VenueOrder(
        venue_id="7", symbol="SPY", side=Side.BUY, quantity=D(1), type=OrderType.LIMIT, state=OrderState.WORKING
    )
    new = order(type=OrderType.LIMIT, limit_price=D(5))
    request = replace_request(working, new, instrument_for("SPY"), account="H", day=DAY)
    assert (request.method, request.path) == ("PUT", "/trader/v1/accounts/H/orders/7")
    with pytest.raises(OrderRefused):
        replace_request(working, order(Side.SELL), instrument_for("SPY"), account="H", day=DAY)


# ---- theirs → ours -------------------------------------------------------------------------------------------


def test_a_filled_order_with_its_executions():
    found = venue_order(read())
    assert (found.venue_id, found.symbol, found.side, found.state) == ("1003188442747", "SPY", Side.BUY, "filled")
    assert (found.quantity, found.filled_quantity, found.limit_price) == (D(10), D(10), D("600.1"))
    assert found.average_price == (4 * D("600.05") + 6 * D("600.1")) / 10
    assert found.client_id == ""
    assert found.updated_ts - found.placed_ts == 2_000_000_000


def test_executions_keep_their_names_however_numbers_are_written_and_two_alike_are_two():
    names = [fill.fill_id for fill in venue_fills(read())]
    assert len(set(names)) == 3
    text = json.dumps(FILLED).replace('"quantity": 4,', '"quantity": 4.0,').replace("600.1,", "600.10,")
    assert [fill.fill_id for fill in venue_fills(read_order(text.encode()))] == names
    fewer = {**FILLED, "orderActivityCollection": FILLED["orderActivityCollection"][:1]}
    assert [fill.fill_id for fill in venue_fills(read_order(json.dumps(fewer).encode()))] == names[:1]


@pytest.mark.parametrize(
    ("status", "filled", "expected"),
    [
        ("AWAITING_PARENT_ORDER", 0, "accepted"),
        ("QUEUED", 0, "accepted"),
        ("PENDING_ACTIVATION", 0, "accepted"),
        ("WORKING", 0, "working"),
        ("AWAITING_STOP_CONDITION", 0, "working"),
        ("PENDING_CANCEL", 4, "partially_filled"),
        ("WORKING", 4, "partially_filled"),
        ("CANCELED", 4, "cancelled"),
        ("REJECTED", 0, "rejected"),
        ("EXPIRED", 0, "expired"),
    ],
)
def test_states(status, filled, expected):
    found = venue_order(read(status=status, filledQuantity=filled, orderActivityCollection=[]))
    assert (found.state, found.filled_quantity) == (expected, D(filled))


@pytest.mark.parametrize("changes", [{"status": "PONDERING"}, {"orderType": "WISH"}, {"orderLegCollection": []}])
def test_words_that_we_do_not_know_are_not_guessed(changes):
    with pytest.raises(NotUnderstood):
        venue_order(read(**changes))


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"orderLegCollection": 5}', b'{"enteredTime": 5}'])
def test_what_is_no_order_is_not_understood(content):
    with pytest.raises(NotUnderstood):
        read_order(content)


def test_a_rejection_in_plain_words_with_the_venues_own():
    said = "You do not have enough available cash/buying power for this order."
    found = venue_order(read(status="REJECTED", statusDescription=said, orderActivityCollection=[], filledQuantity=0))
    assert found.reason == f"The account has not enough buying power. (Schwab: {said})"
    assert found.code == said
    assert plain("Something new.") == "Something new."


def test_groups_are_taken_apart_and_keep_their_name():
    leg = {**FILLED, "status": "WORKING", "orderActivityCollection": [], "filledQuantity": 0}
    oco = {
        "orderStrategyType": "OCO", "orderId": 50, "enteredTime": FILLED["enteredTime"],
        "childOrderStrategies": [{**leg, "orderId": 51}, {**leg, "orderId": 52}],
    }  # fmt: skip
    trigger = {**FILLED, "orderId": 49, "orderStrategyType": "TRIGGER", "childOrderStrategies": [oco]}
    found = [venue_order(doc) for doc in flat(read_orders(json.dumps([trigger, FILLED]).encode()))]
    assert [(each.venue_id, each.group) for each in found] == [
        *[("49", "49"), ("51", "49"), ("52", "49"), ("1003188442747", "")],
    ]


def test_a_persons_spread_is_told_by_its_first_leg_and_its_executions_each_by_their_own():
    legs = [
        {"legId": at, "instruction": side, "quantity": 1, "instrument": {"assetType": "OPTION", "symbol": symbol}}
        for at, side, symbol in (
            (1, "SELL_TO_OPEN", "SPXW  261120C06000000"),
            (2, "BUY_TO_OPEN", "SPXW  261120C06010000"),
        )
    ]
    done = [
        {"activityType": "EXECUTION", "executionLegs": [
            {"legId": at, "quantity": 1, "price": price, "time": "2026-11-20T15:00:01+0000"}]}
        for at, price in ((1, 12.5), (2, 7.5))
    ]  # fmt: skip
    doc = read(
        orderType="NET_CREDIT", quantity=1, filledQuantity=1, price=5, orderLegCollection=legs,
        orderActivityCollection=done,
    )  # fmt: skip
    found = venue_order(doc)
    assert (found.symbol, found.side, found.type) == ("SPXW  261120C06000000", Side.SELL, OrderType.LIMIT)
    assert [(fill.symbol, fill.side, fill.price) for fill in found.fills] == [
        ("SPXW  261120C06000000", Side.SELL, D("12.5")),
        ("SPXW  261120C06010000", Side.BUY, D("7.5")),
    ]


@pytest.mark.parametrize(
    ("changes", "is_alike"),
    [
        ({}, True),
        ({"price": 600.11}, False),
        ({"price": None}, False),
        ({"quantity": 9.0}, False),
        ({"orderType": "MARKET"}, False),
        ({"duration": "GOOD_TILL_CANCEL"}, False),
        ({"session": "SEAMLESS"}, False),
        ({"orderLegCollection": FILLED["orderLegCollection"] * 2}, False),
    ],
)
def test_an_order_is_like_ours_only_where_everything_is(changes, is_alike):
    wanted = body(order(type=OrderType.LIMIT, limit_price=D("600.1")))
    assert looks_like(read(**changes), wanted) is is_alike


def test_a_sale_of_the_same_is_not_a_short_sale():
    leg = {**FILLED["orderLegCollection"][0], "instruction": "SELL"}
    limit: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D("600.1")}
    assert looks_like(read(orderLegCollection=[leg]), body(order(Side.SELL, intent=EXIT, **limit)))
    assert not looks_like(read(orderLegCollection=[leg]), body(order(Side.SELL, **limit)))


ACCOUNT: dict[str, Any] = {
    "securitiesAccount": {
        "type": "MARGIN", "accountNumber": "12345678", "roundTrips": 0,
        "currentBalances": {"cashBalance": 1000.5, "liquidationValue": 7000.25, "buyingPower": 14000.5, "equity": 1},
        "positions": [
            {"shortQuantity": 0.0, "averagePrice": 600.05, "longQuantity": 10.0,
             "instrument": {"assetType": "COLLECTIVE_INVESTMENT", "symbol": "SPY", "type": "EXCHANGE_TRADED_FUND"}},
            {"shortQuantity": 4.0, "longQuantity": 0.0, "averagePrice": 90.0,
             "instrument": {"assetType": "EQUITY", "symbol": "BRK/B"}},
            {"shortQuantity": 0.0, "longQuantity": 2.0, "averagePrice": 3.5,
             "instrument": {"assetType": "OPTION", "symbol": "SPXW  261120C06000000"}},
            {"shortQuantity": 0.0, "longQuantity": 512.3, "averagePrice": 1.0,
             "instrument": {"assetType": "CASH_EQUIVALENT", "symbol": "SWVXX"}},
            {"shortQuantity": 0.0, "longQuantity": 5.0, "averagePrice": 1.0,
             "instrument": {"assetType": "EQUITY", "symbol": "ES"}},
        ],
    },
    "aggregatedBalance": {"liquidationValue": 7000.25},
}  # fmt: skip


def test_positions_are_signed_and_money_funds_are_none():
    found = positions(read_account(json.dumps(ACCOUNT).encode()))
    assert {each.symbol: each.quantity for each in found} == {
        "SPY": D(10), "BRK.B": D(-4), "SPXW  261120C06000000": D(2), "ES": D(5),
    }  # fmt: skip


def test_balances_of_a_margin_and_of_a_cash_account():
    found = balances(read_account(json.dumps(ACCOUNT).encode()))
    assert (found.cash, found.net_liquidation, found.buying_power) == (D("1000.5"), D("7000.25"), D("14000.5"))
    cash = {"totalCash": 5.5, "liquidationValue": 6, "cashAvailableForTrading": 4.25}
    account = {"securitiesAccount": {**ACCOUNT["securitiesAccount"], "currentBalances": cash}}
    found = balances(read_account(json.dumps(account).encode()))
    assert (found.cash, found.buying_power) == (D("5.5"), D("4.25"))


@pytest.mark.parametrize(
    ("text", "kind", "ours"),
    [
        ("BRK/B", "EQUITY", "BRK.B"),
        ("ES", "EQUITY", "ES"),
        ("$SPX", "INDEX", "SPX"),
        ("SPXW  261120C06000000", "OPTION", "SPXW  261120C06000000"),
        ("912796XY1", "FIXED_INCOME", "912796XY1"),
        ("BAC-PL", "EQUITY", "BAC-PL"),
    ],
)
def test_symbols_of_the_venue_in_our_spelling_or_as_they_are(text, kind, ours):
    assert our_symbol(text, kind) == ours
