import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from engine.model.enums import Side
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, PartialBar, Tick, TimeAdvanced
from engine.model.orders import ApprovedOrder, Order, OrderFilled
from engine.model.signals import Signal, WarmupProgressed
from tests.waiting import DEADLINE_S
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.runner import Ended, Runner


def tick(ts: int) -> Tick:
    return Tick(ts=ts, symbol="/NQ", price=100.0, size=1.0)


def approved(ts: int) -> ApprovedOrder:
    order = Order(
        client_id=f"paper0-ema-NQ-{ts:06d}", strategy="ema", symbol="/NQ", broker="paper", side=Side.BUY,
        quantity=Decimal(1), bar_ts=1,
    )  # fmt: skip
    return ApprovedOrder(ts=ts, order=order)


class FakeDesk:
    """Answers every event with what `answers` holds for its ts; its state is what it has handled."""

    def __init__(self, answers: dict[int, list[Event]] | None = None) -> None:
        self.handled: list[Event] = []
        self.answers = answers or {}
        self.sent: list[Event] = []
        self.opening: Sequence[Event] = ()

    def handle(self, event: Event) -> Sequence[Event]:
        self.handled.append(event)
        return self.answers.get(event.ts, [])

    def save(self) -> bytes:
        return b",".join(str(e.ts).encode() for e in self.handled if not isinstance(e, TimeAdvanced))

    async def committed(self, outputs: Sequence[Event]) -> None:
        self.sent += outputs


class FakeJournal:
    def __init__(self, *, failing: Exception | None = None) -> None:
        self.batches: list[dict[str, Any]] = []
        self.failing = failing

    async def append(self, **batch: object) -> None:
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing
        self.batches.append(batch)


class Stage:
    """A runner among fakes; `play` gives it deliveries and ends it once they are handled."""

    def __init__(self, desk: FakeDesk, journal: FakeJournal) -> None:
        self.desk = desk
        self.journal = journal
        self.inbox = Inbox()
        self.end: Ended | None = None
        self.rewarmed: list[str] = []
        self.runner = Runner(
            desk=desk, inbox=self.inbox, journal=journal, cursors={"old": "1-0"}, must_end=self.must_end,
            rewarm=self.rewarm, show=self.show, slot_timeframes={("ema", "/NQ"): "1"},
        )  # fmt: skip
        self._expected = 0

    def must_end(self) -> Ended | None:
        return (
            self.end
            if len([e for e in self.desk.handled if not isinstance(e, TimeAdvanced)]) >= self._expected
            else None
        )

    async def rewarm(self, symbol: str) -> None:
        self.rewarmed.append(symbol)

    async def show(self, runner: Runner) -> None:
        pass

    async def play(self, *deliveries: Delivery, end: Ended = Ended.STOPPED) -> Ended:
        self.end = end
        self._expected = sum(len(d.events) for d in deliveries)
        for delivery in deliveries:
            await self.inbox.put(delivery)
        return await asyncio.wait_for(self.runner.run(), DEADLINE_S)


async def test_a_fact_is_committed_with_the_state_and_the_position_that_made_it():
    stage = Stage(FakeDesk({2: [approved(2)]}), FakeJournal())
    await stage.play(
        Delivery(events=[tick(1), tick(2)], cursors={"s": "2-0"}), Delivery(events=[tick(3)], cursors={"s": "3-0"})
    )
    first, last = stage.journal.batches
    assert (first["outputs"], first["state"]) == ((approved(2),), b"1,2")
    assert first["cursors"] == {"old": "1-0", "s": "2-0"}
    assert (last["outputs"], last["state"], last["cursors"]) == ((), b"1,2,3", {"old": "1-0", "s": "3-0"})


async def test_an_order_goes_out_only_after_its_commit():
    stage = Stage(FakeDesk({1: [approved(1)]}), FakeJournal(failing=RuntimeError("disk full")))
    with pytest.raises(RuntimeError, match="disk full"):
        await stage.play(Delivery(events=[tick(1)], cursors={}))
    assert stage.desk.sent == []


async def test_wishes_wait_for_the_next_commit_and_warm_up_is_not_journalled():
    signal = Signal(ts=1, strategy="ema", symbol="/NQ", timeframe="1", target=1, reason="cross up")
    warming = WarmupProgressed(ts=1, strategy="ema", symbol="/NQ", timeframe="1", have=3, need=21)
    stage = Stage(FakeDesk({1: [warming, signal]}), FakeJournal())
    await stage.play(Delivery(events=[tick(1)], cursors={"s": "1-0"}))
    assert [batch["outputs"] for batch in stage.journal.batches] == [(signal,)]


