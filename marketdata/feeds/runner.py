"""The loop of one feed: frames in, bars out, the wanted symbols followed, its own health told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, cast

import msgspec

from engine.instruments.sessions import SessionOf
from engine.model.market import FeedGap, FeedStateChanged, Tick
from engine.model.time import NS_PER_MS
from infra import metrics
from infra.backoff import Backoff
from infra.cancelling import cancel
from infra.redis import keys
from infra.redis.client import REDIS_AWAY, AsyncRedis
from infra.redis.leases import Lease
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.past import Past
from marketdata.feeds.registry import Feed, Frame
from marketdata.feeds.truth import FRESH, TruthGate
from marketdata.publisher import Pair, Publisher

logger = logging.getLogger(__name__)

LEASE_KIND = "feed"
LEASE_TTL_S = 4.0
CLOSE_DELAY_NS = 50 * NS_PER_MS  # prints of a period's end may still be under way
CLOCK_S = 0.025
HEARTBEAT_TTL_S = 10


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
        history_bars: int = 500,
        stale_after_s: float = 15.0,
        interval_s: float = 1.0,
    ) -> None:
        self.feed = feed
        self.truth = TruthGate(stale_after_s=stale_after_s)
        self.clock = VenueClock(speed=feed.speed)
        self.publisher = Publisher(
            client, feed=feed.name, session_of=session_of, may_write=lambda: lease.remaining_s > 0.0
        )
        self.past = Past(client, feed, bars=history_bars, now=self.venue_now)
        self._client = client
        self._session_of = session_of
        self._lease = lease
        self._should_stop = should_stop
        self._interval_s = interval_s
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._why = ""
        self._frames = self._ticks = self._gaps = self._entries = 0
        self._counted: dict[str, int] = {}
        self._first_unwritten = 0.0
        self._facts: dict[tuple[str, str], SymbolFacts] = {}

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
        try:
            await self._begin()
            return await self._run_loops()
        finally:
            await self._end()
            logger.info("feed %s: %s", self.feed.name, self._why or "ended by an error")

    # ---- the loops ----------------------------------------------------------------------------------------

    async def _run_loops(self) -> str:
        loops: list[Coroutine[Any, Any, None]] = [
            self._read(), self._write(), self._tick_clock(), self._keep_lease(), self._keep_house(), self.past.run(),
        ]  # fmt: skip
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
        async for frame in self.feed.frames():
            self._frames += 1
            last = frame[-1] if frame else None
            if type(last) is Tick:
                clock.saw(last.ts, last.ts_recv)
                clock.received(last.ts_recv)
                self._ticks += len(frame)
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
        events = [event for event in frame if not isinstance(event, SymbolFacts)]
        for event in frame:
            if isinstance(event, SymbolFacts):
                self._facts[event.symbol, event.kind] = event
                self._note_halt(event)
            elif isinstance(event, FeedGap):
                self._gaps += 1
                self.truth.lost(event.symbol, event.reason, event.ts)
                self.past.mend(event.symbol)
            elif isinstance(event, Tick):
                self._ticks += 1
                self.clock.saw(event.ts, event.ts_recv)
            recv = getattr(event, "ts_recv", 0)
            if recv:
                self.clock.received(recv)
        self.publisher.ingest(events)

    def _note_halt(self, facts: SymbolFacts) -> None:
        status = facts.values.get("tradingStatus")
        if facts.kind == "profile" and status is not None:
            is_halted = status == "HALTED"
            self.truth.halted(facts.symbol, "the venue says that trading is halted" if is_halted else None)

    async def _write(self) -> None:
        backoff = Backoff(base_s=0.05, cap_s=1.0)
        while True:
            await self._wake.wait()
            self._wake.clear()
            since, self._first_unwritten = self._first_unwritten, 0.0
            try:
                self._entries += await self.publisher.flush()
            except REDIS_AWAY as error:
                logger.warning("feed %s: Redis is away (%s); bars wait, ticks coalesce", self.feed.name, error)
                await asyncio.sleep(backoff.next_delay())
                self._wake.set()
                continue
            backoff.reset()
            if since:
                metrics.FEED_LAG.labels(self.feed.name).observe(time.monotonic() - since)

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

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self._lease.ttl_s / 3)
            if not await self._lease.keep():
                self._finish("the lease was lost")
                return

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            if self._should_stop():
                self._finish("asked to stop")
                return
            try:
                await self._follow_wanted()
                self._judge()
                await self._tell()
                await self.publisher.trim(time.time_ns() // NS_PER_MS)
            except REDIS_AWAY as error:
                logger.warning("feed %s: Redis is away: %s", self.feed.name, error)

    # ---- parts --------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        position = await self.publisher.resume_position() if self.feed.is_resumable else None
        if position is not None:
            self.feed.resume(position)
        await self._follow_wanted(resumes=position is not None)

    async def _end(self) -> None:
        await self.feed.close()
        for action in (self._last_words, self.publisher.close, self._lease.release):
            await _quietly(action)

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
        await self.publisher.flush()
        await self._tell()

    async def _wanted(self) -> set[Pair]:
        members = cast("set[str]", await cast("Any", self._client.smembers(keys.wanted(self.feed.name))))
        return {(symbol, timeframe) for symbol, _, timeframe in (each.rpartition("|") for each in members)}

    async def _learn_sessions(self, symbols: Iterable[str]) -> None:
        """Exchange calendars take seconds to load: beside the loop, which must keep its lease and read its socket."""
        for symbol in symbols:
            await asyncio.to_thread(self._learn_session, symbol)

    def _learn_session(self, symbol: str) -> None:
        session = self._session_of(symbol)
        if session is not None:
            session(time.time_ns())

    async def _follow_wanted(self, *, resumes: bool = False) -> None:
        wanted = await self._wanted()
        present = self.publisher.pairs
        gone = {symbol for symbol, _ in present} - {symbol for symbol, _ in wanted}
        if wanted != present:
            await self._learn_sessions({symbol for symbol, _ in wanted - present})
            await self.publisher.carry(wanted, resumes=resumes)
            self.past.carry(wanted)
        if gone:
            await self.feed.unsubscribe(gone)
            self.truth.forget(gone)
            await self._client.delete(*[keys.feed_state(symbol) for symbol in gone])
        await self.feed.subscribe({symbol for symbol, _ in wanted})

    def _judge(self) -> None:
        for bar in self.publisher.take_closed():
            if bar.is_complete:
                self.truth.whole_bar(bar.symbol, bar.ts_open)
            else:
                self.past.mend(bar.symbol, bar.timeframe)
        now, ts = time.time_ns(), self.venue_now()
        for symbol in self.feed.symbols:
            changed = self.truth.judge(
                symbol,
                now=now,
                ts=ts,
                last_recv=self.feed.last_received(symbol),
                is_connected=self.feed.is_connected,
                line_error=self.feed.last_error,
            )
            if changed is not None:
                _log_state(self.feed.name, changed)
                self.publisher.note(changed)
                self._wake.set()

    async def _tell(self) -> None:
        """States, facts and the heartbeat: of work done, never of merely being alive."""
        facts, self._facts = self._facts, {}
        async with self._client.pipeline(transaction=False) as pipe:
            for symbol, verdict in self.truth.verdicts.items():
                pipe.hset(keys.feed_state(symbol), items=self._state_of(symbol, *verdict))
            for (symbol, kind), found in facts.items():
                if found.values:
                    pipe.hset(keys.facts(symbol, kind), items=[part for pair in found.values.items() for part in pair])
            pipe.set(keys.heartbeat(f"feed:{self.feed.name}"), msgspec.json.encode(self.status()), ex=HEARTBEAT_TTL_S)
            await pipe.execute()
        self._count()

    def _state_of(self, symbol: str, state: str, reason: str, since: int) -> list[str | int]:
        tick = self.publisher.last_tick.get(symbol)
        times = (tick.ts, tick.ts_recv) if tick else (0, 0)
        return [
            *("feed", self.feed.name, "state", state, "reason", reason, "since", since),
            *("venue_symbol", self.feed.symbols.get(symbol, symbol), "last_recv", self.feed.last_received(symbol)),
            *("last_tick_ts", times[0], "last_tick_recv", times[1]),
        ]

    def status(self) -> dict[str, Any]:
        """What the heartbeat says."""
        states = [verdict.state for verdict in self.truth.verdicts.values()]
        return {
            "ts": time.time_ns(),
            "feed": self.feed.name,
            "is_connected": self.feed.is_connected,
            "last_error": self.feed.last_error,
            "symbols": len(self.feed.symbols),
            "pairs": len(self.publisher.pairs),
            "fresh": states.count(FRESH),
            "frames": self._frames,
            "ticks": self._ticks,
            "bars": self.publisher.bars_made,
            "entries": self._entries,
            "gaps": self._gaps,
            "dropped": self.publisher.dropped,
            "late": self.publisher.late,
            "venue_ts": self.clock.now or 0,
        }

    def _count(self) -> None:
        counters = {
            metrics.FEED_FRAMES: self._frames,
            metrics.FEED_TICKS: self._ticks,
            metrics.FEED_BARS: self.publisher.bars_made,
            metrics.FEED_ENTRIES: self._entries,
            metrics.FEED_GAPS: self._gaps,
            metrics.FEED_RECONNECTS: getattr(self.feed, "connects", 0),
        }
        for counter, value in counters.items():
            known = self._counted.get(str(counter), 0)
            counter.labels(self.feed.name).inc(value - known)
            self._counted[str(counter)] = value
        states = [verdict.state for verdict in self.truth.verdicts.values()]
        metrics.FEED_NOT_FRESH.labels(self.feed.name).set(len(states) - states.count(FRESH))

    def _finish(self, why: str) -> None:
        self._why = self._why or why
        self._stop.set()


def _log_state(feed: str, changed: FeedStateChanged) -> None:
    level = logging.INFO if changed.state == FRESH else logging.WARNING
    logger.log(
        level, "feed %s: %s is %s%s", feed, changed.symbol, changed.state, f": {changed.reason}" * bool(changed.reason)
    )


async def _quietly(action: Callable[[], Awaitable[Any]]) -> None:
    """At the end of the loop Redis may be gone; what cannot be said then is left to the TTLs."""
    try:
        await action()
    except REDIS_AWAY as error:
        logger.warning("while ending: Redis is away: %s", error)
