"""Our way of reading and writing the gateway's protocol: at its pace, orders first, and nothing unread."""

import asyncio
import time
from datetime import UTC, datetime
from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

import pytest

from brokers.ibkr import codec
from brokers.ibkr.codec import Outbox, StrictDecoder
from brokers.ibkr.ear import Ear
from brokers.ibkr.rounds import Rounds
from engine.model.enums import Side
from engine.model.time import from_datetime
from simulators.brokerage.orders import Execution, SimOrder, Ticket
from simulators.ibkr import messages
from simulators.ibkr.book import Entry, Standing
from simulators.ibkr.contracts import describe
from tests.waiting import DEADLINE_S


@pytest.fixture
def pace(monkeypatch):
    """Three in a fifth of a second."""
    monkeypatch.setattr(codec, "PER_SECOND", 3)
    monkeypatch.setattr(codec, "SECOND", 0.2)


async def all_sent(sent: list[Any], count: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while len(sent) < count:
            await asyncio.sleep(0.01)


async def test_no_more_leave_in_a_second_than_the_gateway_takes(pace):
    sent: list[tuple[float, str]] = []
    box = Outbox(lambda text: sent.append((time.monotonic(), text)))
    for number in range(7):
        box.post(f"61\0{number}")
    assert len(sent) == 3
    await all_sent(sent, 7)
    assert [text for _, text in sent] == [f"61\0{number}" for number in range(7)]
    assert all(later - earlier >= 0.2 for (earlier, _), (later, _) in zip(sent, sent[3:], strict=False))


async def test_orders_and_cancels_overtake_questions(pace):
    sent: list[str] = []
    box = Outbox(sent.append)
    for text in ("61\0", "5\0", "16\0", "99\0", "7\0", "3\0order", "4\0cancel"):
        box.post(text)
    await all_sent(sent, 7)
    assert sent == ["61\0", "5\0", "16\0", "3\0order", "4\0cancel", "99\0", "7\0"]


async def test_what_waits_can_be_taken_back_and_what_is_out_cannot(pace):
    sent: list[str] = []
    box = Outbox(sent.append)
    letters = [box.post(f"3\0{number}") for number in range(5)]
    assert not letters[0].withdraw()
    assert letters[3].withdraw()
    await all_sent(sent, 4)
    assert sent == ["3\0" + str(number) for number in (0, 1, 2, 4)]


async def test_of_a_broken_line_nothing_is_sent_later(pace):
    sent: list[str] = []
    box = Outbox(sent.append)
    for number in range(5):
        box.post(f"3\0{number}")
    box.clear()
    await asyncio.sleep(0.3)
    assert len(sent) == 3


class Hearing:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def nextValidId(self, reqId: int) -> None:
        self.heard.append(reqId)

    def positionEnd(self) -> None:
        raise LookupError("something in our own code")

    def garbled(self, message: list[str], error: Exception) -> None:
        self.heard.append((message[0], type(error)))


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (["9", "1", "17"], 17),
        (["9", "1", "many"], ("9", ValueError)),
        (["5", "4", "too few"], ("5", ValueError)),
        (["x"], ("x", ValueError)),
        (["62", "1"], ("62", LookupError)),
        (["52", "1", "3"], None),
        (["4711"], None),
    ],
)
def test_a_message_that_cannot_be_read_is_told_and_one_that_nobody_wants_is_not(message, heard):
    hearing = Hearing()
    StrictDecoder(hearing).interpret(message)
    assert hearing.heard == ([] if heard is None else [heard])


@pytest.mark.parametrize(
    "text",
    ["20261120 10:00:00 US/Eastern", "20261120-10:00:00 US/Eastern", "20261120-15:00:00", "20261120 15:00:00 UTC"],
)
def test_the_time_of_an_execution_is_read_in_every_spelling(text):
    execution = Execution(
        id=1, order_id=2, symbol="SPY", side=Side.BUY, quantity=D(1), price=D(600), fee=D(0),
        ts=from_datetime(datetime(2026, 11, 20, 15, tzinfo=UTC)),
    )  # fmt: skip
    order = SimOrder(
        id=2, account="U1", ticket=Ticket(symbol="SPY", side=Side.BUY, quantity=D(1)), symbol="SPY", quantity=D(1)
    )
    standing = Standing(Entry(perm_id=7, account="U1"), order, D(1), (execution,))
    told = messages.execution(standing.entry, execution, describe("SPY"), standing)
    fields = told[4:].decode().split("\0")[:-1]
    fields[15] = text
    heard: list[Any] = []
    ear = Ear(SimpleNamespace(on_execution=lambda request, each: heard.append(each)))
    decoder = StrictDecoder(ear)
    decoder.serverVersion = 176
    decoder.interpret(fields)
    assert [(each.ts, each.price) for each in heard] == [(execution.ts, D(600))]


async def test_whoever_asks_gets_an_answer_that_was_begun_afterwards():
    began: list[int] = []
    gates = [asyncio.Event() for _ in range(3)]

    async def ask() -> int:
        number = len(began)
        began.append(number)
        await gates[number].wait()
        return number

    rounds = Rounds(ask)
    first = asyncio.create_task(rounds.next())
    while not began:
        await asyncio.sleep(0)
    later = [asyncio.create_task(rounds.next()) for _ in range(5)]
    await asyncio.sleep(0)
    later.pop().cancel()  # who goes away takes nothing from the others
    for gate in gates:
        gate.set()
    assert await first == 0
    assert await asyncio.gather(*later) == [1, 1, 1, 1]
    assert await rounds.next() == 2


async def test_a_round_that_fails_fails_for_those_who_shared_it_and_the_next_one_is_tried():
    answers = iter((ValueError("once"), None))

    async def ask() -> str:
        error = next(answers)
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return "well"

    rounds = Rounds(ask)
    with pytest.raises(ValueError, match="once"):
        await rounds.next()
    assert await rounds.next() == "well"
