"""The loop of a book: take what arrived, let the engine decide, commit, show; until told to stop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from engine.model.accounts import AccountChecked, PositionAdjusted
from engine.model.commands import CommandHandled, CommandSettled
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, TimeAdvanced
from engine.model.orders import (
    ApprovedOrder,
    CancelRequested,
    OrderAccepted,
    OrderBecameUnknown,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    StopMoved,
    StopMoveRefused,
    StopMoveRequested,
)
from engine.model.positions import PositionChanged, TradeClosed
from engine.model.signals import WarmupProgressed
from engine.model.time import NS_PER_MS
from trading.runtime.broker_words import BrokerWords
from trading.runtime.inbox import Delivery, Inbox
from trading.runtime.latency import Latency
from trading.runtime.recording import Input, Recorder
from trading.runtime.seen import SeenBars

logger = logging.getLogger(__name__)

COMMIT_EVERY_S = 1.0  # how much reading a new owner may have to repeat; facts are committed at once
SILENCE_S = 1.0  # time itself is an event when nothing else came for so long

COMMIT_AT_ONCE = (
    ApprovedOrder,
    CancelRequested,
    OrderSubmitted,
    OrderAccepted,
    OrderRejected,
    OrderFilled,
    OrderCancelled,
    OrderExpired,
    OrderBecameUnknown,
    StopMoveRequested,
    StopMoved,
    StopMoveRefused,
    PositionChanged,
    TradeClosed,
    CommandHandled,
    CommandSettled,
    AccountChecked,
    PositionAdjusted,
)


class Ended(StrEnum):
    """Why a loop returned."""

    STOPPED = "stopped"  # asked to
    RELOAD = "reload"  # the configuration changed: compose again
    LEASE_LOST = "lease_lost"


class Desk(Protocol):
    """Engine and venue as one: events in, outputs out, state to bytes. `opening` is what taking over put out."""

    opening: Sequence[Event]

    def handle(self, event: Event) -> Sequence[Event]: ...

    def save(self) -> bytes: ...

    async def committed(self, outputs: Sequence[Event]) -> None: ...


class CommitJournal(Protocol):
    """The durable record as the loop sees it."""

    async def append(
        self,
        *,
        outputs: tuple[Event, ...],
        state: bytes,
        cursors: dict[str, str],
        bars: dict[str, Bar],
        inputs: tuple[Input, ...],
    ) -> None: ...


class Stats:
    """What the loop did since it began."""

    def __init__(self) -> None:
        self.events = 0
        self.outputs = 0
        self.commits = 0
        self.decision = Latency()  # from receipt by the feed to the engine's answer
        self.commit = Latency()  # until a batch of outputs is in the database
        self.answers = BrokerWords()  # from the engine's answer to the broker's


class Runner:
    """Owns a desk while it holds the book's lease.

    `must_end()` is asked about twice a second and between deliveries; `rewarm(symbol)` loads history again after a gap;
    `show(runner)` refreshes the views for people once a second. `recorder` gets every event before the engine does; who
    warms the engine up tells it too.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        inbox: Inbox,
        journal: CommitJournal,
        cursors: dict[str, str],
        must_end: Callable[[], Ended | None],
        rewarm: Callable[[str], Awaitable[None]],
        show: Callable[["Runner"], Awaitable[None]],
        slot_timeframes: dict[tuple[str, str], str],
        recorder: Recorder | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.desk = desk
        self.stats = Stats()
        self.cursors = dict(cursors)
        self.committed = dict(cursors)  # what the journal holds: everything before it is dealt with for good
        self._inbox = inbox
        self._journal = journal
        self._must_end = must_end
        self._rewarm = rewarm
        self._show = show
        self._seen = SeenBars(slot_timeframes)
        self._now_ns = now_ns
        self._recorder = recorder or Recorder()
        self._pending: list[Event] = list(desk.opening)
        self._dirty = False
        self._last_arrival_s = time.monotonic()
        self._last_commit_s = time.monotonic()
        self._last_show_s = 0.0
        self._committing: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    async def run(self) -> Ended:
        """Until `must_end` says why, or something that must not be survived happens (it is raised)."""
        try:
            while True:
                ended = self._must_end()
                if ended is not None:
                    break
                for delivery in await self._inbox.take(timeout_s=0.25):
                    await self._handle(delivery)
                await self._pass_time()
                await self._housekeeping()
            if ended is not Ended.LEASE_LOST:
                await self._commit_the_rest()
            return ended
        finally:
            await self._settle()

    # ---- events -----------------------------------------------------------------------------------------

    async def _handle(self, delivery: Delivery) -> None:
        if delivery.events:
            self._last_arrival_s = time.monotonic()
        for event in delivery.events:
            if isinstance(event, FeedGap):
                await self._gap(event)
            else:
                self._feed(event)
        self.cursors.update(delivery.cursors)
        self._dirty = self._dirty or bool(delivery.events or delivery.cursors)
        self._commit_if_due()

    def _feed(self, event: Event) -> None:
        self._seen.see(event)
        self._recorder.take(event)
        outputs = self.desk.handle(event)
        self.stats.events += 1
        if outputs:
            self.stats.answers.note(outputs)
            self._pending.extend(out for out in outputs if not isinstance(out, WarmupProgressed))
            self._seen.note(outputs)
            self.stats.outputs += len(outputs)
        received = getattr(event, "ts_recv", 0)
        if received:
            self.stats.decision.add((self._now_ns() - received) / NS_PER_MS)

    async def _gap(self, gap: FeedGap) -> None:
        logger.warning("market data was lost (%s); warming up again", gap.reason, extra={"symbol": gap.symbol})
        self._feed(gap)
        await self._rewarm(gap.symbol)

    async def _pass_time(self) -> None:
        """A clock reading becomes an event only where nothing else arrives: events stay the only time there is."""
        if time.monotonic() - self._last_arrival_s >= SILENCE_S:
            self._last_arrival_s = time.monotonic()
            self._feed(TimeAdvanced(ts=self._now_ns()))

    # ---- committing -------------------------------------------------------------------------------------

    def _commit_if_due(self) -> None:
        """Facts at once, the rest once a second; one commit at a time, and what comes meanwhile shares the next."""
        if self._committing is not None:
            return
        facts = any(isinstance(out, COMMIT_AT_ONCE) for out in self._pending)
        if facts or (self._dirty and time.monotonic() - self._last_commit_s >= COMMIT_EVERY_S):
            self._begin_commit()

    def _begin_commit(self) -> None:
        """Between two deliveries only: outputs, state and positions must be of the same moment."""
        outputs = tuple(self._pending)
        self._pending.clear()
        self._dirty = False
        self._last_commit_s = time.monotonic()
        state = self.desk.save()
        work = self._commit(outputs, state, dict(self.cursors), self._seen.take(outputs), self._recorder.drain(state))
        self._committing = asyncio.create_task(work)
        self._committing.add_done_callback(self._commit_ended)

    async def _commit(
        self,
        outputs: tuple[Event, ...],
        state: bytes,
        cursors: dict[str, str],
        bars: dict[str, Bar],
        inputs: tuple[Input, ...],
    ) -> None:
        begun = time.monotonic()
        await self._journal.append(outputs=outputs, state=state, cursors=cursors, bars=bars, inputs=inputs)
        self.stats.commit.add((time.monotonic() - begun) * 1_000)
        self.committed = cursors
        await self.desk.committed(outputs)

    def _commit_ended(self, task: asyncio.Task[None]) -> None:
        self._committing = None
        self.stats.commits += 1
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        self._inbox.wake()  # what came meanwhile may be due

    # ---- the rest ---------------------------------------------------------------------------------------

    async def _housekeeping(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._commit_if_due()
        now = time.monotonic()
        if now - self._last_show_s >= 1.0:
            self._last_show_s = now
            await self._show(self)

    async def _commit_the_rest(self) -> None:
        if self._committing is not None:
            await asyncio.wait({self._committing})
        if self._failure is None:
            self._begin_commit()

    async def _settle(self) -> None:
        await self._inbox.close()
        if self._committing is not None:
            await asyncio.wait({self._committing})
        if self._failure is not None:
            raise self._failure

    def view(self) -> dict[str, Any]:
        """Figures for the heartbeat: how much was done and how late decisions were."""
        decision, answer = self.stats.decision, self.stats.answers.latency
        return {
            "events": self.stats.events,
            "commits": self.stats.commits,
            "decision_p50_ms": decision.quantile(0.5),
            "decision_p99_ms": decision.quantile(0.99),
            "decision_buckets": decision.buckets,
            "answer_p50_ms": answer.quantile(0.5),
            "answer_p99_ms": answer.quantile(0.99),
            "answer_buckets": answer.buckets,
        }
