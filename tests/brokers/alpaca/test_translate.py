"""Orders, fills and refusals between our words and Alpaca's."""

from decimal import Decimal as D
from typing import Any

import pytest

from brokers.alpaca import translate
from brokers.alpaca.auth import stream_url
from brokers.alpaca.names import our_name, replacement_name
from brokers.alpaca.translate import (
    event_doc,
    fill_of_activity,
    fill_of_event,
    is_failed_replacement,
    is_superseded,
    order_doc,
    place_request,
    position,
    refusal,
    replace_request,
    venue_order,
)
from brokers.venue import NotUnderstood, OrderRefused
from engine.instruments.catalog import instrument_for
from engine.model.enums import OrderIntent, OrderState, OrderType, Side, TimeInForce
from engine.model.orders import Order

# As Alpaca's documentation shows an order, with our name.
DOCUMENT: dict[str, Any] = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "r7-ema-SPY-000042",
    "created_at": "2026-11-20T15:00:20.123456789Z",
    "updated_at": "2026-11-20T15:00:21.5Z",
    "submitted_at": "2026-11-20T15:00:20.2Z",
    "filled_at": None,
    "replaced_by": None,
    "replaces": None,
    "asset_class": "us_equity",
    "symbol": "SPY",
    "qty": "15",
    "filled_qty": "5",
    "filled_avg_price": "660.25",
    "order_class": "",
    "order_type": "limit",
    "type": "limit",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": "660.5",
    "stop_price": None,
    "status": "partially_filled",
    "extended_hours": False,
    "legs": None,
}


def order(symbol: str = "SPY", quantity: str = "10", **values: Any) -> Order:
    side = values.pop("side", Side.BUY)
    return Order("r7-ema-SPY-000042", "ema", symbol, "alpaca", side, D(quantity), **values)


def body(made: Order) -> dict[str, Any]:
    request = place_request(made, instrument_for(made.symbol))
    assert (request.method, request.path) == ("POST", "/v2/orders")
    return request.body


def refused(made: Order) -> str:
    with pytest.raises(OrderRefused) as error:
        place_request(made, instrument_for(made.symbol))
    assert error.value.field
    assert error.value.detail.startswith(error.value.field)
    return error.value.field


def test_a_market_order_is_sent_with_our_name_and_text_for_numbers():
    assert body(order()) == {
        "symbol": "SPY", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day",
        "client_order_id": "r7-ema-SPY-000042",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"type": OrderType.LIMIT, "limit_price": D("660.50")}, {"type": "limit", "limit_price": "660.50"}),
        ({"type": OrderType.STOP, "stop_price": D(650)}, {"type": "stop", "stop_price": "650"}),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": D(650), "limit_price": D(649)},
            {"type": "stop_limit", "stop_price": "650", "limit_price": "649"},
        ),
        ({"type": OrderType.TRAILING_STOP, "trail": D("2.5")}, {"type": "trailing_stop", "trail_price": "2.5"}),
        ({"tif": TimeInForce.GTC}, {"time_in_force": "gtc"}),
        ({"tif": TimeInForce.IOC}, {"time_in_force": "ioc"}),
        (
            {"tif": TimeInForce.EXTENDED, "type": OrderType.LIMIT, "limit_price": D(1)},
            {"time_in_force": "day", "extended_hours": True},
        ),
    ],
)
def test_types_and_times_have_alpacas_words(values, expected):
    assert body(order(**values)).items() >= expected.items()


def test_a_fraction_keeps_all_its_digits():
    assert body(order(quantity="0.000000001"))["qty"] == "0.000000001"


def test_an_option_says_what_it_does_to_the_position_and_has_no_padding():
    sent = body(order("SPXW  261120C06000000", "1", side=Side.SELL, intent=OrderIntent.EXIT))
    assert (sent["symbol"], sent["position_intent"]) == ("SPXW261120C06000000", "sell_to_close")
    assert body(order("SPXW  261120C06000000", "1"))["position_intent"] == "buy_to_open"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "0.0000000001"}, "quantity"),
        ({"symbol": "/NQ", "quantity": "1"}, "quantity"),
        ({"symbol": "SPXW  261120C06000000", "quantity": "0.5"}, "quantity"),
        ({"type": OrderType.LIMIT}, "limit_price"),
        ({"type": OrderType.STOP, "stop_price": D(0)}, "stop_price"),
        ({"type": OrderType.TRAILING_STOP}, "trail"),
        ({"tif": TimeInForce.EXTENDED}, "tif"),
        ({"quantity": "0.5", "tif": TimeInForce.GTC}, "tif"),
        ({"quantity": "0.5", "type": OrderType.TRAILING_STOP, "trail": D(1)}, "tif"),
        ({"symbol": "SPXW  261120C06000000", "quantity": "1", "tif": TimeInForce.GTC}, "tif"),
        ({"symbol": "SPXW  261120C06000000", "quantity": "1", "type": OrderType.TRAILING_STOP, "trail": D(1)}, "type"),
        ({"intent": OrderIntent.REVERSAL}, "intent"),
    ],
)
def test_what_alpaca_has_not_is_refused_with_the_field(values, field):
    assert refused(order(**values)) == field


