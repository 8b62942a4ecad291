"""The loop of one feed: frames in, bars out, the wanted symbols followed, its own health told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, cast

import msgspec

from engine.instruments.sessions import SessionOf
from engine.model.market import Bar, FeedGap, FeedStateChanged, Quote, Tick
from engine.model.time import NS_PER_MS, NS_PER_S
from infra import metrics
from infra.backoff import Backoff
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis
from infra.redis.lease_thread import LeaseThread
from infra.redis.leases import Lease
from infra.redis.streams import Wire
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.contracts import ContractFeed, ContractWatch
from marketdata.feeds.crosscheck import CrossCheck
from marketdata.feeds.drift import Drift
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.judge import Judge
from marketdata.feeds.past import Past
from marketdata.feeds.registry import Feed, Frame
from marketdata.feeds.report import Report
from marketdata.feeds.truth import TruthGate, TruthOptions
from marketdata.history import Joined
from marketdata.publisher import Pair, Publisher
from marketdata.recording.recorder import Recorder
from marketdata.states import Left
from marketdata.taking_up import begin_recording
from marketdata.trimming import HELD_BYTES, Trimmer

logger = logging.getLogger(__name__)

LEASE_KIND = "feed"
LEASE_TTL_S = 4.0
CLOSE_DELAY_NS = 50 * NS_PER_MS  # prints of a period's end may still be under way
CLOCK_S = 0.025
_MARKET = (Tick, Quote)
_LOOK_UP_EVERY = 15  # rounds of the house: a future may have rolled
_TRANSIT_NS = NS_PER_S  # prints of one moment reach us within so much of each other


class FeedRunner:
    """Runs `feed` until `should_stop` says so, or the lease is lost, or the feed has come to its end.

    Every second it reads which symbols and timeframes are wanted, and follows without disturbing what stays. History
    is fetched behind each new pair, and again where a bar came out incomplete.
    """

    def __init__(
        self,
        client: AsyncRedis,
        feed: Feed,
        *,
        lease: Lease,
        should_stop: Callable[[], bool] = lambda: False,
        session_of: Callable[[str], SessionOf | None] = lambda symbol: None,
        hours_of: Callable[[str], SessionOf | None] = lambda symbol: None,
        options: TruthOptions | None = None,
        second: Feed | None = None,
        on_alert: Callable[[FeedStateChanged], None] = lambda changed: None,
        recorder: Recorder | None = None,
        history_bars: int = 500,
        days_of: Callable[[str], int | None] = lambda timeframe: None,
        held_bytes: int = HELD_BYTES,
        interval_s: float = 1.0,
    ) -> None:
        """`session_of` anchors a symbol's bars, `hours_of` says when its data is expected; `second` is compared with;
        `on_alert` is told of every change of a symbol's state; `recorder` keeps what was received;
        `days_of` see `Past`, `held_bytes` see `Trimmer`."""
        options = options or TruthOptions()
        self.feed = feed
        self.truth = TruthGate(options, hours_of=hours_of)
        self.check = (
            CrossCheck(second, tolerance=options.check_tolerance, for_s=options.check_for_s) if second else None
        )
        is_real_time = feed.speed == 1.0 and not feed.is_resumable
        self.clock = VenueClock(
            speed=feed.speed, drift=Drift(over_s=options.clock_measured_over_s) if is_real_time else None
        )
        self.publisher = Publisher(
            client,
            feed=feed.name,
            session_of=session_of,
            may_write=lambda: lease.remaining_s > 0.0,
            revises_late=options.late_prints == "revise",
            recorder=recorder,
            # What few feeds have: prints that make no price or are samples, and bars of the vendor's own.
            exclude=getattr(feed, "not_priced", 0),
            quality=getattr(feed, "quality", "built"),
            passed_of=getattr(feed, "native_timeframes", lambda symbol: frozenset()),
        )
        self.past = Past(client, feed, bars=history_bars, now=self.venue_now, on_repair=self._repaired, days_of=days_of)
        self.trimmer = Trimmer(client, held_bytes=held_bytes)
        self.report = Report(
            client,
            feed,
            publisher=self.publisher,
            truth=self.truth,
            clock=self.clock,
            past=self.past,
            unread=self.trimmer.unread,
            recorder=recorder,
        )
        self.judge = Judge(
            feed, self.truth, publisher=self.publisher, clock=self.clock, past=self.past, check=self.check,
            counts=self.report.counts, movers=self.report.movers, on_alert=on_alert,
        )  # fmt: skip
        self._client = client
        self._calendars = (session_of, hours_of)
        self._recorder = recorder
        self._wire = Wire(client)
        self._rounds = 0
        self._followed: frozenset[bytes] = frozenset()
        self._lease = lease
        self._should_stop = should_stop
        self._interval_s = interval_s
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._why = ""
        self._first_unwritten = 0.0
        self._ready = asyncio.Event()

    def venue_now(self) -> int:
        """The venue's time, or ours while nothing has come."""
        return self.clock.now or time.time_ns()

    async def run(self) -> str:
        """Acquire the lease, run, release it; why it ended ("held" where another process runs this feed)."""
        await self._learn_sessions(symbol for symbol, _ in await self._wanted())
        token = await self._lease.acquire()
        if token is None:
            return "held"
        logger.info("feed %s: this process runs it (fencing token %d)", self.feed.name, token)
        keeper = LeaseThread(self._client, self._lease, on_lost=lambda: self._finish("the lease was lost"))
        try:
            await self._begin()
            return await self._run_loops()
        finally:
            await self._end()
            await asyncio.to_thread(keeper.stop)
            await _quietly(self._lease.release)
            logger.info("feed %s: %s", self.feed.name, self._why or "ended by an error")

    # ---- the loops ----------------------------------------------------------------------------------------

    async def _run_loops(self) -> str:
        loops: list[Coroutine[Any, Any, None]] = [
            self._read(), self._prepare(), self._write(), self._tick_clock(), self._keep_house(), self.past.run(),
        ]  # fmt: skip
        if self.check is not None:
            loops.append(self._compare(self.check))
        if hasattr(self.feed, "contracts"):  # what few feeds have
            loops.append(ContractWatch(self._client, cast("ContractFeed", self.feed)).run())
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(loop) for loop in loops]
        stopping: asyncio.Task[Any] = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()  # raises what ended it
            return self._why or "the feed has ended"
        finally:
            await asyncio.gather(*(cancel(task) for task in (*tasks, stopping)))

    async def _read(self) -> None:
        ingest, clock, position = self.publisher.ingest, self.clock, self.feed.is_resumable
        counts = self.report.counts
        async for frame in self.feed.frames():
            counts.frames += 1
            last = frame[-1] if frame else None
            if type(last) is Tick and type(frame[0]) in _MARKET:  # see Frame: what is neither stands in front
                clock.saw(last.ts, last.ts_recv)
                clock.received(last.ts_recv)
                counts.ticks += len(frame)
                ingest(frame)
            else:
                self._mixed(frame)
            if position:
                self.publisher.position = self.feed.position
            if not self._first_unwritten:
                self._first_unwritten = time.monotonic()
            self._wake.set()
        self._finish("the feed has ended")

    def _mixed(self, frame: Frame) -> None:
        """A frame with other things than prints alone."""
        events: list[Any] = []
        for event in frame:
            if isinstance(event, SymbolFacts):
                self.report.facts[event.symbol, event.kind] = event
                self._note_halt(event)
                continue
            if isinstance(event, FeedGap):
                event = self._lost(event)
            elif isinstance(event, Tick | Bar):
                self.report.counts.ticks += type(event) is Tick
                self.clock.saw(event.ts, event.ts_recv, is_print=type(event) is Tick)
            events.append(event)
            recv = getattr(event, "ts_recv", 0)
            if recv:
                self.clock.received(recv)
        self.publisher.ingest(events)

    def _lost(self, gap: FeedGap) -> FeedGap:
        """A gap as it is published. A feed that knows only what it received last of the symbol may be long behind
        what was certainly received: up to the venue's clock at the last frame, less what travels differently."""
        if not gap.since:
            certain = (self.clock.now or 0) - int(_TRANSIT_NS * self.feed.speed)
            gap = msgspec.structs.replace(gap, since=max(gap.ts, certain))
        self.report.counts.gaps += not gap.is_roll
        timeframes = self.publisher.timeframes.get(gap.symbol, ())
        lost_at = gap.ts if gap.is_roll else max(gap.ts, gap.since)
        self.truth.lost(gap.symbol, gap.reason, lost_at, timeframes=timeframes)
        if gap.is_roll:
            self.past.renew(gap.symbol)
        else:
            self.past.mend(gap.symbol, since=gap.since)
        return gap

    def _repaired(self, joined: Joined) -> None:
        self.publisher.repaired(joined.repairs, mends_gap=joined.mends_gap)
        self._wake.set()

    async def _compare(self, check: CrossCheck) -> None:
        """The second source; when it ends, the first goes on alone."""
        await check.run()
        await self._stop.wait()

    def _note_halt(self, facts: SymbolFacts) -> None:
        status = facts.values.get("tradingStatus")
        if facts.kind == "profile" and status is not None:
            is_halted = status == "HALTED"
            self.truth.halted(facts.symbol, "the venue says that trading is halted" if is_halted else None)

    async def _prepare(self) -> None:
        """What came together is made ready for Redis while Redis still works on what came before it."""
        while True:
            await self._wake.wait()
            await self.publisher.room()
            self._wake.clear()
            since, self._first_unwritten = self._first_unwritten, 0.0
            if await self.publisher.prepare(since=since):
                self._ready.set()

    async def _write(self) -> None:
        backoff = Backoff(base_s=0.05, cap_s=1.0)
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self.publisher.is_prepared:
                try:
                    batch = await self.publisher.send()
                except REDIS_AWAY as error:
                    logger.warning("feed %s: Redis is away (%s); bars wait, ticks coalesce", self.feed.name, error)
                    await asyncio.sleep(backoff.next_delay())
                    continue
                if batch is None:  # the lease is in doubt
                    await asyncio.sleep(CLOCK_S)
                    continue
                backoff.reset()
                self.report.counts.entries += batch.entries
                if batch.since:
                    metrics.FEED_LAG.labels(self.feed.name).observe(time.monotonic() - batch.since)

    async def _tick_clock(self) -> None:
        """Quiet bars end by the venue's clock, a moment late.

        The clock's value is used one round after it was read. When this process was held up, frames wait to be read
        and the first of them seems to come late: the round in between reads the others, with the prints they bring.
        """
        now: int | None = None
        while True:
            before, now = now, self.clock.now
            if before is not None:
                self.publisher.advance(before - CLOSE_DELAY_NS, ts_recv=time.time_ns())
                if self.publisher.has_work:
                    self._wake.set()
            await asyncio.sleep(CLOCK_S)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            if self._should_stop():
                self._finish("asked to stop")
                return
            try:
                if await self._is_to_follow():
                    await self._follow_wanted()
                changes = await self.judge.look(venue_now=self.venue_now())
                try:
                    await self.report.tell()
                finally:
                    self._note(changes)
                now_ms = time.time_ns() // NS_PER_MS
                if self._lease.remaining_s > 0.0:
                    await self.trimmer.trim(self.publisher.pairs, self.publisher.counters, now_ms)
            except REDIS_AWAY as error:
                self._followed = frozenset()  # what was not followed to the end is looked at again
                logger.warning("feed %s: Redis is away: %s", self.feed.name, error)

    # ---- parts --------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        position = await self.publisher.resume_position() if self.feed.is_resumable else None
        if position is not None:
            self.feed.resume(position)
        left: Left | None = None
        if self._recorder is not None:
            left = await begin_recording(self._recorder, *await self.publisher.recorded())
        await self._follow_wanted(resumes=position is not None, left=left)

    async def _end(self) -> None:
        await self.feed.close()
        if self.check is not None:
            await self.check.second.close()
        for action in (self._last_words, self.publisher.close, self.trimmer.close, self.report.close, self._wire.close):
            await _quietly(action)
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close)

    async def _last_words(self) -> None:
        """What was received is written, and everybody told that no more comes."""
        if not self._lease.remaining_s:
            return
        now = time.time_ns()
        for symbol in self.feed.symbols:
            changed = self.truth.judge(
                symbol, now=now, ts=self.venue_now(), last_recv=0, is_connected=False, line_error=self._why
            )
            if changed is not None:
                self.publisher.note(changed)
        await self.report.tell(is_last=True)
        await self.publisher.flush(everything=True)

    async def _is_to_follow(self) -> bool:
        """Whether something else is wanted than the last time, or a symbol's name at the venue may have changed."""
        found = frozenset(await self._wire.call("SMEMBERS", keys.wanted(self.feed.name)))
        self._rounds += 1
        if found == self._followed and self._rounds % _LOOK_UP_EVERY:
            return False
        self._followed = found
        return True

    async def _wanted(self) -> set[Pair]:
        members = cast("set[str]", await cast("Any", self._client.smembers(keys.wanted(self.feed.name))))
        return {(symbol, timeframe) for symbol, _, timeframe in (each.rpartition("|") for each in members)}

    async def _learn_sessions(self, symbols: Iterable[str]) -> None:
        """Exchange calendars take seconds to load: beside the loop, which must keep its lease and read its socket."""
        for symbol in symbols:
            await asyncio.to_thread(self._learn_session, symbol)

    def _learn_session(self, symbol: str) -> None:
        for calendar_of in self._calendars:
            session = calendar_of(symbol)
            if session is not None:
                session(time.time_ns())

    async def _follow_wanted(self, *, resumes: bool = False, left: Left | None = None) -> None:
        wanted = await self._wanted()
        present = self.publisher.pairs
        gone = {symbol for symbol, _ in present} - {symbol for symbol, _ in wanted}
        if wanted != present or left is not None:
            await self._learn_sessions({symbol for symbol, _ in wanted - present})
            await self.publisher.carry(wanted, resumes=resumes, left=left)
            self.past.carry(wanted)
        if gone:
            await self.feed.unsubscribe(gone)
            self.truth.forget(gone)
            self.report.movers.forget(gone)
            await self._client.delete(*[keys.feed_state(symbol) for symbol in gone])
        symbols = {symbol for symbol, _ in wanted}
        await self.feed.subscribe(symbols)
        if self.check is not None:
            await self.check.follow(symbols)

    def _note(self, changes: Sequence[FeedStateChanged]) -> None:
        for changed in changes:
            self.publisher.note(changed)
            self._wake.set()

    def _finish(self, why: str) -> None:
        self._why = self._why or why
        self._stop.set()


async def _quietly(action: Callable[[], Awaitable[Any]]) -> None:
    """At the end of the loop Redis may be gone; what cannot be said then is left to the TTLs."""
    try:
        await action()
    except REDIS_AWAY as error:
        logger.warning("while ending: Redis is away: %s", error)
