"""One symbol's prints in; every bar they complete out, in one numbered order for all timeframes."""

from collections.abc import Iterable, Iterator

import msgspec

from engine.bars.aggregators import PassThrough, aggregator, remembering
from engine.bars.builder import NEVER, BarBuilder, Run
from engine.bars.lane import Lane, LaneState
from engine.bars.timeframe import canonical, parse_timeframe
from engine.errors import Conflict, NotFound, SnapshotIncompatible
from engine.instruments.sessions import SessionOf, utc_day
from engine.model.market import Bar, MarketEvent, PartialBar, Tick, TimeAdvanced

_VERSION = 1
_RUN = 1024  # prints that wait at most before they are counted in: bounds memory, never changes a bar


class _Snapshot(msgspec.Struct):
    version: int
    symbol: str
    exclude: int
    seq: int
    late: int
    clock: int
    last: Tick | None
    lanes: dict[str, LaneState]


class Expander:
    """Makes the bars of one symbol in several timeframes at once.

    `seq` is the number of the last bar or partial given out; the next gets `seq + 1`. `session` anchors the trading
    day, tick and volume bars (the UTC day if none is given). `exclude` is a mask of `Tick.conditions`: a print that
    has one of the bits counts in volume and number, but not in the prices. `source` and `quality` label the bars.

    `late` counts prints that came after their bar was given out; they change nothing.
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
    ) -> None:
        self.symbol = symbol
        self.seq = seq
        self.late = 0
        self._session = remembering(session or utc_day)
        self._exclude = exclude
        self._source = source
        self._quality = quality
        self._run = Run()
        self._prices, self._sizes = self._run.prices, self._run.sizes
        self._last: Tick | None = None
        self._clock = -1
        self._vendor: dict[str, PassThrough] = {}
        self._lanes: list[Lane] = []
        self._floor = self._due = self._limit = 0
        for timeframe in timeframes:
            self._insert(timeframe)
        self._aim()

    @property
    def timeframes(self) -> list[str]:
        """Canonical, in the order in which bars of one instant come out."""
        return [lane.text for lane in self._lanes]

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
        if self._floor <= ts < self._due and self._limit:
            return []
        self._fold()
        self._see(ts)
        out = self._end_by_time(ts, ts_recv)
        self._aim()
        return out

    def on_bar(self, bar: Bar) -> list[Bar]:
        """The vendor's own bar, numbered; again with quality "revised" if it changes one given before."""
        timeframe = canonical(bar.timeframe)
        quality = self._vendor.setdefault(timeframe, PassThrough()).quality(bar)
        if quality is None:
            return []
        self.seq += 1
        return [msgspec.structs.replace(bar, timeframe=timeframe, quality=quality, seq=self.seq)]

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
        self._aim()
        last = self._last
        if last is None:
            return []
        touched = [(lane, lane.state.bar) for lane in self._lanes if lane.state.is_touched]
        return [self._partial(lane, bar, last, ts_recv) for lane, bar in touched if bar]

    def flush(self) -> list[Bar]:
        """End of data: every forming bar as if its time had come; short tick and volume bars are not complete."""
        self._fold()
        out = self._end_by_time(NEVER, 0)
        self._aim()
        return out

    def gap(self) -> None:
        """Prints were lost just now: forming bars are gapped, and the next ones incomplete until a whole period."""
        self._fold()
        for lane in self._lanes:
            lane.lose()
        self._aim()

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
        self._aim()

    # ---- state ------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state; an expander that restores it continues as if nothing had happened."""
        self._fold()
        self._aim()
        lanes = {lane.text: lane.state for lane in self._lanes}
        return msgspec.msgpack.encode(
            _Snapshot(_VERSION, self.symbol, self._exclude, self.seq, self.late, self._clock, self._last, lanes)
        )

    def restore(self, data: bytes) -> None:
        """Take over a snapshot of the same symbol. A timeframe that is not in it begins as if added just then; one
        that is only in it is left out."""
        try:
            found = msgspec.msgpack.decode(data, type=_Snapshot)
        except msgspec.DecodeError as error:
            raise SnapshotIncompatible(f"{self.symbol}: not a snapshot of bars: {error}") from error
        mine = (_VERSION, self.symbol, self._exclude)
        if (found.version, found.symbol, found.exclude) != mine:
            raise SnapshotIncompatible(
                f"bars: expected a snapshot of version, symbol and excluded conditions {mine}, "
                f"found {(found.version, found.symbol, found.exclude)}"
            )
        self._run.clear()
        self.seq, self.late, self._clock, self._last = found.seq, found.late, found.clock, found.last
        fresh = found.clock + 1 if found.clock >= 0 else None
        for lane in self._lanes:
            lane.state = found.lanes.get(lane.text) or LaneState(seen_since=fresh)
        self._aim()

    # ---- inside -----------------------------------------------------------------------------------------------

    def _insert(self, timeframe: str) -> Lane:
        parsed = parse_timeframe(timeframe)
        if parsed.text in self.timeframes:
            raise Conflict(f"{self.symbol} has the timeframe {parsed.text!r} already", field="timeframe")
        lane = Lane(aggregator(parsed, self._session))
        self._lanes.append(lane)
        self._lanes.sort(key=lambda each: each.aggregator.timeframe.order)
        return lane

    def _boundary(self, tick: Tick) -> list[Bar]:
        """One print, where something may begin or end."""
        self._fold()
        self._see(tick.ts)
        self._last = tick
        out = self._end_by_time(tick.ts, tick.ts_recv)
        is_priced = not tick.conditions & self._exclude
        for lane in self._lanes:
            if not lane.take(tick, is_priced=is_priced):
                self.late += 1
            elif lane.is_full:
                out.append(self._bar(lane, max(tick.ts, lane.state.last_ts), tick.ts_recv))
        self._aim()
        return out

    def _wait_unpriced(self, tick: Tick) -> None:
        other = self._run.other_prices
        other.append(tick.price)
        self._run.other_sizes.append(tick.size)
        if len(other) >= _RUN:
            self._fold()
            self._aim()

    def _see(self, ts: int) -> None:
        self._clock = max(self._clock, ts)
        for lane in self._lanes:
            if lane.state.seen_since is None:
                lane.state.seen_since = ts

    def _fold(self) -> None:
        if not self._run:
            return
        if self._last is not None:
            self._clock = max(self._clock, self._last.ts)
        self._run.sum_up()
        for lane in self._lanes:
            lane.fold(self._run)
        self._run.clear()

    def _end_by_time(self, ts: int, ts_recv: int) -> list[Bar]:
        if ts < self._due:
            return []
        ended = sorted((lane for lane in self._lanes if lane.state.bar and lane.due <= ts), key=lambda lane: lane.due)
        return [self._bar(lane, lane.due, ts_recv) for lane in ended]

    def _aim(self) -> None:
        """Find out how far the hot path may run before something begins or ends."""
        self._floor = max((lane.floor for lane in self._lanes), default=-1)
        self._due = min((lane.due for lane in self._lanes), default=NEVER)
        self._limit = min((lane.room for lane in self._lanes), default=_RUN)
        self._limit = min(self._limit, _RUN)

    def _bar(self, lane: Lane, ts: int, ts_recv: int) -> Bar:
        built: BarBuilder = lane.finish(ts)
        prices = built.prices
        self.seq += 1
        return Bar(
            ts=ts,
            symbol=self.symbol,
            timeframe=lane.text,
            ts_open=built.ts_open,
            open=prices.open,
            high=prices.high,
            low=prices.low,
            close=prices.close,
            volume=built.volume,
            trade_count=built.trade_count,
            vwap=built.vwap,
            is_complete=built.is_complete and not built.is_gapped and bool(built.priced.count),
            source=self._source,
            quality="gapped" if built.is_gapped else self._quality,
            ts_recv=ts_recv,
            seq=self.seq,
        )

    def _partial(self, lane: Lane, bar: BarBuilder, last: Tick, ts_recv: int) -> PartialBar:
        prices = bar.prices
        high, low = lane.state.high_since, lane.state.low_since
        lane.shown()
        self.seq += 1
        return PartialBar(
            ts=last.ts,
            symbol=self.symbol,
            timeframe=lane.text,
            ts_open=bar.ts_open,
            open=prices.open,
            high=prices.high,
            low=prices.low,
            close=prices.close,
            volume=bar.volume,
            trade_count=bar.trade_count,
            high_since=high if high >= low else prices.close,
            low_since=low if high >= low else prices.close,
            fill=lane.aggregator.fill(bar, last.ts),
            bid=last.bid,
            ask=last.ask,
            ts_recv=ts_recv,
            seq=self.seq,
        )
