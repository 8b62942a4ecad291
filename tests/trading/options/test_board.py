"""A chain as it is now: asked once by however many look, laid over with what feeds stream, and honest about its age."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from brokers.models import BrokerAccount
from engine.errors import InvalidInput, NotFound
from engine.instruments.options import OptionContract
from engine.model.market import Quote
from engine.options.chain import ChainEntry, Greeks, OptionChain
from engine.options.rules import ContractRules
from engine.options.synthetic import MODEL, SyntheticChains
from infra.redis import keys
from infra.redis.client import AsyncRedis, lone_client
from strategies.services import create_ticker
from tests.engine.options.world import HALF_DAY, MINUTE, WHOLE_DAY, S, session
from tests.waiting import DEADLINE_S
from trading.models import Book
from trading.options.board import INTEREST_S, PACES, ChainBoard, Pace
from trading.options.boards import board_setup

MORNING = session()[0] + 30 * MINUTE


class FakeSource:
    """The model's chain as a venue tells it, at a time of its own; what it is asked is counted."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.asked = self.quoted = 0
        self.fails: Exception | None = None
        self.is_closed = False

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        chain = SyntheticChains().chain(underlying, spot=self.world.spot, ts=self.world.now, expiry=expiry)
        return msgspec.structs.replace(chain, source="sim")

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        self.quoted += 1
        if self.fails is not None:
            raise self.fails
        return SyntheticChains().quotes(symbols, spot=self.world.spot, ts=self.world.now)

    async def close(self) -> None:
        self.is_closed = True


class World:
    def __init__(self, client: AsyncRedis) -> None:
        self.client = client
        self.now = MORNING
        self.spot = 6001.0
        self.source = FakeSource(self)

    def board(self, pace: Pace = Pace(60.0)) -> ChainBoard:
        return ChainBoard(
            self.client, "SPX", source="sim", pace=pace, opened=lambda _: self.source, rules=ContractRules(),
            now_ns=lambda: self.now,
        )  # fmt: skip

    async def index(self, price: float) -> None:
        await self.client.hset(keys.quote("SPX"), mapping={"last": price, "ts": self.now})

    async def stream(self, strike: int, right: str, bid: float, greeks: Greeks | None = None) -> None:
        entry = ChainEntry(
            OptionContract("SPXW", HALF_DAY, right, Decimal(strike)), bid, bid + 0.1, 1.5, self.now, greeks
        )
        await self.client.set(keys.option_quote(entry.contract.symbol), msgspec.json.encode(entry))


@pytest.fixture
async def world(redis_url) -> AsyncIterator[World]:
    async with lone_client(redis_url) as client:
        yield World(client)


def at(row, strike: float):
    [found] = [each for each in row["rows"] if each["strike"] == strike]
    return found


