"""The simulator by hand: faults over HTTP, lists and their pages, and the account streamer's manners."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from simulators.brokerage.account import AccountSetup
from simulators.tastytrade.venue import TastytradeSetup

ORDERS = "/accounts/A1/orders"


def body(quantity: int = 1, **values):
    leg = {"instrument-type": "Equity", "symbol": "SPY", "action": "Buy to Open", "quantity": quantity}
    return {"order-type": "Market", "time-in-force": "Day", "legs": [leg], **values}


@pytest.fixture
def open_venue(start):
    """The simulator, and a client of it that is logged in."""

    @asynccontextmanager
    async def run(**values):
        setup = TastytradeSetup(accounts=(AccountSetup("A1"), AccountSetup("A2")), **values)
        async with (
            start(broker=setup) as simulator,
            httpx.AsyncClient(base_url=simulator.rest_url, trust_env=False) as http,
        ):
            login = {"grant_type": "refresh_token", "refresh_token": "r", "client_secret": "s"}
            token = (await http.post("/oauth/token", json=login)).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            yield simulator, http

    return run


# ---- faults ------------------------------------------------------------------------------------------------


async def test_order_faults_are_scheduled_over_http_and_strike(open_venue):
    async with open_venue() as (_simulator, http):
        reply = await http.post("/faults", json={"name": "drop_answer", "times": 1, "actions": ["place"]})
        assert (reply.status_code, reply.json()["active"]) == (201, ["drop_answer"])
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(ORDERS, json=body())
        assert len((await http.get(ORDERS)).json()["data"]["items"]) == 1
        assert (await http.get("/faults")).json()["active"] == []


async def test_a_fault_of_both_lines_acts_on_both(open_venue):
    async with open_venue() as (simulator, http):
        await http.post("/faults", json={"name": "half_day"})
        assert (await http.get("/faults")).json()["active"].count("half_day") >= 1
        assert simulator.broker.faults.active("half_day") is not None
        await http.delete("/faults")
        assert simulator.broker.faults.active("half_day") is None


async def test_an_unknown_fault_is_refused_by_name(open_venue):
    async with open_venue() as (_, http):
        reply = await http.post("/faults", json={"name": "drop_anser"})
        assert (reply.status_code, "drop_anser" in reply.text) == (400, True)


async def test_a_rejection_carries_the_code_that_was_asked_for(open_venue):
    async with open_venue() as (_, http):
        await http.post("/faults", json={"name": "reject:closing_only"})
        reply = await http.post(ORDERS, json=body())
        assert reply.status_code == 422
        assert reply.json()["error"]["errors"][0]["code"] == "closing_only"


async def test_somebody_else_may_trade_in_the_account(open_venue):
    async with open_venue() as (_, http):
        wanted = {"account": "A1", "symbol": "SPY", "side": "sell", "quantity": "3"}
        reply = await http.post("/by-hand", json=wanted)
        assert reply.status_code == 201
        while not (items := (await http.get("/accounts/A1/positions")).json()["data"]["items"]):
            await asyncio.sleep(0.02)
        assert (items[0]["quantity"], items[0]["quantity-direction"]) == (3, "Short")
        (order,) = (await http.get(ORDERS)).json()["data"]["items"]
        assert (order["id"], "external-identifier" in order) == (reply.json()["order"], False)
        assert (await http.post("/by-hand", json={**wanted, "quantity": "999999"})).status_code == 422
        assert (await http.post("/by-hand", json={**wanted, "account": "NOPE"})).status_code == 400


# ---- requests ----------------------------------------------------------------------------------------------


async def test_without_a_token_nothing_is_told(open_venue):
    async with open_venue() as (_, http):
        del http.headers["Authorization"]
        for method, path in (("GET", ORDERS), ("POST", ORDERS), ("GET", "/accounts/A1/positions")):
            assert (await http.request(method, path, json={})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/accounts/NOPE/orders", 404),
        ("GET", "/accounts/A1/orders/999", 404),
        ("DELETE", "/accounts/A1/orders/999", 404),
        ("GET", "/accounts/A1/nonsense", 404),
        ("GET", "/option-chains/AAPL/nested", 404),
        ("GET", "/instruments/futures/ZBZ6", 404),
    ],
)
async def test_what_does_not_exist_is_404(open_venue, method, path, status):
    async with open_venue() as (_, http):
        assert (await http.request(method, path)).status_code == status


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"legs": []}, "order_must_have_legs"),
        ({"order-type": "Stop Market"}, "invalid_order_type"),
        ({"time-in-force": "Forever"}, "invalid_time_in_force"),
        ({"price": "1.0"}, "order_must_omit_price"),
        ({"order-type": "Limit", "price": "1.0"}, "price_effect_required"),
        ({"time-in-force": "GTD", "order-type": "Limit", "price": "1", "price-effect": "Debit"}, "gtd_requires_date"),
    ],
)
async def test_the_venues_own_rules_are_kept(open_venue, change, code):
    async with open_venue() as (_, http):
        reply = await http.post(ORDERS, json=body() | change)
        assert (reply.status_code, reply.json()["error"]["errors"][0]["code"]) == (422, code)


async def test_a_broken_body_is_400(open_venue):
    async with open_venue() as (_, http):
        assert (await http.post(ORDERS, content=b"{")).status_code == 400
        assert (await http.post(ORDERS, json={"order-type": 5})).status_code == 400


async def test_what_closes_nothing_is_refused_only_where_that_was_asked_for(open_venue):
    leg = {"instrument-type": "Equity", "symbol": "SPY", "action": "Sell to Close", "quantity": 1}
    strict = {"advanced-instructions": {"strict-position-effect-validation": True}}
    async with open_venue() as (_, http):
        refused = await http.post(ORDERS, json=body() | {"legs": [leg]} | strict)
        assert refused.json()["error"]["errors"][0]["code"] == "no_position_to_close"
        assert (await http.post(ORDERS, json=body() | {"legs": [leg]})).status_code == 201


async def test_orders_come_in_pages_newest_first_and_by_status(open_venue):
    far = {"order-type": "Limit", "price": "1.0", "price-effect": "Debit"}
    async with open_venue() as (_simulator, http):
        ids = [(await http.post(ORDERS, json=body(n, **far))).json()["data"]["order"]["id"] for n in range(1, 6)]
        first = (await http.get(ORDERS, params={"per-page": 2})).json()
        assert [item["id"] for item in first["data"]["items"]] == ids[:-3:-1]
        assert (first["pagination"]["total-items"], first["pagination"]["total-pages"]) == (5, 3)
        last = (await http.get(ORDERS, params={"per-page": 2, "page-offset": 2, "sort": "Asc"})).json()
        assert [item["id"] for item in last["data"]["items"]] == ids[-1:]
        while (await http.get(f"{ORDERS}/{ids[0]}")).json()["data"]["status"] != "Live":
            await asyncio.sleep(0.02)
        await http.delete(f"{ORDERS}/{ids[0]}")
        while (await http.get(f"{ORDERS}/{ids[0]}")).json()["data"]["status"] != "Cancelled":
            await asyncio.sleep(0.02)
        chosen = (await http.get(ORDERS, params={"status[]": ["Cancelled"]})).json()["data"]["items"]
        assert [item["id"] for item in chosen] == ids[:1]
        assert "terminal-at" in chosen[0]
        none = (await http.get(ORDERS, params={"underlying-symbol": "QQQ"})).json()["data"]["items"]
        assert none == []


async def test_a_code_of_the_consent_page_is_good_once(open_venue):
    query = {"client_id": "c", "redirect_uri": "https://localhost/cb", "state": "s1"}
    async with open_venue() as (_, http):
        sent_to = (await http.get("/auth.html", params=query)).headers["location"]
        assert sent_to.endswith("&state=s1")
        code = httpx.URL(sent_to).params["code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_secret": "s"}
        reply = (await http.post("/oauth/token", json=grant)).json()
        assert reply["access_token"]
        assert reply["refresh_token"]
        assert (await http.post("/oauth/token", json=grant)).status_code == 400


# ---- the account streamer ----------------------------------------------------------------------------------


async def say(socket, http, action: str, **values):
    message = {"action": action, "auth-token": http.headers["Authorization"], "request-id": 7, **values}
    await socket.send(json.dumps(message))
    return json.loads(await socket.recv())


async def test_the_streamer_wants_a_login_an_account_and_the_right_order(open_venue):
    async with open_venue() as (simulator, http), connect(simulator.account_stream_url) as socket:
        assert (await say(socket, http, "heartbeat"))["message"] == "not implemented"
        assert (await say(socket, http, "quote-alerts-subscribe"))["message"] == "connect-not-completed"
        assert (await say(socket, http, "connect", value=["NOPE"]))["status"] == "error"
        assert (await say(socket, http, "connect", value=["A1"], **{"auth-token": "Bearer x"}))["status"] == "error"
        bare = http.headers["Authorization"].removeprefix("Bearer ")
        assert (await say(socket, http, "connect", value=["A1"], **{"auth-token": bare}))["status"] == "error"
        joined = await say(socket, http, "connect", value=["A1"])
        assert (joined["status"], joined["value"], joined["request-id"]) == ("ok", ["A1"], 7)
        assert (await say(socket, http, "heartbeat"))["status"] == "ok"


async def test_it_tells_of_the_accounts_that_were_connected_only(open_venue):
    async with open_venue() as (simulator, http), connect(simulator.account_stream_url) as socket:
        await say(socket, http, "connect", value=["A1"])
        await http.post("/accounts/A2/orders", json=body(3))
        placed = (await http.post(ORDERS, json=body(2))).json()["data"]["order"]["id"]
        kinds = []
        while "AccountBalance" not in kinds:
            message = json.loads(await socket.recv())
            kinds.append(message["type"])
            assert message["data"]["account-number"] == "A1"
            if message["type"] == "Order":
                assert message["data"]["id"] == placed
        assert kinds == ["Order", "Order", "Order", "CurrentPosition", "AccountBalance"]


async def test_who_is_silent_too_long_is_hung_up_on(open_venue):
    async with open_venue(idle_s=0.2) as (simulator, _http), connect(simulator.account_stream_url) as socket:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 60)


async def test_a_venue_that_restarts_refuses_streams_and_requests(open_venue):
    async with open_venue() as (simulator, http), connect(simulator.account_stream_url) as socket:
        await http.post("/faults", json={"name": "restart"})
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 60)
        with pytest.raises((InvalidStatus, OSError)):
            await connect(simulator.account_stream_url)
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(ORDERS)
        simulator.broker.faults.clear()
        assert (await http.get(ORDERS)).status_code == 200
