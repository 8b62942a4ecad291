"""What a book's engine waits for is fetched once, and what it holds is quoted; silence is told."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from engine.errors import NotFound
from engine.model.event import Event
from engine.model.market import Quote
from engine.options.chain import OptionChain
from engine.options.events import ChainReceived, ContractRefused
from infra.cancelling import cancel
from tests.engine.options.world import HALF_DAY, OptionWorld
from tests.waiting import DEADLINE_S
from trading.runtime.contracts import NO_SOURCE, ContractSource


class FakeChains:
    """Chains and quotes of the world's model; what it is asked is kept."""

    def __init__(self, world: OptionWorld) -> None:
        self.world = world
        self.asked: list[tuple[str, date]] = []
        self.quoted = 0
        self.fails: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_closed = False

    async def chain(self, underlying: str, expiry: date) -> OptionChain:
        self.asked.append((underlying, expiry))
        await self.may_answer.wait()
        if self.fails is not None:
            raise self.fails
        return self.world.chain()

    async def quotes(self, symbols: Sequence[str]) -> list[Quote]:
        self.quoted += 1
        if self.fails is not None:
            raise self.fails
        return list(self.world.quotes())

    async def close(self) -> None:
        self.is_closed = True


class Host:
    """A source read into a world, as a book's inbox would."""

    def __init__(self, world: OptionWorld, chains: FakeChains | None, *, blind_s: float = 15.0) -> None:
        self.world = world
        self.chains = chains
        self.alarms: list[tuple[str, str]] = []
        self.seen: list[Event] = []
        self.source = ContractSource(
            world.engine, chains, alert=self.tell, look_s=0.002, quotes_s=0.01, blind_s=blind_s,
            now_ns=lambda: world.now,
        )  # fmt: skip
        self.reading = asyncio.create_task(self.read())

    async def tell(self, what: str, text: str) -> None:
        self.alarms.append((what, text))

    async def read(self) -> None:
        while True:
            delivery = await self.source.read()
            self.seen += delivery.events
            self.world.send(*delivery.events)

    async def until(self, is_met: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_met():
            assert time.monotonic() < deadline, self.seen
            await asyncio.sleep(0.002)

    async def close(self) -> None:
        await cancel(self.reading)
        await self.source.close()


@pytest.fixture
async def host():
    world = OptionWorld()
    chains = FakeChains(world)
    found = Host(world, chains)
    yield found
    await found.close()
    assert chains.is_closed


async def test_a_wish_becomes_an_option_that_is_held_and_is_sold_again(host):
    host.world.wish(1)
    await host.until(lambda: host.world.held)
    assert host.chains.asked == [("SPX", HALF_DAY)]
    host.world.wish(0)
    await host.until(lambda: not host.world.held)
    assert host.alarms == []
    quoted = host.chains.quoted
    await asyncio.sleep(0.05)
    assert host.chains.quoted == quoted, "nobody asks for quotes of what is not held"


async def test_each_wish_is_asked_once_however_long_it_takes(host):
    host.chains.may_answer.clear()
    host.world.wish(1)
    await host.until(lambda: host.chains.asked)
    await asyncio.sleep(0.03)
    assert len(host.chains.asked) == 1
    host.chains.may_answer.set()
    await host.until(lambda: host.world.held)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NotFound("there is no chain of SPX"), "there is no chain of SPX"),
        (OSError("no route"), "the option chain could not be fetched: OSError: no route"),
    ],
)
async def test_a_chain_that_cannot_be_fetched_is_a_refusal_in_words(host, error, words):
    host.chains.fails = error
    host.world.wish(1)
    await host.until(lambda: host.world.of(ContractRefused))
    assert host.world.of(ContractRefused)[-1].reason == words


async def test_an_answer_that_takes_longer_than_the_wish_may_wait_is_none():
    world = OptionWorld(chain_wait_s=1)
    chains = FakeChains(world)
    chains.may_answer.clear()
    host = Host(world, chains)
    world.wish(1)
    world.now += 950_000_000
    await host.until(lambda: world.of(ContractRefused))
    assert world.of(ContractRefused)[-1].reason == "the source of option chains did not answer in time"
    await host.close()


async def test_a_book_without_a_source_says_so():
    world = OptionWorld()
    host = Host(world, None)
    world.wish(1)
    await host.until(lambda: world.of(ContractRefused))
    assert world.of(ContractRefused)[-1].reason == NO_SOURCE
    await host.close()


async def test_a_question_that_was_open_when_the_process_was_killed_is_asked_again():
    world = OptionWorld()
    world.wish(1)
    world.restart()
    host = Host(world, FakeChains(world))
    await host.until(lambda: world.held)
    assert isinstance(host.seen[0], ChainReceived)
    await host.close()


async def test_people_are_told_once_when_what_is_held_has_no_quote():
    world = OptionWorld()
    chains = FakeChains(world)
    host = Host(world, chains, blind_s=0.05)
    world.wish(1)
    await host.until(lambda: world.held)
    chains.fails = OSError("no route")
    await host.until(lambda: host.alarms)
    await asyncio.sleep(0.1)
    [(what, text)] = host.alarms
    assert what == "no_quotes"
    assert "SPXW  261127C06000000: no quote for 0.05 s (OSError: no route)" in text
    chains.fails = None
    quoted = chains.quoted
    await host.until(lambda: chains.quoted > quoted + 2)
    chains.fails = OSError("again")
    await host.until(lambda: len(host.alarms) == 2)
    await host.close()


async def test_it_ends_also_where_an_answer_and_the_end_come_at_one_moment(host, monkeypatch):
    """Before Python 3.12 `wait_for` loses the cancellation then: who is cancelled once only goes on for ever."""
    is_asking, may_answer = asyncio.Event(), asyncio.Event()

    async def quotes(symbols: Sequence[str]) -> list[Quote]:
        is_asking.set()
        await may_answer.wait()
        return []

    monkeypatch.setattr(host.chains, "quotes", quotes)
    host.world.wish(1)
    await asyncio.wait_for(is_asking.wait(), DEADLINE_S)
    may_answer.set()
    await asyncio.wait_for(host.source.close(), DEADLINE_S)
    assert host.chains.is_closed