async def test_a_chain_is_shown_around_the_money_with_what_would_be_chosen_and_why(world):
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    row = await board.row()
    assert (row["state"], row["words"]) == ("open", "Expires today at 13:00 in New York, a half day.")
    assert len(row["rows"]) == 21
    assert [each["strike"] for each in row["rows"] if each["is_at_the_money"]] == [6000.0]
    call, put = row["choices"]
    assert (call["contract"], put["contract"]) == ("SPXW  261127C06000000", "SPXW  261127P06000000")
    assert "strike nearest to 6001 of 41 PM-settled calls" in call["reason"]
    assert (call["refused"], put["refused"]) == ("", "")
    money = at(row, 6000.0)["call"]
    assert 0 < money["bid"] < money["ask"]
    assert (money["is_chosen"], money["is_stale"], money["at"]) == (True, False, MORNING // 10**6)
    assert 0.4 < money["delta"] < 0.6
    assert at(row, 6005.0)["call"]["is_chosen"] is False
    await board.close()
    assert world.source.is_closed


async def test_however_many_look_the_source_is_asked_at_its_pace(world):
    await world.index(6001.0)
    boards = [world.board(Pace(1.0)) for _ in range(5)]
    await asyncio.gather(*(board.refresh() for board in boards))
    assert world.source.asked == 1
    assert {(await board.row())["listed"] for board in boards} == {82}, "and all see it"
    deadline = time.monotonic() + DEADLINE_S
    while world.source.asked < 2:
        assert time.monotonic() < deadline
        await boards[0].refresh()
        await asyncio.sleep(0.02)


async def test_what_streams_is_laid_over_and_what_it_does_not_tell_stays(world):
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    world.now += 3 * S
    await world.stream(6000, "C", 7.7)
    await world.stream(6000, "P", 5.5, Greeks(delta=-0.9))
    row = await board.row()
    call, put = at(row, 6000.0)["call"], at(row, 6000.0)["put"]
    assert (call["bid"], call["last"], call["is_streamed"], call["at"]) == (7.7, 1.5, True, world.now // 10**6)
    assert 0.4 < call["delta"] < 0.6
    assert (put["bid"], put["delta"]) == (5.5, -0.9)
    assert row["streamed"] == 2
    assert at(row, 6005.0)["call"]["is_streamed"] is False


async def test_old_quotes_are_marked_and_nothing_would_be_chosen_from_them(world):
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    await world.stream(6000, "C", 7.7)
    world.now += 40 * S
    row = await board.row()
    assert row["spot"]["is_stale"]
    sides = [side for each in row["rows"] for side in (each["call"], each["put"])]
    assert [side["contract"] for side in sides if not side["is_stale"]] == ["SPXW  261127C06000000"], "it streams"
    assert {choice["refused"] for choice in row["choices"]} == {"the underlying's price is old"}
    await world.index(6001.0)
    assert "the chain's newest quote is 40 s away" in (await board.row())["choices"][0]["refused"]


async def test_between_two_chains_quotes_are_asked_for_unless_they_stream(world):
    await world.index(6001.0)
    board = world.board(Pace(60.0, 0.01))
    await board.refresh()
    assert (world.source.asked, world.source.quoted) == (1, 0)
    world.now += 5 * S
    await board.refresh()
    assert (world.source.asked, world.source.quoted) == (1, 1)
    assert at(await board.row(), 6000.0)["call"]["at"] == world.now // 10**6
    for strike in range(5950, 6055, 5):
        for right in "CP":
            await world.stream(strike, right, 2.0)
    await asyncio.sleep(0.02)
    await board.refresh()
    assert world.source.quoted == 1, "all of it is new by itself"


async def test_who_looks_is_interested_for_a_while_and_the_interest_is_around_the_money(world):
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    await world.client.zadd(keys.option_interest(), {"SPXW  261127C05000000": 1})
    await board.row()
    found = dict(await world.client.zrange(keys.option_interest(), 0, -1, withscores=True))
    assert len(found) == 42
    assert "SPXW  261127C06000000" in found
    assert set(found.values()) == {world.now // 10**6 + INTEREST_S * 1000}, "what ended is gone"


async def test_a_source_that_fails_says_why_and_what_was_known_stays_with_its_age(world):
    await world.index(6001.0)
    world.source.fails = NotFound("no login: authorize it again")
    board = world.board(Pace(0.01))
    await board.refresh()
    row = await board.row()
    assert (row["state"], row["problem"], row["rows"]) == ("unknown", "no login: authorize it again", [])
    assert row["words"] == "The chain of SPX for Fri 27 Nov is not known: no login: authorize it again."
    assert row["choices"][0]["refused"] == "no login: authorize it again"
    world.source.fails = None
    await asyncio.sleep(0.02)
    await board.refresh()
    world.source.fails = OSError("the line broke")
    await asyncio.sleep(0.02)
    await board.refresh()
    row = await board.row()
    assert (row["state"], row["problem"], len(row["rows"])) == ("open", "OSError: the line broke", 21)


async def test_while_no_session_is_open_the_next_ones_contracts_are_shown(world):
    world.now = session()[1] + 60 * MINUTE
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    row = await board.row()
    assert (row["state"], row["expiry"]) == ("closed", WHOLE_DAY.isoformat())
    assert row["words"] == (
        "No session is open. Shown is what expires on Mon 30 Nov, which trades from 09:30 in New York."
    )
    assert "an open session was expected" in row["choices"][0]["refused"]


async def test_yesterdays_chain_is_not_todays(world):
    await world.index(6001.0)
    board = world.board()
    await board.refresh()
    world.now = session(WHOLE_DAY)[0] + MINUTE
    row = await board.row()
    assert (row["state"], row["expiry"], row["rows"]) == ("unknown", WHOLE_DAY.isoformat(), [])


async def test_without_a_feed_the_price_is_the_sources_or_what_calls_and_puts_imply_and_no_strategy_sees_it(world):
    board = world.board()
    await board.refresh()
    row = await board.row()
    assert (row["spot"]["by"], row["spot"]["price"]) == ("sim", 6001.0)
    assert row["choices"][0]["refused"] == "no feed tells the price of SPX, so no strategy sees one"
    assert row["choices"][0]["contract"] == "SPXW  261127C06000000"
    world.now += 20 * S
    await world.stream(6010, "C", 9.0)
    await world.stream(6010, "P", 6.9)
    row = await board.row()
    assert (row["spot"]["by"], row["spot"]["price"], row["spot"]["is_stale"]) == ("put-call parity", 6012.1, False)
    assert [each["strike"] for each in row["rows"] if each["is_at_the_money"]] == [6010.0]
    await world.index(6002.0)
    told = {"price": 6002.0, "at": world.now // 10**6, "by": "the feed", "is_stale": False}
    assert (await board.row())["spot"] == told


# ---- whom one may ask ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_a_book_trades_by_goes_first_then_accounts_that_can_tell_then_the_model():
    assert board_setup("SPX").names == [MODEL]
    for name, broker in (("alp", "alpaca"), ("cs", "schwab"), ("tt", "tastytrade")):
        BrokerAccount.objects.create(name=name, broker=broker, mode="live", account_number=name)
    found = board_setup("$spx")
    assert (found.symbol, found.names, found.source, found.pace) == ("SPX", ["cs", "tt", MODEL], "cs", PACES["schwab"])
    Book.objects.create(name="paper", mode="paper", execution={"chains": "synthetic:0.2"})
    found = board_setup("SPX")
    assert (found.names, found.pace) == (["synthetic:0.2", "cs", "tt"], PACES[MODEL])
    assert board_setup("SPX", "tt").pace == PACES["tastytrade"]
    for symbol, source in (("/ES", ""), ("SPX", "alp"), ("SPX", "synthetic:5")):
        with pytest.raises(InvalidInput, match="was expected"):
            board_setup(symbol, source)


@pytest.mark.django_db
def test_the_rules_are_those_of_the_ticker_that_trades_them():
    params = {"period_1": 3, "period_2": 8, "chain_max_age_s": 7}
    create_ticker(user=None, strategy="zero_dte", symbol="SPX", timeframe="1", params=params, quantities={"paper": "1"})
    assert board_setup("SPX").rules.max_age_s == 7
    assert board_setup("SPY").rules == ContractRules()
