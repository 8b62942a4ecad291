"""Turns a feed's events into bars and writes both to Redis: the one writer of its symbols' streams."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from engine.bars.expand import Expander
from engine.instruments.sessions import SessionOf
from engine.model.event import Event
from engine.model.market import Bar, FeedGap, FeedStateChanged, Quote, Tick, TickCorrected
from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire
from marketdata.batch import Batch, GivenBars, continue_counters, without
from marketdata.last_values import LastValues
from marketdata.notes import repairs, restarted
from marketdata.outgoing import Outgoing
from marketdata.recording.rebuild import catch_up, given, make_up
from marketdata.recording.recorder import Recorder
from marketdata.recording.records import Advanced, Began, Changed, Received, Record, recordable
from marketdata.states import UNRECORDED, Left, StateKeeper, Stored, packed
from marketdata.taking_up import Begun, Settings, take_up

logger = logging.getLogger(__name__)

Pair = tuple[str, str]

MAX_PENDING = 100_000  # bars that wait while Redis is away; beyond it the oldest are given up, visibly


class Publisher:
    """Aggregates the ticks of the symbols it carries and writes what comes of it, in `seq` order.

    `ingest` and `advance` only compute; `flush` writes everything since the last flush in one transaction: completed
    bars, one partial bar per timeframe that moved, last prices, and the aggregators' states, or where the recording has
    what they lack. So after a crash the streams and the states agree, and whoever continues makes the same bars.
    Whoever wants to compute while Redis works calls `prepare` and `send`, its two halves. While no more can be
    prepared, or Redis is away, ticks coalesce; bars wait and none is dropped below `MAX_PENDING`.

    `may_write` is asked before each write: a process that lost its lease writes nothing. `quality` labels the bars made
    here; of the timeframes in `passed_of(symbol)` the vendor sends the bars. With a `recorder`, what is ingested is
    recorded no later than it is published, and what a killed predecessor had recorded but not published is made up for.
    """

    def __init__(
        self,
        client: AsyncRedis,
        *,
        feed: str,
        session_of: Callable[[str], SessionOf | None] = lambda symbol: None,
        exclude: int = 0,
        may_write: Callable[[], bool] = lambda: True,
        revises_late: bool = False,
        quality: str = "built",
        passed_of: Callable[[str], frozenset[str]] = lambda symbol: frozenset(),
        recorder: Recorder | None = None,
    ) -> None:
        self.feed = feed
        self.bars_made = self.revised = self.dropped = 0
        self.position: str | None = None  # of a source that can resume, as of the events ingested so far
        self._wire = Wire(client)
        self._building = asyncio.Lock()  # nothing is given out while what is carried changes
        self._states = StateKeeper()
        self._outgoing = Outgoing(self._wire, may_write=may_write, on_doubt=self._states.distrust)
        self.room = self._outgoing.room  # waits until something can be prepared
        self._settings = Settings(feed, session_of, exclude, revises_late, quality, passed_of)
        self._may_write = may_write
        self._recorder = recorder
        self._expanders: dict[str, Expander] = {}
        self._on_tick: dict[str, Callable[[Tick], list[Bar]]] = {}
        self._moved: dict[str, Tick] = {}  # symbol → last tick since the last flush
        self._quotes: dict[str, Quote] = {}
        self._pending: list[Event] = []  # bars and notes that are not written yet, in seq order per symbol
        self._stateful: set[str] = set()  # symbols whose state changed otherwise
        self._heard: set[str] = set()  # symbols with a print since they were taken up, or lost some
        self._composed: dict[str, int] = {}  # symbol whose bars are put together → receipt of the last part, unwritten
        self._composing: set[str] = set()  # symbols of which such a part has come
        self._restarted: set[str] = set()  # symbols continued from a predecessor's state
        self.counters: dict[str, int] = {}  # stream → number of its last entry
        self._closed: deque[Bar] = deque(maxlen=10_000)  # written, for whoever watches over completeness
        self._given = GivenBars()
        self._pairs: frozenset[Pair] | None = None  # not known
        self._last = LastValues()
        self.last_tick, self.last_quote = self._last.ticks, self._last.quotes  # by symbol, as of the last flush

    # ---- what is carried ----------------------------------------------------------------------------------

    @property
    def pairs(self) -> frozenset[Pair]:
        """The same object until what is carried changes."""
        if self._pairs is None:
            self._pairs = frozenset((name, each) for name, made in self._expanders.items() for each in made.timeframes)
        return self._pairs

    @property
    def timeframes(self) -> dict[str, list[str]]:
        """The same by symbol."""
        return {symbol: expander.timeframes for symbol, expander in self._expanders.items()}

    @property
    def has_work(self) -> bool:
        return self._is_anything_new or bool(self._outgoing)

    @property
    def _is_anything_new(self) -> bool:
        return self._last.is_due or any((self._moved, self._pending, self._quotes, self._stateful, self._composed))

    async def carry(self, pairs: Iterable[Pair], *, resumes: bool = False, left: Left | None = None) -> None:
        """Publish these symbols and timeframes, and no others; what stays is not disturbed.

        What a predecessor left is continued. Unless the source `resumes` where it was published up to, prints were
        lost in between, so the bars that were forming are marked gapped. With `left`, what it has not saved of the
        aggregators' states is done again, and what it did not publish is published.
        """
        wanted: dict[str, set[str]] = {}
        for symbol, timeframe in pairs:
            wanted.setdefault(symbol, set()).add(timeframe)
        async with self._building:
            await self._outgoing.send_all()
            if self._may_write() and (self._is_anything_new or self._states.has_unsaved):
                self._put(everything=True)
                await self._outgoing.send_all()  # the states in Redis are then the latest
            async with self._outgoing.lock:
                begun: dict[str, Begun] = {}
                for symbol in [each for each in wanted if each not in self._expanders]:
                    begun[symbol] = await take_up(
                        self._wire, self._settings, symbol, wanted[symbol], self.counters, left=left
                    )
                for symbol in [each for each in wanted if each in self._expanders]:
                    await self._change(symbol, wanted[symbol])
                # Nothing can fail from here on: a symbol is carried with all that belongs to it, or not at all.
                for symbol in self._expanders.keys() - wanted.keys():
                    self._forget(symbol)
                self._take_over(begun, left or Left())
                for symbol, each in begun.items():
                    self._began(symbol, each, is_lossy=each.is_found and (not resumes or each.contained is None))

    def _take_over(self, begun: Mapping[str, Begun], left: Left) -> None:
        fresh = {symbol: each.expander for symbol, each in begun.items()}
        self._expanders |= fresh
        self._pairs = None
        self._on_tick |= {symbol: expander.on_tick for symbol, expander in fresh.items()}
        contained = {symbol: each.contained for symbol, each in begun.items() if each.contained is not None}
        self._stateful |= catch_up(left, fresh, contained)
        for symbol, each in begun.items():
            fresh[symbol].seq = each.seq
        make_up(left, fresh, contained, aggregate=self._aggregate, give=self._pending.extend)

    @property
    def late(self) -> int:
        """Prints that came after their bar had ended, and changed nothing."""
        return sum(expander.late for expander in self._expanders.values())

    def take_closed(self) -> list[Bar]:
        """The bars written since the last call."""
        closed = list(self._closed)
        self._closed.clear()
        return closed

    async def resume_position(self) -> str | None:
        """Up to where a predecessor has published this feed, in the feed's own terms."""
        (found,) = await self._outgoing.read(keys.feed_position(self.feed))
        return found.decode() if found is not None else None

    async def recorded(self) -> tuple[int | None, int | None, bytes]:
        """What `Recorder.open` wants to know: the number of the last record that is in the bars, if anybody knows; that
        of the last one in every state; and the records that may be unwritten."""
        found = await self._outgoing.read(keys.recording_position(self.feed), keys.recording_tail(self.feed))
        published, _, since = (found[0] or b"").decode().partition(" ")
        return (int(published) if published else None), (int(since) if since else None), found[1] or b""

    async def close(self) -> None:
        await self._wire.close()

    # ---- events in ----------------------------------------------------------------------------------------

    def ingest(self, events: Sequence[Any]) -> None:
        """Aggregate one frame of the feed. Ticks and quotes of symbols that are not carried are left out."""
        if self._recorder is not None:
            self._record(Received(recordable(events, self._expanders)))
        self._aggregate(events)

    def _aggregate(self, events: Sequence[Any]) -> None:
        on_tick, moved, pending = self._on_tick, self._moved, self._pending
        for event in events:
            kind = type(event)
            if kind is Tick:
                take = on_tick.get(event.symbol)
                if take is None:
                    continue
                bars = take(event)
                if bars:
                    pending += bars
                moved[event.symbol] = event
            elif kind is Quote:
                if event.symbol in on_tick:
                    self._quotes[event.symbol] = event
            else:
                self._other(event)
        if len(pending) > MAX_PENDING:
            self._give_up_oldest()

    def _other(self, event: Any) -> None:
        """A note, a bar of the vendor's, or a print taken back or replaced: bars given out come again as revised."""
        expander = self._expanders.get(event.symbol)
        if expander is None:
            return
        if isinstance(event, TickCorrected):
            self._pending += given(expander, event)
            self._stateful.add(event.symbol)
        elif isinstance(event, Bar):
            self._pending += expander.on_bar(event)
            if expander.is_composing:
                self._composed[event.symbol] = event.ts_recv
        else:
            self.note(event)

    def advance(self, ts: int, *, ts_recv: int = 0) -> None:
        """The venue's clock has come to `ts`: quiet bars end.

        Not so those of a symbol that has had no print since it was taken up or lost some: the aggregator would take
        the clock as proof that prints were being received, and call its next bar complete.
        """
        ended: list[str] = []
        for symbol in self._heard | self._composing:
            bars = self._expanders[symbol].on_time(ts, ts_recv=ts_recv)
            if bars:
                self._pending += bars
                ended.append(symbol)
        if ended:
            self._record(Advanced(ts, ts_recv, ended))

    def _record(self, record: Record) -> None:
        if self._recorder is not None and not (self._may_write() and self._recorder.add(record)):
            self._states.distrust()

    def note(self, event: FeedGap | FeedStateChanged) -> None:
        """Tell the readers of a symbol; a gap also marks its forming bars."""
        expander = self._expanders.get(event.symbol)
        if expander is None:
            return
        expander.seq += 1
        self._pending.append(msgspec.structs.replace(event, seq=expander.seq))
        if isinstance(event, FeedGap):
            self._pending += expander.gap(since=event.since or event.ts or None)
            self._heard.discard(event.symbol)
            self._moved.pop(event.symbol, None)

    def repaired(self, bars: Sequence[Bar], *, mends_gap: bool = False) -> None:
        """History that took the place of incomplete bars of one pair is given out as their revision."""
        expander = self._expanders.get(bars[0].symbol) if bars else None
        if expander is not None:
            self._given.put(bars)
            self._pending += repairs(expander, bars, mends_gap=mends_gap)

    # ---- events out ---------------------------------------------------------------------------------------

    async def flush(self, *, everything: bool = False) -> int:
        """Write what has come together, in one transaction; how many stream entries that made. With `everything` also
        all states that can wait.

        Raises what Redis raises when it is away: nothing is lost then, the next flush continues.
        """
        if not self._may_write():
            return 0
        before = await self._outgoing.send_all()
        await self.prepare(everything=everything)
        return before + await self._outgoing.send_all()

    async def prepare(self, *, since: float = 0.0, everything: bool = False) -> bool:
        """Make what has come together ready to be sent, with `since`; False where there is nothing, or no room."""
        async with self._building:
            if self._recorder is not None:
                await self._recorder.keeps_up()
            is_any = self._is_anything_new or (everything and self._states.has_unsaved)
            if not is_any or self._outgoing.is_full or not self._may_write():
                return False
            self._put(since=since, everything=everything)
            return True

    def _put(self, *, since: float = 0.0, everything: bool = False) -> None:
        batch, changed = self._batch(everything=everything)
        batch.since = since
        recorder = self._recorder
        number, tail = (recorder.number, recorder.tail()) if recorder is not None else (UNRECORDED, None)
        due = self._states.take(changed, number, everything=everything or tail is None)
        batch.states({each: packed(Stored(self.feed, number, self._expanders[each].snapshot())) for each in due})
        if recorder is not None:
            batch.recorded(self.feed, number, since=self._states.since, tail=tail or b"")
        self._outgoing.put(batch)

    @property
    def is_prepared(self) -> bool:
        """Whether something is ready to be sent."""
        return bool(self._outgoing)

    async def send(self) -> Batch | None:
        """Write the oldest of what is prepared; None where nothing may be written. Raises like `flush`."""
        return await self._outgoing.send()

    def _batch(self, *, everything: bool) -> tuple[Batch, set[str]]:
        """Everything that waits, as requests, and the symbols in it; the waiting lists are empty afterwards."""
        pending, self._pending = self._pending, []
        moved, self._moved = self._moved, {}
        self._heard |= moved.keys()
        quotes, self._quotes = self._quotes, {}
        composed, self._composed = self._composed, {}
        self._composing |= composed.keys()
        stateful, self._stateful = self._stateful | composed.keys(), set()
        back = self._restarted & moved.keys()
        pending += [restarted(self._expanders[symbol], self.feed, moved[symbol].ts) for symbol in back]
        self._restarted -= moved.keys()
        batch = Batch(self.counters)
        for event in pending:
            if isinstance(event, Bar):
                self._closed.append(event)
                before = self._given.give(event)
                self.bars_made += before is None
                self.revised += before is not None
                batch.bar(event, instead_of=before)
                stateful.add(event.symbol)
            else:
                symbol: str = event.symbol  # type: ignore[attr-defined]  # notes carry one
                for timeframe in self._expanders[symbol].timeframes:
                    if isinstance(event, FeedGap) and event.is_roll:
                        batch.add("DEL", keys.bars(symbol, timeframe))  # whoever warms up now must not see the other's
                    batch.forming(symbol, timeframe, event)
                stateful.add(symbol)
        for symbol, ts_recv in (composed | {symbol: tick.ts_recv for symbol, tick in moved.items()}).items():
            batch.partials(self._expanders[symbol].partials(ts_recv))
        for symbol in self._last.take(moved, quotes, everything=everything):
            batch.last_values(symbol, self.last_tick.get(symbol), self.last_quote.get(symbol))
        if moved:
            batch.prices(moved.values())
        if self.position is not None:
            batch.add("SET", keys.feed_position(self.feed), self.position)
        return batch, stateful | moved.keys()

    def _give_up_oldest(self) -> None:
        """Redis has been away for so long that memory is at stake: readers will find a jump in the counters."""
        cut = len(self._pending) // 2
        for event in self._pending[:cut]:
            if isinstance(event, Bar):
                key = keys.bars_stream(event.symbol, event.timeframe)
                self.counters[key] = self.counters.get(key, 0) + 1
        del self._pending[:cut]
        self.dropped += cut
        logger.error("%s: Redis takes nothing; %d bars that waited were given up", self.feed, cut)

    # ---- symbols ------------------------------------------------------------------------------------------

    def _began(self, symbol: str, begun: Begun, *, is_lossy: bool) -> None:
        expander = self._expanders[symbol]
        expander.forget_given()
        state = None if begun.contained is None else expander.snapshot()
        if is_lossy:
            expander.gap()
            self._restarted.add(symbol)
            self._heard.discard(symbol)
            self._moved.pop(symbol, None)
            self._stateful.add(symbol)
        passed = sorted(self._settings.passed_of(symbol))
        self._record(Began(symbol, expander.timeframes, state, is_lossy, passed, self._settings.exclude))

    async def _change(self, symbol: str, timeframes: set[str]) -> None:
        expander = self._expanders[symbol]
        present = set(expander.timeframes)
        if timeframes == present:
            return
        added = timeframes - present
        last_seq = await continue_counters(self._wire, symbol, added, self.counters)
        self._pairs = None
        for timeframe in present - timeframes:
            expander.remove(timeframe)
            self._pending = without(self._pending, symbol, timeframe)
        for timeframe in sorted(added):
            expander.add(timeframe)
        expander.seq = max(expander.seq, last_seq)
        self._states.forget(symbol)  # and so saved at once
        self._stateful.add(symbol)
        self._record(Changed(symbol, expander.timeframes, expander.clock))

    def _forget(self, symbol: str) -> None:
        del self._expanders[symbol], self._on_tick[symbol]
        self._pairs = None
        self._moved.pop(symbol, None)
        self._last.forget(symbol)
        self._given.forget(symbol)
        self._quotes.pop(symbol, None)
        self._stateful.discard(symbol)
        self._states.forget(symbol)
        self._restarted.discard(symbol)
        self._heard.discard(symbol)
        self._composed.pop(symbol, None)
        self._composing.discard(symbol)
        self._pending = without(self._pending, symbol)
