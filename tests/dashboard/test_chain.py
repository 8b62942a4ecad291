"""The chain of options by WebSocket, API and page: it moves, and what is wrong is said in words."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async

from infra.redis import keys
from strategies.services import create_ticker
from tests.trading.people import book, person
from tests.waiting import DEADLINE_S
from users.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)


def index_is_at(store, price: float) -> None:
    store.hset(keys.quote("SPX"), mapping={"last": price, "ts": time.time_ns()})


def money(chain) -> list[float]:
    return [row["strike"] for row in chain["rows"] if row["is_at_the_money"]]


async def test_a_chain_moves_with_its_index_and_ends_with_its_last_viewer(connect, store):
    viewer = await sync_to_async(person)(Role.VIEWER)
    index_is_at(store, 6001.0)
    socket, is_open, _ = await connect("/ws/chain/SPX", viewer)
    assert is_open
    chain = await socket.read_until(lambda message: message["kind"] == "chain" and message["rows"])
    assert (money(chain), chain["sources"], chain["source"]) == ([6000.0], ["synthetic"], "synthetic")
    assert chain["told_by"] == "model: volatility 0.15"
    assert chain["words"].endswith("The prices are those of a model, not of a market.")
    second, _, _ = await connect("/ws/chain/SPX", viewer)
    assert money(await second.read_until(lambda message: message["rows"])) == [6000.0], "the same feed, at once"
    index_is_at(store, 6052.0)
    assert money(await socket.read_until(lambda message: money(message) == [6050.0])) == [6050.0]
    assert store.zcard(keys.option_interest()) == 0, "a feed's quotes are not the model's"
    await socket.disconnect()
    assert "chain SPX by synthetic" in running()
    await second.disconnect()
    deadline = time.monotonic() + DEADLINE_S  # who is disconnected does not wait for the end of what was shared
    while "chain SPX by synthetic" in running():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def running() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.parametrize(
    ("path", "words"),
    [("/ws/chain/ESZ6", "an index or a stock was expected"), ("/ws/chain/SPX?source=nobody", "one of synthetic was")],
)
async def test_what_has_no_chain_is_refused_in_words(connect, path, words):
    socket, is_open, _ = await connect(path, await sync_to_async(person)(Role.VIEWER))
    assert is_open
    closing = await socket.receive_output()
    assert closing["code"] == 4400
    assert words in closing["reason"]


@pytest.mark.parametrize("path", ["/ws/chain/SPX", "/ws/book/paper"])
async def test_who_may_see_no_book_sees_no_chain_of_it_and_nothing_that_happens_in_it(connect, stranger, path):
    _, is_open, code = await connect(path, stranger)
    assert (is_open, code) == (False, 4403)


def test_the_api_tells_the_same_at_once(client, store):
    client.force_login(person(Role.VIEWER))
    row = client.get("/api/options/chain/SPX").json()
    assert (row["state"], row["problem"]) == ("unknown", "SPX has no price yet, so its options have none")
    index_is_at(store, 6001.0)
    deadline = time.monotonic() + DEADLINE_S
    while not (row := client.get("/api/options/chain/spx").json())["rows"]:
        assert time.monotonic() < deadline
    assert (row["symbol"], money(row), row["spot"]["price"]) == ("SPX", [6000.0], 6001.0)
    refused = client.get("/api/options/chain/SPX?source=nobody")
    assert refused.status_code == 400
    assert "one of synthetic was expected" in refused.json()["detail"]


def test_the_page_begins_with_what_is_traded_and_a_symbol_without_options_is_answered_in_words(client, redis_url):
    book()
    create_ticker(user=None, strategy="zero_dte", symbol="XSP", timeframe="1", quantities={"paper": "1"})
    client.force_login(person(Role.VIEWER))
    page = client.get("/options").content.decode()
    assert "Options on XSP" in page
    assert 'href="/options"' in page
    page = client.get("/options/ESZ6").content.decode()
    assert "an index or a stock was expected" in page
    assert "page-config" not in page
