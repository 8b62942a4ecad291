"""The hub: moves market time forward and feeds every lane once, however many connections listen."""

from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.model.time import NS_PER_MINUTE
from simulators.candles import history
from simulators.dxlink import slow
from simulators.dxlink.events import (
    PRINT_EVENTS,
    STREAM_EVENTS,
    MinuteColumns,
    candle_mark,
    encode_event,
)
from simulators.dxlink.lanes import CandleLane, Lane, PrintLane, Shape, Sink, SlowLane
from simulators.dxlink.symbols import parse_candle_symbol
from simulators.faults import FaultBoard
from simulators.market import Market, SymbolMarket

SNAPSHOT_BEGIN, SNAPSHOT_END, SNAPSHOT_SNIP, REMOVE = 0x04, 0x08, 0x10, 0x02


class SymbolFeed:
    """One symbol's position in its prints, and the lanes that want them."""

    def __init__(self, market: SymbolMarket, *, now: int) -> None:
        self.market = market
        self.lanes: dict[tuple[str, Shape], PrintLane | CandleLane] = {}
        self.served = 0
        self._columns = MinuteColumns(market, now // NS_PER_MINUTE)
        self._next: MinuteColumns | None = None
        self._position = bisect_right(self._columns.ts, now)

    def advance(self, now: int) -> None:
        """Serve the prints up to `now`."""
        while True:
            columns, first = self._columns, self._position
            last = bisect_right(columns.ts, now, lo=first)
            if last > first:
                self._position = last
                self.served += last - first
                for lane in self.lanes.values():
                    lane.prints(columns, first, last)
            if now < (columns.minute + 1) * NS_PER_MINUTE:
                return
            self._columns, self._position = self._take_next(columns.minute + 1), 0

    def prepare(self) -> bool:
        """Make the next minute ahead of its time; False if it is there already."""
        if self._next is not None:
            return False
        self._next = MinuteColumns(self.market, self._columns.minute + 1)
        for lane in self.lanes.values():
            lane.warm(self._next)
        return True

    def _take_next(self, minute: int) -> MinuteColumns:
        columns, self._next = self._next, None
        return columns if columns is not None and columns.minute == minute else MinuteColumns(self.market, minute)


class Hub:
    """All feeds, at one market time (`cursor`): what was served and what a new subscriber gets cannot disagree."""

    def __init__(self, market: Market, faults: FaultBoard, *, now: int) -> None:
        self.cursor = now
        self.market = market
        self._faults = faults
        self._feeds: dict[str, SymbolFeed] = {}
        self._slow: dict[tuple[str, Shape], SlowLane] = {}
        self._served_before = 0  # by feeds nobody listens to any more

    @property
    def symbols(self) -> int:
        """How many have a listener."""
        return len(self._feeds)

    @property
    def served(self) -> int:
        """Prints served since the start, once each however many channels got them."""
        return self._served_before + sum(feed.served for feed in self._feeds.values())

    def advance(self, now: int) -> None:
        if now <= self.cursor:
            return
        self.cursor = now
        for feed in self._feeds.values():
            feed.advance(now)

    def prepare(self, at_most: int) -> None:
        """Make the next minute of up to `at_most` symbols."""
        for feed in self._feeds.values():
            if feed.prepare():
                at_most -= 1
                if at_most <= 0:
                    return

    def refresh_slow(self) -> None:
        for lane in self._slow.values():
            lane.refresh(self.cursor)

    def attach(self, sink: Sink, shape: Shape, symbol: str) -> Lane | None:
        """Feed `sink` with `symbol`; None for what this market does not have: silence, as at dxFeed. The present
        value is pushed at once (candles: see `snapshot`)."""
        if shape.event == "Candle":
            return self._attach_candle(sink, shape, symbol)
        market = self.market.find(symbol)
        if shape.event in PRINT_EVENTS and market:
            return self._attach_prints(sink, shape, market)
        return self._attach_slow(sink, shape, symbol)

    def detach(self, sink: Sink, lane: Lane) -> None:
        lane.sinks.remove(sink)
        if lane.sinks:
            return
        self._slow = {key: kept for key, kept in self._slow.items() if kept is not lane}
        feed = self._feeds.get(lane.symbol)
        if feed is not None:
            feed.lanes = {key: kept for key, kept in feed.lanes.items() if kept is not lane}
            if not feed.lanes:
                self._served_before += self._feeds.pop(lane.symbol).served

    def snapshot(self, lane: Lane | None, shape: Shape, symbol: str, *, from_time: int) -> list[bytes]:
        """A Candle symbol's history as fragments, newest first, flagged; what is unknown is an empty snapshot."""
        if isinstance(lane, CandleLane):
            candles, truncated = history(lane.market, lane.spec, start_ms=from_time, now=self.cursor)
            if candles:
                flags = [0] * len(candles)
                flags[-1] = SNAPSHOT_SNIP if truncated else 0
                flags[0] |= SNAPSHOT_BEGIN
                fragments = [lane.fragment(candle, flag) for candle, flag in zip(reversed(candles), flags, strict=True)]
                return fragments if truncated else [*fragments, _mark(shape, symbol, from_time, SNAPSHOT_END | REMOVE)]
        return [_mark(shape, symbol, from_time, SNAPSHOT_BEGIN | SNAPSHOT_END | REMOVE)]

    def _feed(self, market: SymbolMarket) -> SymbolFeed:
        symbol = market.listing.symbol
        if symbol not in self._feeds:
            self._feeds[symbol] = SymbolFeed(market, now=self.cursor)
        return self._feeds[symbol]

    def _attach_prints(self, sink: Sink, shape: Shape, market: SymbolMarket) -> Lane:
        symbol = market.listing.symbol
        lane = self._feed(market).lanes.setdefault((symbol, shape), PrintLane(symbol, shape, self._faults))
        lane.sinks.append(sink)
        fragment = None if shape.event in STREAM_EVENTS else self._last_value(market, shape)
        if fragment is not None:
            sink.push(shape.event, symbol, [fragment])
        return lane

    def _last_value(self, market: SymbolMarket, shape: Shape) -> bytes | None:
        regular = {"Trade": True, "TradeETH": False}.get(shape.event)
        if regular and market.listing.symbol.startswith("/"):
            regular = None  # futures print as Trade around the clock
        found = market.last(self.cursor, regular=regular)
        if found is None:
            return None
        columns = MinuteColumns(market, int(found.prints.ts[found.first]) // NS_PER_MINUTE)
        if not columns.has(shape.event):
            return None
        return columns.encoded(shape.event, shape.fields, found.first, found.last, compact=shape.compact)[0]

    def _attach_candle(self, sink: Sink, shape: Shape, symbol: str) -> Lane | None:
        parsed = parse_candle_symbol(symbol)
        market = self.market.find(parsed.base) if parsed else None
        if parsed is None or parsed.spec is None or market is None:
            return None
        lanes, key = self._feed(market).lanes, (parsed.canonical, shape)
        if key not in lanes:
            spec, now = parsed.spec, self.cursor
            lanes[key] = CandleLane(parsed.canonical, shape, self._faults, spec=spec, market=market, now=now)
        lanes[key].sinks.append(sink)
        return lanes[key]

    def _attach_slow(self, sink: Sink, shape: Shape, symbol: str) -> Lane | None:
        make = self._slow_maker(shape.event, symbol)
        if make is None:
            return None
        lane = self._slow.setdefault((symbol, shape), SlowLane(symbol, shape, self._faults, make=make))
        lane.sinks.append(sink)
        sink.push(shape.event, symbol, [lane.fragment(self.cursor)])
        return lane

    def _slow_maker(self, event: str, symbol: str) -> Callable[[int], dict[str, Any]] | None:
        market = self.market.find(symbol)
        if event == "Summary" and market:
            return partial(slow.summary, market, symbol)
        if event == "Profile" and market:
            return lambda now: slow.profile(market, symbol)
        option = slow.find_option(self.market, symbol)
        if option is None:
            return None
        return {"Greeks": option.greeks, "Quote": option.quote}.get(event)


def _mark(shape: Shape, symbol: str, from_time: int, flags: int) -> bytes:
    return encode_event("Candle", candle_mark(symbol, from_time, flags), shape.fields, compact=shape.compact)
