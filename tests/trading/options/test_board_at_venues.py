"""The chain page's board at each venue that has options, over sockets, with what a feed streams of it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from brokers.adapters import VENUES
from engine.options.rules import ContractRules
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import AsyncRedis, lone_client
from marketdata.feeds.contracts import ContractWatch
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from tests.waiting import DEADLINE_S
from trading.options.board import PACES, ChainBoard


def board_at(venue: Any, client: AsyncRedis) -> ChainBoard:
    make = VENUES[venue.venue].chains
    assert make is not None
    return ChainBoard(
        client, "SPX", source=venue.venue, pace=PACES[venue.venue], opened=lambda _: make(venue.setup({})),
        rules=ContractRules(), now_ns=venue.clock.now,
    )  # fmt: skip


async def until(board: ChainBoard, is_met: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The board once it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_met(row := await board.row()):
        assert time.monotonic() < deadline, row
        await board.refresh()
        await asyncio.sleep(0.05)
    return row


@asynccontextmanager
async def streaming(venue: Any, client: AsyncRedis) -> AsyncIterator[DXLinkFeed]:
    """A DXLink feed of the venue that carries nothing, and the options that are looked at."""
    secret = json.dumps({"refresh_token": "r", "client_secret": "c"})
    feed = DXLinkFeed("dx", token=TokenSource(venue.simulator.rest_url, secret).fetch, options=DXLinkOptions())
    await feed.subscribe(["SPX"])

    async def read() -> None:
        async for _ in feed.frames():
            pass

    tasks = [asyncio.create_task(read()), asyncio.create_task(ContractWatch(client, feed, look_s=0.05).run())]
    try:
        yield feed
    finally:
        for task in tasks:
            await cancel(task)
        await feed.close()


async def test_the_chain_of_a_venue_is_shown_with_its_own_price_of_the_index(venue, redis_url):
    async with lone_client(redis_url) as client:
        board = board_at(venue, client)
        row = await until(board, lambda row: row["rows"])
        assert (row["state"], row["told_by"], row["problem"]) == ("open", venue.venue, "")
        spot = venue.simulator.market.find("SPX").last(venue.clock.now())
        assert row["spot"]["price"] == pytest.approx(float(spot.prints.price[spot.first]) / 100, abs=2)
        assert len(row["rows"]) == 21
        [money] = [each for each in row["rows"] if each["is_at_the_money"]]
        assert abs(money["strike"] - row["spot"]["price"]) <= 2.5
        assert {choice["contract"] for choice in row["choices"]} == {
            money[side]["contract"] for side in ("call", "put")
        }
        assert (money["call"]["is_chosen"], money["put"]["is_chosen"]) == (False, False)
        assert {choice["refused"] for choice in row["choices"]} == {
            "no feed tells the price of SPX, so no strategy sees one"
        }
        assert (money["call"]["delta"] is None) is (venue.venue == "tastytrade"), "Schwab tells greeks with the chain"
        await board.close()
        if venue.venue == "tastytrade":
            await streams_over_dxlink(venue, client)


async def streams_over_dxlink(venue: Any, client: AsyncRedis) -> None:
    async with streaming(venue, client) as feed:
        board = board_at(venue, client)
        row = await until(
            board,
            lambda row: row["streamed"] == 42 and all(row["rows"][10][side]["delta"] for side in ("call", "put")),
        )
        assert all(each[side]["is_streamed"] for each in row["rows"] for side in ("call", "put"))
        assert 0 < row["rows"][10]["call"]["delta"] < 1
        assert -1 < row["rows"][10]["put"]["delta"] < 0
        await board.close()
        await client.delete(keys.option_interest())  # nobody looks any more
        deadline = time.monotonic() + DEADLINE_S
        while feed.contracts.subscriptions():
            assert time.monotonic() < deadline, "they are dropped"
            await asyncio.sleep(0.02)