def test_a_name_that_is_too_long_is_refused_before_anything_is_open():
    made = Order(f"r7-{'x' * 40}-SPY-000042", "ema", "SPY", "alpaca", Side.BUY, D(1))
    assert refused(made) == "client_id"


# ---- names -------------------------------------------------------------------------------------------------


def test_each_replacement_has_a_name_of_its_own_that_leads_back_to_ours():
    names = ["r7-ema-SPY-000042"]
    for _ in range(3):
        names.append(replacement_name(names[-1]))
    assert names[1:] == ["r7-ema-SPY-000042-v2", "r7-ema-SPY-000042-v3", "r7-ema-SPY-000042-v4"]
    assert {our_name(name) for name in names} == {"r7-ema-SPY-000042"}
    assert len(set(names)) == 4


def test_a_name_that_alpaca_made_is_none():
    assert our_name("904837e3-3b76-47ec-b432-046db621571b") == ""
    assert our_name("by-hand-v2") == "by-hand-v2"


def test_a_replacement_is_a_patch_with_the_new_name():
    working = venue_order(order_doc(DOCUMENT))
    changed = order(type=OrderType.LIMIT, limit_price=D(659))
    request = replace_request(working, changed, instrument_for("SPY"), name="n-v2")
    assert (request.method, request.path) == ("PATCH", f"/v2/orders/{DOCUMENT['id']}")
    assert request.body == {"qty": "10", "time_in_force": "day", "limit_price": "659", "client_order_id": "n-v2"}
    trailing = order(type=OrderType.TRAILING_STOP, trail=D(3))
    assert replace_request(working, trailing, instrument_for("SPY"), name="n").body["trail"] == "3"


# ---- theirs → ours -----------------------------------------------------------------------------------------


def test_an_order_is_read_with_its_times_to_the_microsecond():
    found = venue_order(order_doc(DOCUMENT))
    assert (found.symbol, found.side, found.quantity, found.type) == ("SPY", Side.BUY, D(15), OrderType.LIMIT)
    assert (found.state, found.filled_quantity, found.average_price) == (OrderState.PARTIALLY_FILLED, D(5), D("660.25"))
    assert (found.client_id, found.limit_price, found.group) == ("r7-ema-SPY-000042", D("660.5"), "")
    assert found.updated_ts - found.placed_ts == 1_300_000_000


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("accepted", "0", OrderState.ACCEPTED),
        ("pending_new", "0", OrderState.ACCEPTED),
        ("held", "0", OrderState.ACCEPTED),
        ("new", "0", OrderState.WORKING),
        ("pending_cancel", "5", OrderState.PARTIALLY_FILLED),
        ("done_for_day", "0", OrderState.WORKING),
        ("calculated", "15", OrderState.FILLED),
        ("filled", "15", OrderState.FILLED),
        ("canceled", "5", OrderState.CANCELLED),
        ("expired", "0", OrderState.EXPIRED),
        ("rejected", "0", OrderState.REJECTED),
    ],
)
def test_every_status_has_a_state(status, filled, state):
    found = venue_order(order_doc({**DOCUMENT, "status": status, "filled_qty": filled}))
    assert found.state is state
    assert bool(found.reason) is (state is OrderState.REJECTED)


def test_the_statuses_of_the_documentation_are_all_known():
    words = (
        "new partially_filled filled done_for_day canceled expired replaced pending_cancel pending_replace "
        "pending_review accepted pending_new accepted_for_bidding stopped rejected suspended calculated held"
    )
    assert set(words.split()) == set(translate._STATES)


@pytest.mark.parametrize("broken", [{"status": "dancing"}, {"symbol": None}, {"side": "sideways"}, {"qty": "many"}])
def test_what_is_not_understood_is_said_so(broken):
    with pytest.raises(NotUnderstood):
        venue_order(order_doc({**DOCUMENT, **broken}))


