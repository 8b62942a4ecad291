"""Requests exactly as tastytrade gets them, and its documents as it sends them."""

from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from brokers.tastytrade.names import Names, VenueName
from brokers.tastytrade.translate import (
    balances,
    order_doc,
    place_request,
    position,
    refusal,
    replace_request,
    truth_of,
    venue_order,
)
from brokers.venue import NotUnderstood, OrderRefused, VenueOrder
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order
from engine.model.time import from_datetime, to_datetime

DAY = date(2026, 11, 20)
BUY, SELL = Side.BUY, Side.SELL


def order(symbol: str = "SPY", side: Side = BUY, quantity: int | str = 10, **values: Any) -> Order:
    return Order("r7-ema-NQ-000042", "ema", symbol, "main", side, D(quantity), **values)


def body(made: Order) -> dict[str, Any]:
    request = place_request(made, instrument_for(made.symbol), account="5WT00000", names=Names(), day=DAY)
    assert (request.method, request.path) == ("POST", "/accounts/5WT00000/orders")
    return request.body


def test_a_limit_order_on_a_future():
    made = order("/MNQ", quantity=1, type=OrderType.LIMIT, limit_price=D("25010.25"))
    assert body(made) == {
        "order-type": "Limit",
        "time-in-force": "Day",
        "price": "25010.25",
        "price-effect": "Debit",
        "source": "fortified",
        "external-identifier": "r7-ema-NQ-000042",
        "legs": [{"instrument-type": "Future", "symbol": "/MNQZ6", "action": "Buy", "quantity": 1}],
    }


def test_a_future_is_reversed_with_one_plain_sale():
    made = order("/ES", SELL, 2, intent=OrderIntent.REVERSAL)
    assert body(made)["legs"] == [{"instrument-type": "Future", "symbol": "/ESZ6", "action": "Sell", "quantity": 2}]
    assert "advanced-instructions" not in body(made)


def test_an_order_goes_out_for_the_contract_that_it_names_whatever_is_active():
    made = order("/ES", SELL, 1, intent=OrderIntent.EXIT, contract="/ESU26")
    names = Names()
    request = place_request(made, instrument_for("/ES"), account="5WT00000", names=names, day=DAY)
    assert request.body["legs"][0]["symbol"] == "/ESU6"
    assert names.ours("Future", "/ESU6", DAY) == "/ESU26"
    assert names.ours("Future", "/ESZ6", DAY) == "/ES"


@pytest.mark.parametrize(
    ("side", "intent", "action"),
    [
        (BUY, OrderIntent.ENTRY, "Buy to Open"),
        (SELL, OrderIntent.ENTRY, "Sell to Open"),
        (SELL, OrderIntent.EXIT, "Sell to Close"),
        (BUY, OrderIntent.EXIT, "Buy to Close"),
        (SELL, OrderIntent.ADJUST, "Sell to Close"),
    ],
)
def test_shares_and_options_say_whether_they_open_or_close(side, intent, action):
    for symbol, kind in (("SPY", "Equity"), ("SPXW  261120C06000000", "Equity Option")):
        made = body(order(symbol, side, 1, intent=intent))
        assert made["legs"] == [{"instrument-type": kind, "symbol": symbol, "action": action, "quantity": 1}]
        is_strict = made.get("advanced-instructions") == {"strict-position-effect-validation": True}
        assert is_strict is action.endswith("Close")


def test_stops_and_their_limits():
    assert body(order(side=SELL, type=OrderType.STOP, stop_price=D("590"), intent=OrderIntent.EXIT)) | {} == {
        "order-type": "Stop",
        "time-in-force": "Day",
        "stop-trigger": "590",
        "source": "fortified",
        "external-identifier": "r7-ema-NQ-000042",
        "legs": [{"instrument-type": "Equity", "symbol": "SPY", "action": "Sell to Close", "quantity": 10}],
        "advanced-instructions": {"strict-position-effect-validation": True},
    }
    made = body(
        order(side=SELL, type=OrderType.STOP_LIMIT, stop_price=D("590"), limit_price=D("589.5"), tif=TimeInForce.GTC)
    )
    assert (made["stop-trigger"], made["price"], made["price-effect"]) == ("590", "589.5", "Credit")
    assert made["time-in-force"] == "GTC"


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (order(quantity="0.5"), "quantity"),
        (order(quantity=0), "quantity"),
        (order("SPX"), "quantity"),
        (order(type=OrderType.TRAILING_STOP, trail=D(1)), "type"),
        (order(type=OrderType.LIMIT), "limit_price"),
        (order(type=OrderType.STOP_LIMIT, limit_price=D(1)), "stop_price"),
        (order(tif=TimeInForce.GTC), "tif"),
        (order(type=OrderType.STOP, stop_price=D(1), tif=TimeInForce.GTC), "tif"),
        (order("/ES", tif=TimeInForce.EXTENDED, type=OrderType.LIMIT, limit_price=D(1)), "tif"),
        (order(intent=OrderIntent.REVERSAL), "intent"),
    ],
)
def test_what_tastytrade_has_not_is_refused_with_the_field(made, field):
    with pytest.raises(OrderRefused) as refused:
        body(made)
    assert refused.value.field == field


