"""The WebSockets as a client sees them, over a real Redis."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser

from dashboard import book_feed
from engine.model.orders import OrderAccepted
from infra import broadcast
from infra.redis.client import async_client
from marketdata import consumers as chart_consumers
from tests.marketdata.test_charts import bar, partial
from tests.marketdata.test_relay import Market
from trading.models import Book

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/ws/book/paper", "/ws/chart?symbol=SPY&timeframe=1", "/ws/chain/SPX", "/ws/market"])
async def test_nobody_watches_without_signing_in(connect, path):
    _, is_open, code = await connect(path, AnonymousUser())
    assert not is_open
    assert code == 4401


async def test_a_book_begins_with_what_the_database_holds(connect, traded, user):
    socket, is_open, _ = await connect("/ws/book/paper", user)
    assert is_open
    overview = await socket.read()
    assert overview["kind"] == "overview"
    assert overview["positions"][0]["symbol"] == "/MES"
    assert (await socket.read_until(lambda message: message["kind"] == "pulse"))["marks"][0]["symbol"] == "/MES"


async def test_a_committed_fact_arrives_and_the_overview_follows(connect, ledger, user, monkeypatch):
    monkeypatch.setattr(book_feed, "REVISION_INTERVAL_S", 3600.0)  # nothing but the fact makes it look
    socket, _, _ = await connect("/ws/book/paper", user)
    await socket.read_until(lambda message: message["kind"] == "pulse")
    await sync_to_async(ledger.enter)("/MES", 2, Decimal("5001.25"))
    batch = await socket.read_until(lambda message: message["kind"] == "batch")
    assert batch["events"][0]["kind"] == "OrderFilled"
    assert batch["events"][0]["event"]["price"] == "5001.25"
    overview = await socket.read_until(lambda message: message["kind"] == "overview" and message["positions"])
    assert overview["positions"][0]["average_price"] == "5001.25"


async def test_a_change_whose_broadcast_was_lost_shows_all_the_same(connect, ledger, user, monkeypatch):
    monkeypatch.setattr(book_feed, "REVISION_INTERVAL_S", 0.1)
    socket, _, _ = await connect("/ws/book/paper", user)
    await socket.read_until(lambda message: message["kind"] == "pulse")
    await sync_to_async(Book.objects.update)(is_halted=True, halt_reason="a drill")
    overview = await socket.read_until(lambda message: message["kind"] == "overview")
    assert overview["book"]["halt_reason"] == "a drill"


async def test_facts_of_another_book_do_not_arrive(connect, ledger, user):
    await sync_to_async(Book.objects.create)(name="other")
    socket, _, _ = await connect("/ws/book/paper", user)
    await socket.read_until(lambda message: message["kind"] == "pulse")
    accepted = OrderAccepted(ts=1, client_id="r1-ema-000001", venue_id="v1")
    broadcast.broadcast_events("other", [accepted])
    broadcast.broadcast_events("paper", [accepted, accepted])
    batch = await socket.read_until(lambda message: message["kind"] == "batch")
    assert len(batch["events"]) == 2


async def test_an_unknown_book_is_refused_in_words(connect, ledger, user):
    socket, is_open, _ = await connect("/ws/book/papper", user)
    assert is_open
    closing = await socket.receive_output()
    assert closing["code"] == 4404
    assert "papper" in closing["reason"]


async def test_two_viewers_share_one_feed_and_the_last_one_ends_it(connect, ledger, user):
    one, _, _ = await connect("/ws/book/paper", user)
    two, _, _ = await connect("/ws/book/paper", user)
    await one.read(), await two.read()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert names.count("book paper") == 1
    await one.disconnect()
    await two.disconnect()
    assert "book paper" not in [task.get_name() for task in asyncio.all_tasks()]


async def test_a_chart_comes_with_the_lines_of_the_strategy_that_trades_it(connect, tickers, user, redis_url):
    market = Market(async_client(redis_url))
    for number in range(30):
        await market.close_bar(bar(number, 100.0 + number, seq=number + 1))
    socket, _, _ = await connect("/ws/chart?symbol=SPY&timeframe=1Min", user)
    history = await socket.read()
    assert history["timeframe"] == "1"  # every spelling is the same chart
    assert [line["spec"] for line in history["lines"]] == ["ema(close,9)", "ema(close,21)"]
    assert all(value is not None for value in history["bars"][-1]["values"])
    await market.move(partial(30, 99.5, seq=99))
    frame = await socket.read_until(lambda message: message["forming"])
    assert frame["forming"]["close"] == 99.5
    assert len(frame["forming"]["values"]) == 2


async def test_two_timeframes_are_watched_at_once(connect, user, redis_url):
    market = Market(async_client(redis_url))
    sockets = [(await connect(f"/ws/chart?symbol=SPY&timeframe={timeframe}", user))[0] for timeframe in ("1", "5")]
    for socket in sockets:
        await socket.read()
    for timeframe in ("1", "5"):
        await market.move(msgspec.structs.replace(partial(0, 99.5, seq=1), timeframe=timeframe))
    for socket in sockets:
        assert (await socket.read_until(lambda message: message["forming"]))["forming"]["close"] == 99.5


@pytest.mark.parametrize("query", ["symbol=SPY&timeframe=5x", "timeframe=1", "symbol=SPY"])
async def test_a_chart_that_makes_no_sense_is_refused_in_words(connect, user, query):
    socket, _, _ = await connect(f"/ws/chart?{query}", user)
    closing = await socket.receive_output()
    assert closing["code"] == 4400
    assert closing["reason"].startswith(("timeframe", "symbol"))


async def test_a_viewer_that_does_not_acknowledge_is_waited_for_and_then_gets_the_newest(
    connect, user, redis_url, monkeypatch
):
    monkeypatch.setattr(chart_consumers, "WINDOW", 2)
    market = Market(async_client(redis_url))
    socket, _, _ = await connect("/ws/chart?symbol=SPY&timeframe=1&ack=1", user)
    await socket.read()
    for number in range(5):
        await market.close_bar(bar(number, 100.0 + number, seq=number + 1))
    first = await socket.read()
    assert await socket.receive_nothing(timeout=0.8)
    await socket.send_to(text_data="1")
    rest = await socket.read_until(lambda message: message["bars"] or message["kind"] == "history")
    seen = first["bars"] + rest["bars"]
    assert [row["close"] for row in seen] == [100.0, 101.0, 102.0, 103.0, 104.0]


@pytest.mark.slow
async def test_a_book_where_nothing_happens_stays_connected(connect, ledger, user):
    """Waits as long as the channel layer's own read of 5 s takes to come back empty, and a little more."""
    socket, _, _ = await connect("/ws/book/paper", user)
    await socket.read_until(lambda message: message["kind"] == "pulse")
    assert await socket.receive_nothing(timeout=5.6, interval=0.1)
    await sync_to_async(ledger.enter)("/MES", 2, Decimal("5001.25"))
    await socket.read_until(lambda message: message["kind"] == "batch")