def test_an_order_by_value_has_the_quantity_that_was_filled():
    found = venue_order(
        order_doc({**DOCUMENT, "qty": None, "notional": "1000", "filled_qty": "1.514", "status": "filled"})
    )
    assert (found.quantity, found.filled_quantity) == (D("1.514"), D("1.514"))


def test_an_order_whose_place_was_taken_and_one_that_did_not_take_it():
    old = order_doc({**DOCUMENT, "status": "pending_replace", "replaced_by": "other"})
    assert is_superseded(old)
    assert not is_superseded(order_doc({**DOCUMENT, "status": "pending_replace"}))
    assert not is_superseded(order_doc({**DOCUMENT, "status": "filled", "replaced_by": "other"}))
    assert is_failed_replacement(order_doc({**DOCUMENT, "status": "rejected", "replaces": "other"}))
    assert not is_failed_replacement(order_doc({**DOCUMENT, "status": "rejected"}))


def test_stream_and_activities_name_an_execution_alike():
    event = {
        "event": "partial_fill", "execution_id": "a", "price": "660.2", "qty": "2", "position_qty": "5",
        "timestamp": "2026-11-20T15:00:21.4Z", "order": {**DOCUMENT, "filled_qty": "5.0"},
    }  # fmt: skip
    activity = {
        "id": "20261120000000000::b", "activity_type": "FILL", "order_id": DOCUMENT["id"], "symbol": "SPY",
        "side": "buy", "qty": "2", "price": "660.2", "cum_qty": "5", "leaves_qty": "10", "type": "partial_fill",
        "transaction_time": "2026-11-20T15:00:21.4Z",
    }  # fmt: skip
    told = fill_of_event(event_doc(event))
    listed = fill_of_activity(activity, names={DOCUMENT["id"]: "r7-ema-SPY-000042"})
    assert told == listed
    assert told is not None
    assert (told.fill_id, told.quantity, told.price) == (f"{DOCUMENT['id']}/5", D(2), D("660.2"))


@pytest.mark.parametrize("event", ["new", "canceled", "replaced", "order_cancel_rejected", "rejected"])
def test_other_messages_tell_no_execution(event):
    assert fill_of_event(event_doc({"event": event, "order": DOCUMENT})) is None


def test_a_fill_without_a_price_is_not_understood():
    with pytest.raises(NotUnderstood):
        fill_of_event(event_doc({"event": "fill", "qty": "1", "order": DOCUMENT}))


def test_a_short_sale_is_a_sale():
    activity = {
        "order_id": "x", "symbol": "SPY", "side": "sell_short", "qty": "2", "price": "1", "cum_qty": "2",
        "transaction_time": "2026-11-20T15:00:21Z",
    }  # fmt: skip
    assert fill_of_activity(activity, names={}).side is Side.SELL


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"symbol": "SPY", "qty": "5", "side": "long"}, ("SPY", D(5))),
        ({"symbol": "SPY", "qty": "-5", "side": "short"}, ("SPY", D(-5))),
        ({"symbol": "SPY", "qty": "5", "side": "short"}, ("SPY", D(-5))),
        ({"symbol": "SPXW261120C06000000", "qty": "1", "side": "long", "asset_class": "us_option"},
         ("SPXW  261120C06000000", D(1))),
        ({"symbol": "BTCUSD", "qty": "0.1", "side": "long", "asset_class": "crypto"}, ("BTCUSD", D("0.1"))),
    ],
)  # fmt: skip
def test_positions_have_our_symbols_and_a_sign(document, expected):
    found = position(document)
    assert found is not None
    assert (found.symbol, found.quantity) == expected
    assert position({**document, "qty": "0"}) is None


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ({"code": 40310000, "message": "insufficient buying power"}, "40310000", "has not enough buying power"),
        ({"code": 40310000, "message": "potential wash trade detected"}, "40310000", "might trade with each other"),
        ({"code": 42210000, "message": "a new rule"}, "42210000", "a new rule"),
        ({"message": "forbidden."}, "", "forbidden."),
        (["odd"], "", "without a reason"),
    ],
)
def test_refusals_come_in_plain_words_with_alpacas_code(document, code, words):
    found = refusal(document)
    assert found[0] == code
    assert words in found[1]


@pytest.mark.parametrize(
    ("api", "stream"),
    [
        ("", "wss://paper-api.alpaca.markets/stream"),
        ("https://api.alpaca.markets", "wss://api.alpaca.markets/stream"),
        ("http://127.0.0.1:1", "ws://127.0.0.1:1/stream"),
    ],
)
def test_the_account_stream_is_beside_the_interface_and_practice_unless_named(api, stream):
    assert stream_url(api) == stream
