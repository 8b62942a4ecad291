"""A feed over one WebSocket: keeps what is wanted subscribed through reconnects, gives up a line that went dead."""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress

from engine.model.market import Bar, FeedGap
from engine.model.time import NS_PER_S
from infra.backoff import Backoff
from infra.cancelling import cancel
from marketdata.feeds.errors import FeedError, FeedProtocolError, FeedUnauthorized, FeedUnavailable
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.limits import FeedLimits, Room
from marketdata.feeds.registry import Frame
from marketdata.feeds.rolling import roll_of
from marketdata.feeds.streaming.line import StreamLine
from marketdata.feeds.streaming.liveness import Watchdog
from marketdata.feeds.streaming.minutes import MinuteLedger
from marketdata.feeds.streaming.options import StreamOptions
from marketdata.feeds.streaming.track import SymbolTrack
from marketdata.feeds.streaming.vouching import Vouching
from marketdata.feeds.twins import Twins, give_up

logger = logging.getLogger(__name__)

_UNAUTHORIZED_WAIT_S = 60.0  # asking again quickly gets an address blocked
_BAD_FRAMES = 3  # so many unreadable frames, and the connection itself is not to be trusted


class StreamFeed(ABC):
    """The part of a `Feed` that is the same at every venue. One upstream subscription a symbol, whatever is made of it.

    `frames` connects, and connects again for as long as it is iterated. `resolve` names our symbol as the venue does;
    None for one that it cannot have, which is told once and otherwise left alone.
    """

    is_resumable = False
    position: str | None = None
    volume_tolerance = 0.0  # of the venue's minutes

    def __init__(
        self,
        name: str,
        options: StreamOptions,
        *,
        resolve: Callable[[str], str | None],
        limits: FeedLimits,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.speed = options.speed
        self.is_connected = False
        self.connects = 0
        self.last_error = ""
        self.counts: Counter[str] = Counter()  # what was left out, by reason
        self.tracks: dict[str, SymbolTrack] = {}  # by the venue's names
        self._settings = options
        self._resolve = resolve
        self._backoff = backoff or Backoff(base_s=options.reconnect_base_s, cap_s=options.reconnect_cap_s)
        self._wanted: dict[str, str] = {}  # our symbol → the venue's
        self._room = Room(name, limits)
        self.refused = self._room.refused  # our symbols that the venue does not give us, and why
        self._twins = Twins()
        self._rolls: list[FeedGap] = []  # to be told before the next print
        self._line: StreamLine | None = None
        self._watchdog = Watchdog(
            mute_after_s=options.mute_after_s, symbol_mute_after_s=options.symbol_mute_after_s
        )  # fmt: skip
        self._vouching = Vouching(
            name, self.tracks, self._minutes_of, requests_per_minute=getattr(options, "requests_per_minute", 60)
        )  # fmt: skip
        self.doubts = self._vouching.doubts  # our symbols for whose prints nobody vouches, and why
        self._bad_frames = 0
        self._outgoing: list[bytes] = []
        self._settle_at = 0
        self._is_closed = False
        self._closing = asyncio.Event()

    # ---- what a venue's own gives -----------------------------------------------------------------------------

    @abstractmethod
    async def _open(self) -> StreamLine:
        """A connection, logged in."""

    @abstractmethod
    def _subscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        """What asks for these."""

    @abstractmethod
    def _unsubscriptions(self, venue_names: list[str]) -> Iterable[bytes]:
        """What ends these."""

    @abstractmethod
    def _translate(self, frame: bytes, ts_recv: int) -> Frame:
        """The events of one frame. `FeedProtocolError` where it cannot be read: nothing of it counts then. Any other
        `FeedError` ends the connection. What is to be answered goes through `_say_later`."""

    @abstractmethod
    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """The venue's closed bars with start < ts ≤ end, oldest first."""

    async def _close_more(self) -> None:
        """What else is open: here nothing."""
        return

    # ---- what is wanted ---------------------------------------------------------------------------------------

    @property
    def symbols(self) -> dict[str, str]:
        """Our symbols and what they are called at the venue."""
        return dict(self._wanted)

    def resume(self, position: str) -> None:
        """Nothing to resume: the venue does not repeat prints."""
        return

    def last_received(self, symbol: str) -> int:
        """When something last came for `symbol` (UTC ns by our clock); 0 if nothing has."""
        tracks = [self.tracks.get(self._wanted.get(each, "")) for each in (symbol, *self._twins.of(symbol))]
        return max((track.last_recv for track in tracks if track), default=0)

    async def subscribe(self, symbols: Iterable[str]) -> None:
        """Carry these too. One that is carried already is looked up again: a future may have rolled."""
        fresh: list[str] = []
        for symbol in symbols:
            present, now = self._wanted.get(symbol), self._resolve(symbol) or symbol
            if present == now:
                continue
            if present is not None:
                await self._roll(symbol, present, now)
            fresh.append(symbol)
        added = [name for name in map(self._take, fresh) if name]
        self._twins.learn(self.symbols)
        await self._ask_for(added)

    async def _ask_for(self, added: list[str]) -> None:
        if not added:
            return
        if len(added) == len(self._wanted):
            self._watchdog.begin(time.monotonic())
        await self._say(self._subscriptions(added))

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        dropped = [name for symbol in symbols if symbol in self._wanted and (name := self._drop(symbol))]
        self._twins.learn(self.symbols)
        await self._say(self._unsubscriptions([name for name in dropped if name in self.tracks]))
        for name in dropped:
            self.tracks.pop(name, None)
            self._room.leave(name)
        await self._ask_for([name for name in map(self._take, self._room.waiting) if name])

    async def close(self) -> None:
        self._is_closed = True
        self._closing.set()
        if self._line is not None:
            await self._line.close()
        await self._close_more()

    # ---- the stream -------------------------------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[Frame]:
        """What comes, frame by frame, for as long as it is iterated."""
        while not self._is_closed:
            connects = self.connects
            try:
                async for frame in self._connected_frames():
                    rolls, self._rolls = self._rolls, []
                    yield self._twins.spread([*rolls, *frame] if rolls else frame)
            except FeedError as error:
                if self._is_closed:
                    return
                self.last_error = error.detail
                if self.connects > connects:  # at once, so that no bar of the time that follows passes for whole
                    yield self._twins.spread(self._gaps(f"{self.name}: {error.detail}"))
                await self._rest(error)

    async def _connected_frames(self) -> AsyncIterator[Frame]:
        line = await self._open()
        self._line, self.is_connected = line, True
        self.connects += 1
        self._bad_frames = 0
        self._watchdog.begin(time.monotonic())
        for track in self.tracks.values():
            track.ledger.reset()
        logger.info("%s: connected, %d symbols", self.name, len(self._wanted))
        beside = [asyncio.create_task(each) for each in (self._watch(line), self._vouching.run())]
        try:
            await self._say(self._subscriptions(list(self.tracks)))
            if self.connects > 1:
                yield self._gaps(f"{self.name} was disconnected: {self.last_error}")
            while True:
                raw, received_at = await line.receive()
                frame = self._read(raw, received_at)
                if self._outgoing:
                    answers, self._outgoing = self._outgoing, []
                    await self._say(answers)
                if frame:
                    yield frame
        finally:
            self._line, self.is_connected = None, False
            await asyncio.gather(*(cancel(task) for task in beside))
            await line.close()

    def _read(self, raw: bytes, received_at: int) -> Frame:
        try:
            frame = self._translate(raw, received_at)
        except FeedProtocolError as error:
            return self._unreadable(error.detail)
        if frame and type(frame[-1]) is not SymbolFacts:  # these are repeated on every connection
            if self._backoff.attempt:
                self._backoff.reset()  # data, and only data, proves that the connection is good
            self._watchdog.data_came(time.monotonic())
        losses = self._losses(received_at)
        return [*frame, *losses] if losses else frame

    def _losses(self, now: int) -> list[FeedGap]:
        """Gaps that only the venue's own minutes show, sent beside the prints or from its history; looked for once a
        second, last in their frame."""
        if now < self._settle_at:
            return []
        self._settle_at = now + NS_PER_S
        found, self._vouching.losses = self._vouching.losses, []
        for name, track in self.tracks.items():
            hole = track.ledger.untold()
            if hole is not None:
                self._vouching.add(name, hole)
            loss = track.ledger.settle(now)
            if loss is not None:
                self.counts["minute with prints that never came"] += 1
                found.append(FeedGap(loss.until, track.name, f"{self.name}: {loss}", loss.missed, since=loss.since))
        return found

    def _unreadable(self, reason: str) -> Frame:
        """A frame was lost: nobody can say which symbols were in it, so all have a gap."""
        self.counts["unreadable frame"] += 1
        self._bad_frames += 1
        logger.warning("%s: %s", self.name, reason)
        if self._bad_frames >= _BAD_FRAMES:
            text = f"{self._bad_frames} frames of one connection could not be read; last: {reason}"
            raise FeedUnavailable(text)
        return self._gaps(f"a frame could not be read: {reason}")

    def _gaps(self, reason: str) -> Frame:
        now = time.time_ns()
        return [FeedGap(track.last_ts or now, track.name, reason) for track in self.tracks.values()]

    async def _rest(self, error: FeedError) -> None:
        """Between two connections; ends at once when the feed is closed."""
        at_least_s = getattr(error, "retry_after_s", 0.0)
        if isinstance(error, FeedUnauthorized):
            at_least_s = min(_UNAUTHORIZED_WAIT_S, self._settings.reconnect_cap_s * 2)
        delay_s = self._backoff.next_delay(at_least_s=at_least_s)
        logger.warning("%s: %s; connecting again in %.1f s", self.name, error.detail, delay_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), delay_s)

    async def _watch(self, line: StreamLine) -> None:
        """Give up a line that is silent although it looks alive; ask again for a symbol that fell silent."""
        pause_s = min(1.0, self._settings.mute_after_s / 4)
        while True:
            await asyncio.sleep(pause_s)
            now = time.monotonic()
            verdict = self._watchdog.verdict(now) if self.tracks else ""
            if verdict:
                line.give_up(verdict)
                return
            had = [(name, track) for name, track in self.tracks.items() if track.name not in self.refused]
            silent = self._watchdog.silent(now, time.time_ns(), had)
            if silent:
                logger.info("%s: silent, subscribed again: %s", self.name, ", ".join(silent))
                await self._say(self._subscriptions(silent))
                self._wonder(silent)

    def _wonder(self, silent: list[str]) -> None:
        """Whether these had nothing to say, only the history tells."""
        venue_now = max(track.last_ts for track in self.tracks.values())
        for name in silent:
            hole = self.tracks[name].ledger.untold(venue_now) if name in self.tracks else None
            if hole is not None:
                self._vouching.add(name, hole)

    async def _minutes_of(self, symbol: str, start: int, end: int) -> list[Bar]:
        return await self.history(symbol, "1", start=start, end=end)

    # ---- for a venue's own --------------------------------------------------------------------------------------

    def _take(self, symbol: str) -> str | None:
        """Follow `symbol` from now on; the venue's name for it, None where it has none or is followed already."""
        venue_name = self._resolve(symbol)
        self._wanted[symbol] = venue_name or symbol
        if venue_name is None:
            self._room.refuse(symbol, "this venue has no such symbol")
            return None
        if not self._room.take(symbol, venue_name, part=self._part_of(symbol)):
            return None
        if venue_name in self.tracks:
            return None
        grace_ns = int(self._settings.loss_grace_s * NS_PER_S)
        self.tracks[venue_name] = SymbolTrack(symbol, MinuteLedger(grace_ns=grace_ns, tolerance=self.volume_tolerance))
        return venue_name

    def _part_of(self, symbol: str) -> str:
        """The part of the line whose symbols are counted together: here all of it."""
        return ""

    async def _roll(self, symbol: str, before: str, now: str) -> None:
        """What we call `symbol` is another contract from here on."""
        logger.info("%s: %s rolls from %s to %s", self.name, symbol, before, now)
        track = self.tracks.get(before)
        if not self._twins.of(symbol):
            self._room.rename(before, now)  # nobody who waits takes it meanwhile
        await self.unsubscribe([symbol])
        self._rolls.append(roll_of(symbol, before, now, ts=track.last_ts if track else 0))

    def _drop(self, symbol: str) -> str | None:
        """Follow `symbol` no more; the venue's name for it, None where another of our symbols is called so."""
        venue_name, heir = give_up(self._wanted, symbol)
        self._room.forget(symbol)
        if heir is None:
            return venue_name
        if venue_name in self.tracks:
            self.tracks[venue_name].name = heir
        return None

    def _say_later(self, frames: Iterable[bytes]) -> None:
        """Send after the frame that is being read."""
        self._outgoing += frames

    def _leave_out(self, reason: str) -> None:
        if reason not in self.counts:
            logger.warning("%s: left out: %s (said once, counted on)", self.name, reason)
        self.counts[reason] += 1

    async def _say(self, frames: Iterable[bytes]) -> None:
        """Send; a broken line is no error here: reconnecting says it all again."""
        if self._line is not None:
            with suppress(FeedUnavailable):
                await self._line.send(frames)
