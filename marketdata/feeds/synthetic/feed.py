"""The synthetic feed: an invented market at the pace of the clock, without a socket, an account or a key."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime

import msgspec

from engine.bars.columns import build_columns
from engine.bars.timeframe import TimeframeKind, parse_timeframe
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from engine.model.market import Bar, Quote, Tick
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, from_datetime
from marketdata.feeds.registry import FEEDS, FeedKind, FeedSetup, Frame
from marketdata.feeds.synthetic.generator import InventedMarket
from marketdata.feeds.synthetic.limits import limits
from marketdata.feeds.synthetic.options import SyntheticOptions

_PACE_S = 0.02
_LONGEST_NS = NS_PER_MINUTE  # of market time in one frame


class SyntheticFeed:
    """A `Feed` whose prints are a pure function of seed, symbol and time: whoever subscribes when sees the same ones.

    Market time runs from `start`, or now, at `speed`, from when `frames` is first iterated.
    """

    is_resumable = False
    has_own_history = True
    position: str | None = None
    last_error = ""

    def __init__(self, name: str, options: SyntheticOptions) -> None:
        self.name = name
        self.options = options
        self.speed = options.speed
        self.is_connected = False
        self.connects = 0
        self._begin = _moment(options.start)
        self._begun: tuple[float, int] | None = None  # monotonic seconds, and the market time then
        self._wanted: dict[str, InventedMarket | None] = {}
        self._last: dict[str, int] = {}
        self._closing = asyncio.Event()

    @property
    def symbols(self) -> dict[str, str]:
        return {symbol: symbol for symbol in self._wanted}

    def now(self) -> int:
        """The market's time, UTC ns."""
        self._begun = self._begun or (time.monotonic(), self._begin or time.time_ns())
        return self._begun[1] + int((time.monotonic() - self._begun[0]) * self.speed * NS_PER_S)

    def resume(self, position: str) -> None:
        """Nothing to resume: the market goes on without us."""

    def last_received(self, symbol: str) -> int:
        return self._last.get(symbol, 0)

    async def subscribe(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._wanted.setdefault(symbol, self._market(symbol))

    async def unsubscribe(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            self._wanted.pop(symbol, None)
            self._last.pop(symbol, None)

    async def close(self) -> None:
        self._closing.set()

    async def frames(self) -> AsyncIterator[Frame]:
        """The prints as market time passes, all symbols together by time."""
        cursor = self.now()
        self.is_connected, self.connects = True, self.connects + 1
        try:
            while not self._closing.is_set():
                end = min(self.now(), cursor + _LONGEST_NS)
                frame = list(self._between(cursor, end))
                cursor = end
                if frame:
                    yield frame
                if self.now() - cursor < _LONGEST_NS:
                    await asyncio.sleep(_PACE_S)
        finally:
            self.is_connected = False

    async def history(self, symbol: str, timeframe: str, *, start: int, end: int) -> list[Bar]:
        """Bars of the same prints, as far back as `history_hours`."""
        market = self._market(symbol)
        if market is None:
            return []
        return await asyncio.to_thread(self._bars, market, timeframe, start, min(end, self.now()))

    def _market(self, symbol: str) -> InventedMarket | None:
        """None for one that does not exist here."""
        listed = self.options.symbols
        return InventedMarket(symbol, self.options) if not listed or symbol in listed else None

    def _between(self, start: int, end: int) -> Iterator[Tick | Quote]:
        """What is printed with start ≤ ts < end; each symbol's newest quote first."""
        recv = time.time_ns()
        ticks: list[Tick] = []
        for symbol, market in self._wanted.items():
            found = list(market.columns(start=start, end=end).ticks()) if market else []
            if found:
                self._last[symbol] = recv
                ticks += found
                if self.options.quotes:
                    last = found[-1]
                    yield Quote(last.ts, symbol, last.bid, last.ask, last.size, last.size, recv)
        ticks.sort(key=lambda tick: tick.ts)
        for tick in ticks:
            yield msgspec.structs.replace(tick, ts_recv=recv)

    def _bars(self, market: InventedMarket, timeframe: str, start: int, end: int) -> list[Bar]:
        parsed, session = parse_timeframe(timeframe), bar_session(market.symbol)
        start = max(start, end - int(self.options.history_hours * NS_PER_HOUR))
        since = start
        if parsed.kind is TimeframeKind.TIME:
            since -= start % (parsed.size * NS_PER_S)
        elif self.options.history_hours:
            since = min(session(start).open, start)  # what is counted is counted from there
        if since >= end:
            return []
        ticks = market.columns(start=since, end=end)
        made = build_columns(ticks, timeframe, session=session).bars(source=f"vendor:{self.name}")
        # Where time does not end a bar the last one is still forming.
        closed = [bar for bar in made if start < bar.ts <= end][: None if parsed.duration_ns else -1]
        return [msgspec.structs.replace(bar, quality="vendor", is_complete=True) for bar in closed]


def _moment(text: str) -> int | None:
    if not text:
        return None
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidInput(f"start: ISO 8601 with a time zone was expected, found {text!r}", field="start") from error


def make(setup: FeedSetup) -> SyntheticFeed:
    """The feed of one configuration; it needs no address and no token."""
    return SyntheticFeed(setup.name, msgspec.convert(setup.options, type=SyntheticOptions))


FEEDS.add("synthetic", FeedKind(make, SyntheticOptions, "an invented market: no account, no key, no socket", limits))