async def test_a_lost_lease_ends_the_loop_without_another_commit():
    signal = Signal(ts=1, strategy="ema", symbol="/NQ", timeframe="1", target=1, reason="cross up")
    stage = Stage(FakeDesk({1: [signal]}), FakeJournal())
    assert await stage.play(Delivery(events=[tick(1)], cursors={}), end=Ended.LEASE_LOST) is Ended.LEASE_LOST
    assert stage.journal.batches == []


async def test_an_order_keeps_the_last_closed_bar_of_its_slot():
    bar = Bar(ts=1, symbol="/NQ", timeframe="1", ts_open=0, open=1.0, high=2.0, low=1.0, close=2.0, volume=5.0)
    stage = Stage(FakeDesk({2: [approved(2)]}), FakeJournal())
    await stage.play(Delivery(events=[bar, tick(2)], cursors={}))
    assert stage.journal.batches[0]["bars"] == {"ema|/NQ": bar}


async def test_an_execution_keeps_the_bar_it_fell_into_as_it_stood_then():
    fill = OrderFilled(3, "c1", "f1", "ema", "/NQ", "paper", Side.BUY, Decimal(1), Decimal(2))
    bar = Bar(ts=1, symbol="/NQ", timeframe="1", ts_open=0, open=1.0, high=2.0, low=1.0, close=2.0, volume=5.0)
    forming = PartialBar(3, "/NQ", "1", 1, 2.0, 4.0, 2.0, 3.0, 7.0, 2, 4.0, 2.0)
    later = PartialBar(4, "/NQ", "1", 1, 2.0, 9.0, 2.0, 9.0, 8.0, 3, 9.0, 3.0)
    stage = Stage(FakeDesk({3: [fill]}), FakeJournal())
    await stage.play(Delivery(events=[bar, forming, later], cursors={}))
    [kept] = [batch["bars"]["fill|f1"] for batch in stage.journal.batches if "fill|f1" in batch["bars"]]
    assert (kept.ts_open, kept.high, kept.close, kept.is_complete) == (1, 4.0, 3.0, False)


async def test_an_execution_at_a_bars_own_price_keeps_that_bar():
    fill = OrderFilled(1, "c1", "f1", "ema", "/NQ", "paper", Side.BUY, Decimal(1), Decimal(2))
    bar = Bar(ts=1, symbol="/NQ", timeframe="1", ts_open=0, open=1.0, high=2.0, low=1.0, close=2.0, volume=5.0)
    stage = Stage(FakeDesk({1: [fill]}), FakeJournal())
    await stage.play(Delivery(events=[bar], cursors={}))
    assert stage.journal.batches[0]["bars"] == {"fill|f1": bar}


async def test_a_gap_is_told_to_the_engine_before_history_is_loaded_again():
    stage = Stage(FakeDesk(), FakeJournal())
    gap = FeedGap(ts=5, symbol="/NQ", reason="trimmed")
    await stage.play(Delivery(events=[gap], cursors={}))
    assert (stage.desk.handled[0], stage.rewarmed) == (gap, ["/NQ"])


async def test_a_failing_source_ends_the_loop_loudly():
    stage = Stage(FakeDesk(), FakeJournal())

    async def broken() -> Delivery:
        raise ConnectionError("the market is gone")

    stage.inbox.attach("market", broken)
    stage._expected = 1  # nothing will come
    stage.end = Ended.STOPPED
    with pytest.raises(ConnectionError, match="the market is gone"):
        await asyncio.wait_for(stage.runner.run(), DEADLINE_S)


async def test_a_full_inbox_makes_the_source_wait_and_drops_nothing():
    inbox = Inbox(room=2)
    given = iter(range(50))

    async def counting() -> Delivery:
        number = next(given, None)
        if number is None:
            await asyncio.Event().wait()
        return Delivery(events=[tick(number or 0)], cursors={})

    inbox.attach("market", counting)
    seen: list[int] = []
    while len(seen) < 50:
        for delivery in await inbox.take(timeout_s=1.0):
            seen += [event.ts for event in delivery.events]
    await inbox.close()
    assert seen == list(range(50))


async def test_a_commit_holds_the_inputs_that_its_outputs_follow_from():
    stage = Stage(FakeDesk({2: [approved(2)]}), FakeJournal())
    await stage.play(
        Delivery(events=[tick(1), tick(2)], cursors={"s": "2-0"}), Delivery(events=[tick(3)], cursors={"s": "3-0"})
    )
    first, last = (
        [event for event in batch["inputs"] if not isinstance(event, TimeAdvanced)] for batch in stage.journal.batches
    )
    assert (first, last) == ([tick(1), tick(2)], [tick(3)])