def working(quantity: int = 10) -> VenueOrder:
    return VenueOrder(
        venue_id="77", symbol="SPY", side=BUY, quantity=D(quantity), type=OrderType.LIMIT, state=OrderState.WORKING
    )


def test_a_replacement_changes_prices_and_keeps_the_legs():
    made = order(type=OrderType.LIMIT, limit_price=D("600.10"))
    request = replace_request(working(), made, instrument_for("SPY"), account="5WT00000")
    assert (request.method, request.path) == ("PUT", "/accounts/5WT00000/orders/77")
    assert (request.body["price"], "legs" in request.body) == ("600.10", False)
    with pytest.raises(OrderRefused, match="10 cannot become 5"):
        replace_request(working(), order(quantity=5), instrument_for("SPY"), account="5WT00000")


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "name", "back"),
    [
        ("/NQ", VenueName("Future", "/NQZ6"), "/NQ"),
        ("/NQH27", VenueName("Future", "/NQH7"), "/NQH27"),
        ("BRK.B", VenueName("Equity", "BRK/B"), "BRK.B"),
        ("ES", VenueName("Equity", "ES"), "ES"),
        ("SPXW  261120C06000000", VenueName("Equity Option", "SPXW  261120C06000000"), "SPXW  261120C06000000"),
    ],
)
def test_names_there_and_back(symbol, name, back):
    names = Names()
    assert names.venue(symbol, DAY) == name
    assert names.ours(name.kind, name.symbol, DAY) == back


def test_a_contract_that_the_books_trade_by_its_name_keeps_it():
    assert Names().ours("Future", "/NQZ6", DAY) == "/NQ"
    assert Names(["/NQZ26"]).ours("Future", "/NQZ6", DAY) == "/NQZ26"
    asked = Names()
    asked.venue("/NQZ26", DAY)
    assert asked.ours("Future", "/NQZ6", DAY) == "/NQZ26"


def test_after_the_roll_the_old_contract_is_not_taken_for_the_root():
    assert Names().venue("/NQ", date(2026, 12, 15)).symbol == "/NQH7"
    assert Names().ours("Future", "/NQZ6", date(2026, 12, 15)) == "/NQZ26"


def test_what_we_do_not_know_keeps_the_venues_name():
    assert Names().ours("Cryptocurrency", "BTC/USD", DAY) == "BTC/USD"
    assert Names().ours("Future Option", "./ESZ6 E1AZ6 261207P6000", DAY) == "./ESZ6 E1AZ6 261207P6000"


# ---- their documents ---------------------------------------------------------------------------------------


def document(**values: Any) -> dict[str, Any]:
    fill = {
        "fill-id": "24_TW::1",
        "quantity": 4,
        "fill-price": "25010.25",
        "filled-at": "2026-11-20T15:00:01.653+00:00",
        "destination-venue": "X",
        "ext-exec-id": "134",
    }
    leg = {
        "action": "Buy",
        "instrument-type": "Future",
        "quantity": 10,
        "remaining-quantity": 6,
        "symbol": "/MNQZ6",
        "fills": [fill],
    }
    return {
        "id": 270561,
        "account-number": "5WT00000",
        "order-type": "Limit",
        "price": "25010.25",
        "price-effect": "Debit",
        "received-at": "2026-11-20T15:00:00.653+00:00",
        "size": 10,
        "status": "Live",
        "time-in-force": "Day",
        "updated-at": 1795186800653,
        "external-identifier": "r7-ema-NQ-000042",
        "legs": [leg],
        **values,
    }


def read(**values: Any) -> VenueOrder:
    return venue_order(order_doc(document(**values)), names=Names(), day=DAY)


