"""One symbol's prints in; every bar they complete out, in one numbered order for all timeframes."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from engine.bars.aggregators import INFINITE, NO_LIMIT, aggregator, remembering
from engine.bars.builder import NEVER, BarBuilder, Run
from engine.bars.correct import admit_late, amend
from engine.bars.events import bar_of, partial_of
from engine.bars.lane import Lane, LaneState
from engine.bars.state import ExpanderState, decode, encode
from engine.bars.timeframe import TimeframeKind, canonical, parse_timeframe
from engine.bars.vendor import VendorBars
from engine.errors import Conflict, NotFound
from engine.instruments.sessions import SessionOf, utc_day
from engine.model.market import Bar, MarketEvent, PartialBar, Tick, TimeAdvanced

_Made = TypeVar("_Made", Bar, PartialBar)
_RUN = 1024  # prints that wait at most before they are counted in: bounds memory, never changes a bar


class Expander:
    """Makes the bars of one symbol in several timeframes at once.

    `seq` is the number of the last bar or partial given out; the next gets `seq + 1`. `session` anchors the trading
    day, tick and volume bars (the UTC day if none is given). `exclude` is a mask of `Tick.conditions`: a print that
    has one of the bits counts in volume and number, but not in the prices. `source` and `quality` label the bars.

    Of the timeframes in `passed` the vendor makes the bars, later, and those that can be are put together of them:
    of prints these timeframes only form, as partials, and end unseen.

    `late` counts prints that came after a bar of theirs was given out. They change nothing there, or, with
    `revises_late`, the bar comes again as "revised" where it is one of the last.
    """

    def __init__(
        self,
        symbol: str,
        timeframes: Iterable[str],
        *,
        seq: int = 0,
        session: SessionOf | None = None,
        exclude: int = 0,
        source: str = "",
        quality: str = "built",
        revises_late: bool = False,
        passed: frozenset[str] = frozenset(),
    ) -> None:
        self.symbol = symbol
        self.seq = seq
        self.late = 0
        self._session = remembering(session or utc_day)
        self._exclude = exclude
        self._source = source
        self._quality = quality
        self._revises_late = revises_late
        self._run = Run()
        self._prices, self._sizes = self._run.prices, self._run.sizes
        self._last: Tick | None = None
        self._clock = -1
        self._vendor = VendorBars(symbol, passed=passed, source=source)
        self._lanes: list[Lane] = []
        self._floor = self._due = self._room = self._limit = 0
        self._volume_room = INFINITE
        self._has_volume = False
        for timeframe in timeframes:
            self._insert(timeframe)
        self._aim()

    @property
    def timeframes(self) -> list[str]:
        """Canonical, in the order in which bars of one instant come out."""
        return [lane.text for lane in self._lanes]

    @property
    def is_composing(self) -> bool:
        """Whether bars are put together of the vendor's."""
        return self._vendor.is_composing

    @property
    def clock(self) -> int:
        """The latest ts that was seen; −1 before the first."""
        return self._last.ts if self._last is not None and self._last.ts > self._clock else self._clock

    # ---- events in, bars out ----------------------------------------------------------------------------------

    def on_tick(self, tick: Tick) -> list[Bar]:
        """The bars that end because of `tick`: first those it comes after, then those it fills."""
        if self._floor <= tick.ts < self._due and len(self._prices) < self._limit:
            # Nothing can begin or end: the print only waits to be counted in.
            if tick.conditions & self._exclude:
                self._wait_unpriced(tick)
            else:
                self._prices.append(tick.price)
                self._sizes.append(tick.size)
            self._last = tick
            return []
        return self._boundary(tick)

    def feed(self, ticks: Iterable[Tick]) -> list[Bar]:
        """The same as `on_tick` for each of `ticks`, faster."""
        out: list[Bar] = []
        prices, sizes, exclude = self._prices, self._sizes, self._exclude
        add_price, add_size = prices.append, sizes.append
        floor, due, limit = self._floor, self._due, self._limit
        for tick in ticks:
            if floor <= tick.ts < due and len(prices) < limit:
                if exclude and tick.conditions & exclude:
                    self._wait_unpriced(tick)
                    limit = self._limit  # a full run was counted in
                else:
                    add_price(tick.price)
                    add_size(tick.size)
                self._last = tick
                continue
            out += self._boundary(tick)
            floor, due, limit = self._floor, self._due, self._limit
        return out

    def on_time(self, ts: int, *, ts_recv: int = 0) -> list[Bar]:
        """The bars that end because time has come to `ts`."""
        if self._floor <= ts < self._due and (self._limit or self._due != NEVER):
            return []  # and nothing changes: recordings know of no time that ended nothing
        self._fold()
        self._see(ts, is_proof=not self._vendor.is_composing)
        out = self._end_by_time(ts, ts_recv)
        self._aim()
        return out

    def on_bar(self, bar: Bar) -> list[Bar]:
        """The vendor's own bar and the coarser ones it ends; what changes one given before is "revised"."""
        wanted = self.timeframes
        out = self._numbered(each for each in self._vendor.on_bar(bar) if each.timeframe in wanted)
        self._aim()
        return out

    def expand(self, events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """Each event, preceded by the bars that end because of it."""
        for event in events:
            if isinstance(event, Tick):
                yield from self.on_tick(event)
            elif isinstance(event, TimeAdvanced):
                yield from self.on_time(event.ts)
            yield event

    def partials(self, ts_recv: int = 0) -> list[PartialBar]:
        """One partial per timeframe whose forming bar got a print since the last call, smaller timeframe first."""
        self._fold()
        last = self._last
        if last is None:
            return self._numbered(self._vendor.partials(ts_recv))
        out: list[PartialBar] = []
        for lane in self._lanes:
            state = lane.state
            if state.is_touched and state.bar is not None:
                self.seq += 1
                out.append(partial_of(lane, state.bar, last, self.symbol, ts_recv, self.seq))
        return out

    def flush(self) -> list[Bar]:
        """End of data: every forming bar as if its time had come; short tick and volume bars are not complete."""
        self._fold()
        out = self._end_by_time(NEVER, 0)
        self._aim()
        return out

    def correct(self, original: Tick, replacement: Tick | None = None) -> list[Bar]:
        """The venue took `original` back, or put `replacement` in its place: the bars this changes, once more.

        A forming bar changes silently. One of the last bars given out comes again as "revised", or as "gapped" where
        its prices are in doubt; an older one, or one from before a restart, only a new look at history can mend.
        """
        self._fold()
        is_priced = not original.conditions & self._exclude
        came = None if replacement is None else (replacement.price, replacement.size)
        out: list[Bar] = []
        for lane in self._lanes:
            forming = lane.state.bar
            if forming is not None and forming.ts_open <= original.ts:
                if not amend(forming, is_priced=is_priced, gone=(original.price, original.size), came=came):
                    forming.is_gapped = True
                continue
            out += self._revise(lane, original, came, is_priced=is_priced)
        self._aim()
        return out

    def gap(self, *, since: int | None = None) -> list[Bar]:
        """Prints were lost: forming bars are gapped, and the next ones incomplete until a whole period.

        `since`: the ts up to which everything is there. The bars given out that end after it come again, as "gapped".
        """
        self._fold()
        for lane in self._lanes:
            lane.lose()
        self._vendor.lose()
        self._aim()
        return [] if since is None else self._doubt(since) + self._numbered(self._vendor.doubt(since))

    def forget_given(self) -> None:
        """Bars given out so far can no longer be corrected, as after a restart."""
        for lane in self._lanes:
            lane.recent.clear()

    # ---- timeframes -------------------------------------------------------------------------------------------

    def add(self, timeframe: str) -> None:
        """Begin a timeframe; the others do not notice. Its first bar is complete only if it begins from now on."""
        self._fold()
        lane = self._insert(timeframe)
        if self._clock >= 0:
            lane.state.seen_since = self._clock + 1
        self._aim()

    def remove(self, timeframe: str) -> None:
        """End a timeframe; its forming bar is dropped."""
        self._fold()
        text = canonical(timeframe)
        if text not in self.timeframes:
            raise NotFound(f"{self.symbol} has no timeframe {text!r}; it has {self.timeframes}", field="timeframe")
        self._lanes = [lane for lane in self._lanes if lane.text != text]
        self._vendor.remove(text)
        self._aim()

    # ---- state ------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state; an expander that restores it continues as if nothing had happened."""
        self._fold()
        lanes, composed = {lane.text: lane.state for lane in self._lanes}, self._vendor.states()
        return encode(
            ExpanderState(self.symbol, self._exclude, self.seq, self.late, self._clock, self._last, lanes, composed)
        )

    def restore(self, data: bytes) -> None:
        """Take over a snapshot of the same symbol. A timeframe that is not in it begins as if added just then; one
        that is only in it is left out."""
        found = decode(data, symbol=self.symbol, exclude=self._exclude)
        self._run.clear()
        self.seq, self.late, self._clock, self._last = found.seq, found.late, found.clock, found.last
        fresh = found.clock + 1 if found.clock >= 0 else None
        for lane in self._lanes:
            lane.state = found.lanes.get(lane.text) or LaneState(seen_since=fresh)
        self._vendor.restore(found.composed)
        self._aim()

    # ---- inside -----------------------------------------------------------------------------------------------

    def _insert(self, timeframe: str) -> Lane:
        parsed = parse_timeframe(timeframe)
        if parsed.text in self.timeframes:
            raise Conflict(f"{self.symbol} has the timeframe {parsed.text!r} already", field="timeframe")
        lane = Lane(aggregator(parsed, self._session))
        self._lanes.append(lane)
        self._lanes.sort(key=lambda each: each.aggregator.timeframe.order)
        self._vendor.insert(lane.aggregator)
        return lane

    def _boundary(self, tick: Tick) -> list[Bar]:
        """One print, where something may begin or end."""
        if self._has_volume and self._runs_ahead(tick):
            return []
        self._fold()
        self._see(tick.ts)
        out = self._end_by_time(tick.ts, tick.ts_recv)
        is_priced = not tick.conditions & self._exclude
        taken = [lane for lane in self._lanes if lane.take(tick, is_priced=is_priced)]
        if taken or not self._lanes:
            self._last = tick
        if len(taken) < len(self._lanes):
            out = self._came_late(tick, taken) + out
        out += [self._bar(lane, lane.close_at(tick.ts), tick.ts_recv) for lane in taken if lane.is_full]
        self._aim()
        return out

    def _runs_ahead(self, tick: Tick) -> bool:
        """The hot path of those who have volume bars: whether the print can wait, because its size ends none."""
        left = self._volume_room - tick.size
        if left <= 0 or not self._floor <= tick.ts < self._due or len(self._prices) >= min(self._room, _RUN):
            return False
        if tick.conditions & self._exclude:
            self._wait_unpriced(tick)
        else:
            self._prices.append(tick.price)
            self._sizes.append(tick.size)
        self._volume_room = left
        self._last = tick
        return True

    def _wait_unpriced(self, tick: Tick) -> None:
        other = self._run.other_prices
        other.append(tick.price)
        self._run.other_sizes.append(tick.size)
        if len(other) >= _RUN:
            self._fold()

    def _see(self, ts: int, *, is_proof: bool = True) -> None:
        """Time has come to `ts`; unless the vendor's bars are all that may come, prints were listened to by then."""
        self._clock = max(self._clock, ts)
        for lane in self._lanes if is_proof else ():
            if lane.state.seen_since is None:
                lane.state.seen_since = ts

    def _fold(self) -> None:
        """Count the waiting prints into every lane. Where the next bar ends does not change by that."""
        run, count = self._run, len(self._prices)
        if not run:
            return
        if self._last is not None and self._last.ts > self._clock:
            self._clock = self._last.ts
        self._room = max(self._room - count, 0)
        self._limit = 0 if self._has_volume else min(self._room, _RUN)
        if count == 1 and not run.other_prices:
            for lane in self._lanes:
                lane.fold_one(run.prices[0], run.sizes[0])
        else:
            run.sum_up()
            for lane in self._lanes:
                lane.fold(run)
        run.clear()

    def _revise(self, lane: Lane, original: Tick, came: tuple[float, float] | None, *, is_priced: bool) -> list[Bar]:
        found = lane.given_out(original.ts)
        if found is None:
            return []
        index, bar, built = found
        is_exact = amend(built, is_priced=is_priced, gone=(original.price, original.size), came=came)
        built.is_gapped |= not is_exact
        return [self._again(lane, index, bar, built, original.ts_recv)]

    def _came_late(self, tick: Tick, taken: list[Lane]) -> list[Bar]:
        """A print whose bar was given out already, in the lanes that could not take it."""
        self.late += 1
        if not self._revises_late:
            return []
        is_priced = not tick.conditions & self._exclude
        out: list[Bar] = []
        for lane in self._lanes:
            found = None if lane in taken else lane.given_out(tick.ts)
            if found is not None:
                index, bar, built = found
                admit_late(built, ts=tick.ts, is_priced=is_priced, price=tick.price, size=tick.size)
                out.append(self._again(lane, index, bar, built, tick.ts_recv))
        return out

    def _doubt(self, since: int) -> list[Bar]:
        out: list[Bar] = []
        for lane in self._lanes:
            for index, (bar, built) in enumerate(lane.recent):
                if bar.ts > since and not built.is_gapped:
                    built.is_gapped = True
                    out.append(self._again(lane, index, bar, built, bar.ts_recv))
        return out

    def _again(self, lane: Lane, index: int, bar: Bar, built: BarBuilder, ts_recv: int) -> Bar:
        again = self._made(lane, built, bar.ts, ts_recv, quality="revised")
        lane.recent[index] = (again, built)
        return again

    def _end_by_time(self, ts: int, ts_recv: int) -> list[Bar]:
        if ts < self._due:
            return []
        ended = sorted((lane for lane in self._lanes if lane.state.bar and lane.due <= ts), key=lambda lane: lane.due)
        unseen = self._vendor.makes
        for lane in (lane for lane in ended if lane.text in unseen):
            lane.finish(lane.due)
        out = [self._bar(lane, lane.due, ts_recv) for lane in ended if lane.text not in unseen]
        return out + self._numbered(self._vendor.on_time(ts, ts_recv))

    def _aim(self) -> None:
        """Find out how far the hot path may run before something begins or ends."""
        self._floor = max((lane.floor for lane in self._lanes), default=-1)
        self._due = min(self._vendor.due, min((lane.due for lane in self._lanes), default=NEVER))
        self._room = min((lane.room for lane in self._lanes), default=NO_LIMIT)
        self._has_volume = any(lane.aggregator.timeframe.kind is TimeframeKind.VOLUME for lane in self._lanes)
        self._volume_room = min((lane.volume_room for lane in self._lanes), default=INFINITE)
        self._limit = 0 if self._has_volume else min(self._room, _RUN)

    def _numbered(self, made: Iterable[_Made]) -> list[_Made]:
        out = []
        for each in made:
            self.seq += 1
            out.append(msgspec.structs.replace(each, seq=self.seq))
        return out

    def _bar(self, lane: Lane, ts: int, ts_recv: int) -> Bar:
        built = lane.finish(ts)
        built.newest = self._last.ts if self._last is not None else built.ts_open
        bar = self._made(lane, built, ts, ts_recv, quality=self._quality)
        lane.remember(bar, built)
        return bar

    def _made(self, lane: Lane, built: BarBuilder, ts: int, ts_recv: int, *, quality: str) -> Bar:
        self.seq += 1
        return bar_of(
            built, ts=ts, symbol=self.symbol, timeframe=lane.text, source=self._source, quality=quality,
            ts_recv=ts_recv, seq=self.seq,
        )  # fmt: skip
