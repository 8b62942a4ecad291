"""News of the account come in an order that adds up, and a reader that is too slow is told to look for itself."""

import asyncio
from decimal import Decimal as D
from types import SimpleNamespace
from typing import Any

import pytest

from brokers.futures import BookedFutures
from brokers.ibkr import stream as ibkr_stream
from brokers.ibkr.ledger import Ledger
from brokers.ibkr.stream import Stream
from brokers.ibkr.translate import venue_fill, venue_order
from brokers.venue import FillReported, OrderReported, StreamLost, StreamRestored, VenueFill
from engine.model.enums import OrderState
from tests.brokers.ibkr.test_translate import DAY, doc, executed
from tests.waiting import DEADLINE_S

PERM = 7
FUTURES = BookedFutures()


class Desk:
    """A stream over a ledger, and what a reader got of it."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.line: Any = SimpleNamespace(ledger=self.ledger)
        self.got: list[Any] = []
        self.stream = Stream(lambda line, each: venue_order(each, self._fills(), futures=FUTURES, day=DAY), self._list)
        self.reading: asyncio.Task[None] | None = None

    def _fills(self) -> list[VenueFill]:
        known = (each for each in self.ledger.of_order(PERM) if each.execution_id in self.ledger.fees)
        return [venue_fill(each, self.ledger.fees[each.execution_id], futures=FUTURES, day=DAY) for each in known]

    def _list(self, line: Any, perm_id: int) -> list[VenueFill]:
        return self._fills()

    async def read(self) -> None:
        async for update in self.stream.updates():
            self.got.append(update)

    def tell(self) -> None:
        self.stream.changed(self.line, PERM)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while len(self.got) < count:
                await asyncio.sleep(0.005)

    @property
    def kinds(self) -> list[str]:
        return [each.order.state if isinstance(each, OrderReported) else type(each).__name__ for each in self.got]


@pytest.fixture
async def desk(monkeypatch):
    monkeypatch.setattr(ibkr_stream, "PATIENCE_S", 0.05)
    made = Desk()
    made.stream.restored()
    made.reading = asyncio.create_task(made.read())
    await made.until(1)
    yield made
    made.reading.cancel()


def stands(desk: Desk, status: str, filled: int) -> None:
    desk.ledger.stands(PERM, status, filled=D(filled), average=D(600), ts=5)
    desk.tell()


async def test_a_status_waits_for_the_execution_that_it_counts_and_that_one_for_its_costs(desk):
    desk.ledger.opened(doc())
    desk.tell()
    stands(desk, "Filled", 10)
    each = desk.ledger.executed(executed(10, "600"))
    desk.tell()
    await asyncio.sleep(0)
    desk.ledger.charged(each.execution_id, D("1.05"))
    desk.tell()
    await desk.until(4)
    assert desk.kinds == ["StreamRestored", OrderState.WORKING, "FillReported", OrderState.FILLED]
    assert desk.got[2].fill.fee == D("1.05")


async def test_what_does_not_come_is_not_waited_for_long(desk):
    desk.ledger.opened(doc())
    stands(desk, "Filled", 10)
    await desk.until(2)
    assert desk.kinds[1:] == [OrderState.FILLED]
    each = desk.ledger.executed(executed(10, "600"))
    desk.tell()
    await desk.until(3)
    assert isinstance(desk.got[2], FillReported)
    assert desk.got[2].fill.fee == 0
    desk.ledger.charged(each.execution_id, D("1.05"))
    desk.tell()
    await asyncio.sleep(0.1)
    assert len([each for each in desk.got if isinstance(each, FillReported)]) == 1


async def test_a_rejection_waits_for_its_reason(desk):
    desk.ledger.opened(doc(client_id=1, order_id=4))
    stands(desk, "Inactive", 0)
    desk.ledger.noted(1, 4, 201, "no money")
    desk.tell()
    await desk.until(2)
    assert (desk.kinds[1], desk.got[1].order.reason) == (OrderState.REJECTED, "no money")


async def test_the_same_state_is_told_once(desk):
    desk.ledger.opened(doc())
    for _ in range(3):
        desk.tell()
    await desk.until(2)
    await asyncio.sleep(0.1)
    assert desk.kinds == ["StreamRestored", OrderState.WORKING]


async def test_a_loss_is_told_once_and_what_waited_on_the_old_line_is_dropped(desk):
    desk.ledger.opened(doc())
    stands(desk, "Filled", 10)  # its execution is missing
    desk.stream.lost("it was closed")
    desk.stream.lost("it cannot be reached")
    desk.stream.restored()
    await asyncio.sleep(0.1)
    assert desk.kinds == ["StreamRestored", "StreamLost", "StreamRestored"]
    assert desk.got[1].reason == "it was closed"


async def test_a_reader_that_does_not_keep_up_is_told_to_look_for_itself(monkeypatch):
    monkeypatch.setattr(ibkr_stream, "_QUEUED", 5)
    desk = Desk()
    desk.stream.restored()
    updates = desk.stream.updates()
    assert isinstance(await anext(updates), StreamRestored)
    for price in range(600, 610):
        desk.ledger.opened(doc(limit=D(price)))
        desk.tell()
    got = [await anext(updates) for _ in range(3)]
    assert [type(each) for each in got] == [StreamLost, StreamRestored, OrderReported]
    assert isinstance(got[0], StreamLost)
    assert "keep up" in got[0].reason


async def test_what_cannot_be_understood_is_left_to_polling(desk):
    desk.ledger.opened(doc(status="Pondering"))
    desk.tell()
    desk.ledger.opened(doc(status="Submitted"))
    desk.tell()
    await desk.until(2)
    assert desk.kinds == ["StreamRestored", OrderState.WORKING]
