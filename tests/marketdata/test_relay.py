"""The relay against a real Redis: fan-out, coalescing, reconnecting."""

import asyncio
import json
import time
from typing import Any

import msgspec
import pytest

from engine.model.market import Bar, PartialBar
from infra import codec
from infra.redis import keys
from infra.redis.client import aclose_clients, async_client
from marketdata import relay as module
from marketdata.charts import Specs, milliseconds
from marketdata.relay import ChartRelay, Viewer
from tests.marketdata.test_charts import bar, partial

DEADLINE_S = 60.0


class Plain:
    """Lines that show the close: the relay does not care what a line is."""

    def __init__(self, specs: Specs) -> None:
        self.specs = specs

    def append(self, bar: Bar) -> tuple[float, ...]:
        return tuple(bar.close for _ in self.specs)

    def peek(self, partial: PartialBar) -> tuple[float, ...]:
        return tuple(partial.close for _ in self.specs)


class Market:
    """Writes what a publisher writes."""

    def __init__(self, client: Any) -> None:
        self.client = client

    async def close_bar(self, each: Bar) -> None:
        data = codec.encode(each)
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.zadd(keys.bars(each.symbol, each.timeframe), {data: each.ts // 1_000_000})
            pipe.xadd(keys.bars_stream(each.symbol, each.timeframe), {"e": data})
            await pipe.execute()

    async def move(self, each: PartialBar) -> None:
        await self.client.xadd(keys.ticks_stream(each.symbol, each.timeframe), {"e": codec.encode(each)})


@pytest.fixture
async def client(redis_url):
    yield async_client(redis_url)
    await aclose_clients()


@pytest.fixture
async def relay(client):
    relay = ChartRelay(client, new_lines=Plain, frame_interval_s=0.05)
    yield relay
    await relay.close()


async def read(viewer: Viewer) -> Any:
    return json.loads(await asyncio.wait_for(viewer.next(), DEADLINE_S))


async def read_until(viewer: Viewer, wanted) -> list[dict[str, Any]]:
    messages = []
    async with asyncio.timeout(DEADLINE_S):
        while True:
            messages.append(json.loads(await viewer.next()))
            if wanted(messages[-1]):
                return messages


def price(message: dict[str, Any]) -> Any:
    return message["forming"] and message["forming"]["close"]


async def test_history_comes_first_then_what_moves(client, relay):
    market = Market(client)
    for number in range(3):
        await market.close_bar(bar(number, 100.0 + number, seq=number + 1))
    async with relay.watch("SPY", "1", ("close",)) as viewer:
        history = await read(viewer)
        assert history["kind"] == "history"
        assert [row["close"] for row in history["bars"]] == [100.0, 101.0, 102.0]
        assert history["bars"][-1]["values"] == [102.0]
        await market.move(partial(3, 99.5, seq=4))
        frame = (await read_until(viewer, price))[-1]
        assert frame["kind"] == "frame"
        assert frame["forming"]["close"] == 99.5
        assert frame["forming"]["fill"] == 0.5
        await market.close_bar(bar(3, 99.0, seq=5))
        closed = (await read_until(viewer, lambda message: message["bars"]))[-1]
        assert [row["close"] for row in closed["bars"]] == [99.0]
        assert closed["forming"] is None


async def test_a_bar_between_history_and_stream_is_neither_lost_nor_doubled(client, relay):
    market = Market(client)
    await market.close_bar(bar(0, seq=1))
    async with relay.watch("SPY", "1") as viewer:
        seen = list((await read(viewer))["bars"])
        for number in range(1, 40):
            await market.close_bar(bar(number, seq=number + 1))
        last = milliseconds(bar(39).ts)
        for message in await read_until(viewer, lambda m: m["bars"] and m["bars"][-1]["time"] == last):
            seen = message["bars"] if message["kind"] == "history" else seen + message["bars"]
    times = [row["time"] for row in seen]
    assert times == [milliseconds(bar(number).ts) for number in range(40)]


async def test_a_revision_takes_the_place_of_its_bar_in_every_open_chart(client, relay):
    market = Market(client)
    bars = [bar(number, seq=number + 1) for number in range(3)]
    for each in bars:
        await market.close_bar(each)
    async with relay.watch("SPY", "1") as viewer:
        assert [row["close"] for row in (await read(viewer))["bars"]] == [100.0] * 3
        await client.zrem(keys.bars("SPY", "1"), codec.encode(bars[1]))  # as the publisher does
        await market.close_bar(msgspec.structs.replace(bar(1, 90.0, seq=4), quality="revised"))
        *before, found = await read_until(viewer, lambda each: each["kind"] == "history")
        assert [row for each in before for row in each["bars"]] == []
        assert [row["close"] for row in found["bars"]] == [100.0, 90.0, 100.0]


async def test_all_viewers_of_a_chart_get_the_same_text_from_one_tail(client, relay):
    async with relay.watch("SPY", "1") as one, relay.watch("SPY", "1") as two, relay.watch("SPY", "5"):
        assert relay.watched == {("SPY", "1"), ("SPY", "5")}
        await read(one), await read(two)
        await Market(client).move(partial(0, 99.5, seq=1))
        texts = await asyncio.wait_for(asyncio.gather(one.next(), two.next()), DEADLINE_S)
        assert texts[0] is texts[1]  # encoded once


async def test_the_last_viewer_to_leave_ends_the_tail(relay):
    async with relay.watch("SPY", "1"):
        async with relay.watch("SPY", "1"):
            pass
        assert relay.watched == {("SPY", "1")}
    assert relay.watched == frozenset()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("chart ")]


async def test_a_storm_of_prints_becomes_a_few_frames_and_the_last_price_arrives(client, relay):
    market = Market(client)
    async with relay.watch("SPY", "1") as viewer:
        await read(viewer)
        started = time.monotonic()
        for number in range(500):
            await market.move(partial(0, 100.0 + number, seq=number + 1))
        frames = await read_until(viewer, lambda message: price(message) == 599.0)
        took = time.monotonic() - started
    assert len(frames) <= took / 0.05 + 2


async def test_a_slow_viewer_gets_what_it_missed_as_one_message(client, relay):
    market = Market(client)
    async with relay.watch("SPY", "1") as slow, relay.watch("SPY", "1") as quick:
        await read(slow), await read(quick)
        for number in range(4):
            await market.close_bar(bar(number, seq=number + 1))
            await read_until(quick, lambda message, number=number: message["bars"])
        await market.move(partial(4, 98.0, seq=9))
        await read_until(quick, lambda message: price(message) == 98.0)
        message = await read(slow)
    assert [row["time"] for row in message["bars"]] == [milliseconds(bar(number).ts) for number in range(4)]
    assert price(message) == 98.0


async def test_frames_say_when_their_events_were_received(client, relay):
    async with relay.watch("SPY", "1") as viewer:
        await read(viewer)
        before = time.time_ns()
        await client.xadd(
            keys.ticks_stream("SPY", "1"), {"e": codec.encode(_received(partial(0, 99.0, seq=1), before))}
        )
        latency = (await read_until(viewer, price))[-1]["latency"]
    assert latency["received_first"] == latency["received_last"] == milliseconds(before)
    assert 0 <= latency["sent"] - latency["received_first"] < DEADLINE_S * 1000


def _received(each: PartialBar, ts_recv: int) -> PartialBar:
    import msgspec

    return msgspec.structs.replace(each, ts_recv=ts_recv)


async def test_history_that_arrives_later_is_shown_without_reconnecting(client, relay, monkeypatch):
    monkeypatch.setattr(module, "QUIET_INTERVAL_S", 0.05)
    async with relay.watch("SPY", "1") as viewer:
        assert (await read(viewer))["bars"] == []
        rows = {codec.encode(bar(number)): bar(number).ts // 1_000_000 for number in range(5)}
        await client.zadd(keys.bars("SPY", "1"), rows)
        await read_until(viewer, lambda message: message["kind"] == "history" and len(message["bars"]) == 5)


async def test_lines_follow_the_configuration_of_whoever_comes_last(client, relay, monkeypatch):
    monkeypatch.setattr(module, "QUIET_INTERVAL_S", 0.05)
    await Market(client).close_bar(bar(0))
    async with relay.watch("SPY", "1", ("a",)) as one:
        assert [line["spec"] for line in (await read(one))["lines"]] == ["a"]
        async with relay.watch("SPY", "1", ("a", "b")):
            message = (await read_until(one, lambda message: message["kind"] == "history"))[-1]
    assert [line["spec"] for line in message["lines"]] == ["a", "b"]
    assert message["bars"][0]["values"] == [100.0, 100.0]


async def test_the_feeds_own_facts_in_the_stream_do_not_hide_the_price(client, relay):
    from engine.model.market import FeedStateChanged

    async with relay.watch("SPY", "1") as viewer:
        await read(viewer)
        await Market(client).move(partial(0, 99.0, seq=1))
        stale = FeedStateChanged(ts=1, symbol="SPY", state="stale", reason="no print for 30 s")
        await client.hset(keys.feed_state("SPY"), mapping={"state": "stale", "reason": "no print for 30 s"})
        await client.xadd(keys.ticks_stream("SPY", "1"), {"e": codec.encode(stale)})
        message = (await read_until(viewer, lambda message: message["feed"]["state"] == "stale"))[-1]
    assert price(message) == 99.0
    assert message["feed"]["reason"] == "no print for 30 s"


async def test_a_cut_connection_is_taken_up_again_with_the_whole_chart(client, relay):
    market = Market(client)
    async with relay.watch("SPY", "1") as viewer:
        await read(viewer)
        await market.close_bar(bar(0, seq=1))
        await read_until(viewer, lambda message: message["bars"])
        await client.client_kill_filter(_type="normal", skipme=True)
        await market.close_bar(bar(1, seq=2))
        await read_until(
            viewer, lambda message: message["bars"] and message["bars"][-1]["time"] == milliseconds(bar(1).ts)
        )
        await market.move(partial(2, 97.0, seq=3))
        await read_until(viewer, lambda message: price(message) == 97.0)
