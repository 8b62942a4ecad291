"""`./run demo --live`: the whole system in live mode, its orders at a simulated broker over real sockets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import free_port
from tests.stack import Stack
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.slow

FILLED_WITHIN_S = 180.0


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path, command="demo", port=free_port(), options=("--live",))
    try:
        stack.until_ready()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def api(rehearsal: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=rehearsal.url, trust_env=False, timeout=DEADLINE_S) as client:
        login = client.post("/api/login", json={"email": rehearsal.email, "password": rehearsal.password})
        client.headers["Authorization"] = f"Bearer {login.json()['access']}"
        yield client


def orders(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/api/orders", params={"page_size": 200}).json()["results"]
    return found


def test_orders_go_to_the_broker_and_its_fills_come_back(rehearsal: Stack, api: httpx.Client):
    rehearsal.until(
        lambda: any(order["state"] == "filled" for order in orders(api)), within_s=FILLED_WITHIN_S, what="fill"
    )
    assert "REHEARSAL: live mode" in rehearsal.log
    filled = next(order for order in orders(api) if order["state"] == "filled")
    assert filled["broker"] == "tasty-demo"
    assert filled["venue_id"]
    assert filled["request"]["body"]["external-identifier"] == filled["client_id"]
    states = [step["state"] for step in filled["timeline"]]
    assert states[:2] == ["approved", "submitted"]
    assert states[-1] == "filled"
    assert {order["broker"] for order in orders(api)} == {"tasty-demo"}
    [book] = {position["book"] for position in api.get("/api/positions").json()}
    assert book == "live"
    a_person_orders_changes_and_cancels(rehearsal, api)


def a_person_orders_changes_and_cancels(rehearsal: Stack, api: httpx.Client) -> None:
    """By hand, at the simulated broker: what was previewed is placed there, changed there, and gone there."""
    entry = {
        "book": "live", "symbol": "SPY", "side": "buy", "quantities": {"tasty-demo": "3"}, "type": "limit",
        "limit_price": "1.25",
    }  # fmt: skip
    plan = api.post("/api/orders/plan", json=entry).json()
    assert plan["problems"] == [], plan
    assert plan["accounts"][0]["orders"][0]["request"]["body"]["price"] == "1.25"
    [command] = api.post("/api/orders", json={**entry, "preview": plan["preview"]}).json()["commands"]
    first = order_of(rehearsal, api, command["command"], "accepted")
    change = api.post(f"/api/orders/{first}/replace", json={"limit_price": "1.50", "quantity": "2"}).json()
    second = order_of(rehearsal, api, change["command"], "accepted")
    api.post(f"/api/orders/{second}/cancel")
    states = {order["client_id"]: (order["state"], order["quantity"], order["venue_id"]) for order in orders(api)}
    rehearsal.until(lambda: {o["client_id"]: o["state"] for o in orders(api)}[second] == "cancelled", what="a cancel")
    assert states[first][0] == "cancelled"
    assert (states[second][1], states[second][2] != states[first][2] != "") == ("2", True)


def order_of(rehearsal: Stack, api: httpx.Client, command: str, state: str) -> str:
    """The order that came of the command, once it is in that state."""

    def found() -> list[dict[str, Any]]:
        return [order for order in api.get(f"/api/commands/{command}").json()["orders"] if order["state"] == state]

    rehearsal.until(lambda: bool(found()), what=f"an order that is {state}")
    return str(found()[0]["client_id"])