def test_a_partly_filled_order_is_read_whole():
    found = read()
    (fill,) = found.fills
    assert (found.venue_id, found.client_id, found.symbol) == ("270561", "r7-ema-NQ-000042", "/MNQ")
    assert (found.state, found.quantity, found.filled_quantity) == (OrderState.PARTIALLY_FILLED, D(10), D(4))
    assert (found.limit_price, found.average_price) == (D("25010.25"), D("25010.25"))
    assert (fill.fill_id, fill.quantity, fill.side, fill.client_id) == ("24_TW::1", D(4), BUY, "r7-ema-NQ-000042")
    assert to_datetime(fill.ts).isoformat() == "2026-11-20T15:00:01.653000+00:00"
    assert found.updated_ts == 1795186800653 * 1_000_000
    assert found.placed_ts == from_datetime(to_datetime(found.placed_ts))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Received", OrderState.ACCEPTED),
        ("Routed", OrderState.ACCEPTED),
        ("In Flight", OrderState.ACCEPTED),
        ("Contingent", OrderState.ACCEPTED),
        ("Cancel Requested", OrderState.PARTIALLY_FILLED),
        ("Cancelled", OrderState.CANCELLED),
        ("Expired", OrderState.EXPIRED),
        ("Rejected", OrderState.REJECTED),
        ("Removed", OrderState.CANCELLED),
    ],
)
def test_every_status_has_a_state(status, state):
    assert read(status=status).state is state


def test_an_order_that_is_filled_before_its_fills_are_told_counts_them_all():
    found = read(status="Filled")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, D(10))
    assert sum(fill.quantity for fill in found.fills) == 4


def test_a_rejection_is_told_in_plain_words():
    found = read(status="Rejected", **{"reject-reason": "margin_check_failed"})
    assert (found.code, found.reason) == ("margin_check_failed", "The account has not enough buying power.")


@pytest.mark.parametrize(
    "values", [{"status": "Sleeping"}, {"order-type": "Iceberg"}, {"legs": []}, {"id": "x"}, {"legs": [{}]}]
)
def test_words_that_we_do_not_know_are_not_guessed(values):
    with pytest.raises(NotUnderstood):
        read(**values)


def doc(number: int, status: str, **values: Any):
    return order_doc(document(id=number, status=status, **values))


@pytest.mark.parametrize(
    ("docs", "truth"),
    [
        ([doc(1, "Live")], 1),
        ([doc(1, "Cancelled", **{"replacing-order-id": 2}), doc(2, "Live", **{"replaces-order-id": 1})], 2),
        ([doc(1, "Cancelled", **{"replacing-order-id": 2}), doc(2, "Cancelled", **{"replaces-order-id": 1})], 2),
        ([doc(1, "Filled", **{"replacing-order-id": 2}), doc(2, "Rejected", **{"replaces-order-id": 1})], 1),
        ([doc(1, "Live", **{"replacing-order-id": 2}), doc(2, "Rejected", **{"replaces-order-id": 1})], 1),
        (
            [
                doc(1, "Replace Requested", **{"replacing-order-id": 2}),
                doc(2, "Contingent", **{"replaces-order-id": 1}),
            ],
            2,
        ),
        ([doc(1, "Cancelled"), doc(2, "Rejected", **{"replaces-order-id": 1})], 1),
    ],
)
def test_of_a_chain_of_replacements_one_tells_where_the_order_is(docs, truth):
    found = truth_of(docs)
    assert found is not None
    assert found.id == truth


def test_positions_have_a_sign_and_closed_ones_are_none():
    held = {
        "instrument-type": "Equity",
        "symbol": "TQQQ",
        "quantity": 742,
        "quantity-direction": "Short",
        "average-open-price": "52.73",
    }
    found = position(held, names=Names(), day=DAY)
    assert found is not None
    assert (found.symbol, found.quantity, found.average_price) == ("TQQQ", D(-742), D("52.73"))
    assert position({**held, "quantity-direction": "Zero", "quantity": 0}, names=Names(), day=DAY) is None
    with pytest.raises(NotUnderstood, match="Sideways"):
        position({**held, "quantity-direction": "Sideways"}, names=Names(), day=DAY)


def test_balances_are_read_and_a_missing_one_is_none():
    found = balances({"cash-balance": "4.0", "net-liquidating-value": "10.5"})
    assert (found.cash, found.net_liquidation, found.buying_power) == (D(4), D("10.5"), None)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            {
                "error": {
                    "code": "preflight_check_failure",
                    "message": "One or more preflight checks failed",
                    "errors": [{"code": "cant_buy_for_credit", "message": "You cannot buy for a credit."}],
                }
            },
            "cant_buy_for_credit",
            "wrong sign for a purchase. (tastytrade: You cannot buy for a credit.)",
        ),
        ({"error": {"code": "not_permitted", "message": "User not permitted access"}}, "not_permitted", "This login"),
        ({"error": {"errors": [{"domain": "legs[0].symbol", "reason": "is missing"}]}}, "legs[0].symbol", "is missing"),
        ({"error": {"code": "new_code", "message": "Something new."}}, "new_code", "Something new."),
        ("<html>", "", "without a reason"),
    ],
)
def test_refusals_are_told_in_plain_words(answer, code, words):
    found = refusal(answer)
    assert found[0] == code
    assert words in found[1]
