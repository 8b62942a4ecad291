"""A person orders over HTTP: what is previewed is what is placed, once, and everybody can see what became of it."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from engine.errors import Conflict
from infra.redis import keys
from strategies.models import Ticker
from tests.trading.people import client_of, person
from trading import manual, services
from trading.models import Book, CommandRecord, Order, Position, Run
from users.roles import Role

D = Decimal
pytestmark = pytest.mark.django_db

LIMIT = {
    "symbol": "MES", "side": "buy", "quantities": {"paper": "2"}, "type": "limit", "limit_price": "4990.25",
    "stop_loss": "4980", "take_profit": "5010",
}  # fmt: skip
MARKET = {"symbol": "/MES", "side": "buy", "quantities": {"paper": 1}}


def plan(api, **changes):
    answer = api.post("/api/orders/plan", {**LIMIT, **changes}, format="json")
    assert answer.status_code == 200, answer.data
    return answer.data


def place(api, entry, token="", **headers):
    return api.post("/api/orders", {**entry, "preview": token}, format="json", headers=headers)


def placed(api, entry):
    """The commands of an order that was previewed and placed."""
    answer = place(api, entry, plan(api, **{**dict.fromkeys(LIMIT), "type": "market", **entry})["preview"])
    assert answer.status_code == 202, answer.data
    return answer.data["commands"]


def status(api, command):
    return api.get(f"/api/commands/{command}").data


# ---- where it is possible --------------------------------------------------------------------------------------


def test_manual_trades_every_symbol_that_a_strategy_trades(paper):
    ticker = Ticker.objects.get(strategy="manual")
    assert (ticker.symbol, ticker.timeframe) == ("/MES", "144t")
    assert ticker.quantities == {"paper": "1", "tastytrade": "2"}


def test_without_manual_running_it_says_what_to_start(paper, api):
    Run.objects.update(state="stopped")
    answer = api.post("/api/orders/plan", LIMIT, format="json")
    assert (answer.status_code, answer.data["field"]) == (409, "symbol")
    assert "start it first" in answer.data["detail"]


@pytest.mark.parametrize("route", ["/api/orders", "/api/orders/plan", "/api/orders/x/replace", "/api/positions/exits"])
def test_only_persons_with_the_permission_order(paper, route):
    assert APIClient().post(route, {}, format="json").status_code == 401
    assert client_of(person(Role.VIEWER)).post(route, {}, format="json").status_code == 403


def test_orders_with_real_money_need_the_permission_of_real_money(paper, trader):
    book = Book.objects.create(name="live", mode="live")
    manual.check_person(trader, book)
    with pytest.raises(Conflict, match="start_live"):
        manual.check_person(person(Role.VIEWER), book)


# ---- preview -----------------------------------------------------------------------------------------------------


def test_a_preview_shows_every_order_with_its_venues_request_and_writes_nothing(paper, api):
    before = CommandRecord.objects.count()
    found = plan(api, quantities={"paper": "2", "tastytrade": "3"})
    assert (found["book"], found["mode"], found["price"], found["can_place"]) == ("paper", "paper", "5000", True)
    ours, tasty = found["accounts"]
    [order] = tasty["orders"]
    assert (order["side"], order["quantity"], order["type"], order["limit_price"]) == ("buy", "3", "limit", "4990.25")
    assert order["request"]["venue"] == "tastytrade"
    assert (order["request"]["body"]["order-type"], order["request"]["body"]["price"]) == ("Limit", "4990.25")
    assert (ours["orders"][0]["request"], ours["cost"]) == (None, "49902.50")
    assert "margin" in " ".join(ours["notes"])
    assert (CommandRecord.objects.count(), Order.objects.count()) == (before, 0)


def test_a_market_order_shows_the_exits_that_it_brings(paper, api):
    [account] = plan(api, type="market", limit_price=None)["accounts"]
    entry, stop, target = account["orders"]
    assert [entry["is_exit"], stop["is_exit"], target["is_exit"]] == [False, True, True]
    assert (stop["stop_price"], target["limit_price"]) == ("4980", "5010")
    assert (account["position"], account["position_after"]) == ("0", "2")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit_price": "4990.30"}, "limit_price"),
        ({"stop_loss": "4980.1"}, "stop_loss"),
        ({"quantities": {"paper": "0"}}, "quantities"),
        ({"quantities": {"paper": "many"}}, "quantities"),
        ({"quantities": {}}, "quantities"),
        ({"quantities": {"elsewhere": "1"}}, "quantities"),
        ({"side": "up"}, "side"),
        ({"limit_price": "nan"}, "limit_price"),
    ],
)
def test_what_cannot_be_meant_is_400_and_names_the_field(paper, api, changes, field):
    answer = api.post("/api/orders/plan", {**LIMIT, **changes}, format="json")
    assert (answer.status_code, answer.data["field"]) == (400, field)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantities": {"tastytrade": "1"}, "type": "trailing_stop", "limit_price": None, "trail": "5",
          "stop_loss": None, "take_profit": None}, "takes no trailing stop orders"),
        ({"quantities": {"paper": "1.5"}}, "multiples of 1"),
        ({"stop_loss": "4995"}, "stop_loss"),
        ({"type": "stop", "limit_price": None, "stop_price": "4990"}, "waits above the market"),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_said_before_and_cannot_be_placed(paper, api, changes, words):
    entry = {**LIMIT, **changes}
    answer = api.post("/api/orders/plan", entry, format="json")
    assert not answer.data["can_place"]
    assert words in " ".join(answer.data["problems"])
    refused = place(api, entry, answer.data["preview"])
    assert (refused.status_code, refused.data["code"]) == (409, "order_not_possible")
    assert not CommandRecord.objects.filter(kind="ManualOrder").exists()


def test_a_preview_on_paper_tells_what_is_left_and_what_it_does_not_pay(paper, api):
    Book.objects.update(sizing={"capital": {"paper": "10000"}}, fills={"margins": {"/MES": "2000"}})
    market = {"type": "market", "limit_price": None, "stop_loss": None, "take_profit": None}
    [found] = plan(api, **market, quantities={"paper": "5"})["accounts"]
    assert (found["buying_power"], found["position_after"]) == ("10000.00", "5")
    dear = plan(api, **market, quantities={"paper": "6", "tastytrade": "1"})
    assert dear["problems"] == (
        "paper: not enough buying power: it costs about 12000.00 of margin, and 10000.00 is left.",
    )
    refused, fine = dear["accounts"]
    assert (refused["orders"][0]["rule"], refused["position_after"]) == ("buying_power", "0")
    assert (fine["buying_power"], fine["position_after"]) == (None, "1")


def test_a_limit_of_risk_speaks_in_the_preview_with_its_rule(paper, api):
    Book.objects.update(risk={"max_order_quantity": "1"})
    [account] = plan(api)["accounts"]
    assert account["rule"] == "max_order_quantity"
    assert account["problem"] == "the order is larger than one may be (2; the limit is 1)"


def test_a_halt_speaks_in_the_preview_and_lets_what_closes_pass(paper, api):
    placed(api, MARKET)
    paper.answer()
    paper.price(5000.0)
    Book.objects.update(is_halted=True, halt_reason="fat finger")
    assert "halted" in plan(api)["problems"][0]
    assert plan(api, **{**dict.fromkeys(LIMIT), **MARKET, "side": "sell", "type": "market"})["can_place"]


def test_no_process_is_a_reason_not_to_place(paper, api, redis_url):
    paper.redis.delete(keys.lease("trader", "paper"))
    found = plan(api)
    assert not found["can_place"]
    assert "No process" in found["problems"][0]


# ---- placing -----------------------------------------------------------------------------------------------------


def test_what_was_previewed_is_placed_and_its_command_tells_what_became_of_it(paper, api):
    [command] = placed(api, LIMIT)
    assert (command["state"], command["by"]) == ("sent", "trader@example.com")
    paper.answer()
    order = Order.objects.get()
    assert (order.type, order.limit_price, order.command) == ("limit", D("4990.25"), command["command"])
    assert order.stop_loss is not None
    told = status(api, command["command"])
    assert (told["state"], told["detail"], told["orders"][0]["state"]) == ("accepted", order.client_id, "accepted")
    paper.price(4990.0)
    assert status(api, command["command"])["orders"][0]["state"] == "filled"
    position = Position.objects.get(quantity=2)
    assert (position.strategy, position.stop_price, position.target_price) == ("manual", D(4980), D(5010))
    assert position.exit_kind == "by hand"


def test_one_order_for_each_account_with_its_own_quantity(paper, api):
    commands = placed(api, {**MARKET, "quantities": {"paper": "1", "tastytrade": "3"}})
    assert len(commands) == 2
    paper.answer()
    paper.price(5000.25)
    assert {(p.broker, int(p.quantity)) for p in Position.objects.exclude(quantity=0)} == {
        ("paper", 1), ("tastytrade", 3),
    }  # fmt: skip


def test_a_double_click_orders_once(paper, api):
    entry = {**MARKET}
    token = plan(api, **{**dict.fromkeys(LIMIT), "type": "market", **entry})["preview"]
    first, second = place(api, entry, token), place(api, entry, token)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.data["commands"][0]["command"] == second.data["commands"][0]["command"]
    paper.answer()
    third = place(api, entry, token)
    assert third.data["commands"][0]["state"] == "accepted"
    assert CommandRecord.objects.filter(kind="ManualOrder").count() == 1


def test_an_idempotency_key_orders_once_also_with_a_new_preview(paper, api):
    found = []
    for _ in range(2):
        token = plan(api, **{**dict.fromkeys(LIMIT), "type": "market", **MARKET})["preview"]
        found.append(place(api, MARKET, token, **{"Idempotency-Key": "k1"}))
        paper.answer()
    assert [answer.status_code for answer in found] == [202, 202]
    assert Order.objects.count() == 1
    for changes in ({"side": "sell"}, {"quantities": {"paper": 1, "tastytrade": 1}}):
        other = place(api, {**MARKET, **changes}, "", **{"Idempotency-Key": "k1"})
        assert (other.status_code, other.data["field"]) == (409, "idempotency_key")


def test_without_a_preview_nothing_is_placed_and_the_preview_comes_instead(paper, api):
    answer = place(api, LIMIT)
    assert (answer.status_code, answer.data["code"]) == (409, "preview_changed")
    assert place(api, LIMIT, answer.data["preview"]).status_code == 202


def test_another_order_than_the_one_seen_is_not_placed(paper, api):
    token = plan(api)["preview"]
    answer = place(api, {**LIMIT, "limit_price": "4989.00"}, token)
    assert (answer.status_code, answer.data["code"]) == (409, "preview_changed")
    assert answer.data["accounts"][0]["orders"][0]["limit_price"] == "4989"
    assert not CommandRecord.objects.filter(kind="ManualOrder").exists()


def test_a_token_of_somebody_else_is_none(paper, api):
    token = plan(api)["preview"]
    admin = client_of(person(Role.ADMIN))
    assert place(admin, LIMIT, token).data["code"] == "preview_changed"


def test_a_position_that_changed_since_is_shown_again(paper, api):
    sell = {**MARKET, "side": "sell"}
    placed(api, MARKET)
    paper.answer()
    paper.price(5000.0)
    token = plan(api, **{**dict.fromkeys(LIMIT), "type": "market", **sell})["preview"]
    services.flatten(user=None, strategy="manual")
    paper.answer()
    paper.price(5000.0)
    answer = place(api, sell, token)
    assert (answer.status_code, answer.data["code"]) == (409, "preview_changed")
    assert "something changed" in answer.data["detail"]
    assert answer.data["accounts"][0]["orders"][0]["intent"] == "entry"


def test_a_price_that_moved_a_percent_since_is_shown_again(paper, api):
    token = plan(api, **{**dict.fromkeys(LIMIT), "type": "market", **MARKET})["preview"]
    paper.price(5060.0)
    answer = place(api, MARKET, token)
    assert "moved from 5000 to 5060" in answer.data["detail"]


# ---- what works and what is held -----------------------------------------------------------------------------------


def working(api, paper, **changes) -> Order:
    placed(api, {**LIMIT, **changes})
    paper.answer()
    return Order.objects.get(type="limit")


def test_a_working_order_is_changed_by_a_new_one_that_names_it(paper, api):
    old = working(api, paper)
    answer = api.post(f"/api/orders/{old.client_id}/replace", {"limit_price": "4991", "quantity": 3}, format="json")
    assert answer.status_code == 202, answer.data
    paper.answer()
    old.refresh_from_db()
    new = Order.objects.get(parent=old.client_id)
    assert (old.state, new.quantity, new.limit_price, new.state) == ("cancelled", D(3), D(4991), "accepted")
    assert status(api, answer.data["command"])["orders"][0]["client_id"] == new.client_id


def test_a_change_is_told_once_for_one_key(paper, api):
    old = working(api, paper)
    body = {"limit_price": "4991", "idempotency_key": "k"}
    first, second = (api.post(f"/api/orders/{old.client_id}/replace", body, format="json") for _ in range(2))
    assert first.data["command"] == second.data["command"]


@pytest.mark.parametrize(("body", "status_code"), [({"limit_price": "4991.1"}, 400), ({"limit_price": "x"}, 400)])
def test_a_change_off_the_grid_is_refused_at_once(paper, api, body, status_code):
    old = working(api, paper)
    assert api.post(f"/api/orders/{old.client_id}/replace", body, format="json").status_code == status_code


def test_what_is_done_cannot_be_changed_and_what_is_not_there_neither(paper, api):
    placed(api, MARKET)
    paper.answer()
    paper.price(5000.0)
    done = Order.objects.get()
    assert api.post(f"/api/orders/{done.client_id}/replace", {"quantity": 2}, format="json").status_code == 409
    assert api.post("/api/orders/nobody/replace", {"quantity": 2}, format="json").status_code == 404


def test_exits_of_a_position_are_set_over_http(paper, api):
    placed(api, MARKET)
    paper.answer()
    paper.price(5000.0)
    key = {"book": "paper", "strategy": "manual", "symbol": "MES", "broker": "paper"}
    answer = api.post("/api/positions/exits", {**key, "stop": "4990"}, format="json")
    assert answer.status_code == 202, answer.data
    paper.answer()
    assert status(api, answer.data["command"])["state"] == "accepted"
    assert Position.objects.get().stop_price == D(4990)
    refused = api.post("/api/positions/exits", {**key, "stop": "5010"}, format="json")
    paper.answer()
    told = status(api, refused.data["command"])
    assert (told["state"], "stop:" in told["detail"]) == ("refused", True)
    assert api.post("/api/positions/exits", {**key, "symbol": "SPY"}, format="json").status_code == 409


def test_a_flatten_reaches_every_book_that_holds_or_the_one_that_is_named(paper, api):
    placed(api, MARKET)
    paper.answer()
    paper.price(5000.0)
    live = Book.objects.create(name="other", mode="paper")
    position = Position.objects.get()
    Position.objects.create(
        book=live, strategy="manual", symbol="/MES", broker="paper", quantity=1, updated_at=position.updated_at
    )
    both = api.post("/api/flatten", {"strategy": "manual"}, format="json")
    assert len(both.data["commands"]) == 2
    named = api.post("/api/flatten", {"book": "paper"}, format="json")
    assert [command["command"] for command in named.data["commands"]] == [named.data["command"]]
    paper.answer()
    paper.price(5000.0)
    assert paper.held == 0


def test_commands_are_listed_with_who_gave_them(paper, api):
    placed(api, MARKET)
    services.halt(user=None, book=Book.objects.get(), reason="test")
    paper.answer()
    rows = api.get("/api/commands?book=paper").data["results"]
    assert [(row["kind"], row["by"], row["state"]) for row in rows] == [
        ("Halt", "system", "accepted"), ("ManualOrder", "trader@example.com", "accepted"),
    ]  # fmt: skip
    assert api.get("/api/commands/nobody").status_code == 404
