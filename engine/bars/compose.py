"""Coarser bars of finer ones: where the vendor sends bars of one minute, those of five, an hour and the day."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from functools import reduce

import msgspec

from engine.bars.aggregators import Aggregator
from engine.bars.builder import NEVER
from engine.bars.timeframe import Timeframe, TimeframeKind, parse_timeframe
from engine.model.market import NAN, Bar, PartialBar
from engine.model.time import NS_PER_S

_KEPT = 16  # the last finer bars of a coarser one, each of which the vendor may still revise
_RECENT = 16  # coarser bars given out, which it may revise too
_PATIENCE = 2.5  # of the finer bar's span: so long the last one of a period may be under way
_LEAST_PATIENCE_NS = 5 * NS_PER_S


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A finer bar, or several in a row as one. `turnover` is nan where a vwap was not told."""

    ts_open: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int
    turnover: float
    is_whole: bool


class Composition(msgspec.Struct):
    """The coarser bar of one period as it forms; `before` is what its parts were that are too old to change."""

    ts_open: int
    end: int
    is_complete: bool
    is_gapped: bool = False
    before: Part | None = None
    parts: list[Part] = []

    def put(self, part: Part) -> None:
        """Count `part` in, in the place of the one that began with it if there is one."""
        parts = self.parts
        place = bisect_left(parts, part.ts_open, key=lambda each: each.ts_open)
        if place < len(parts) and parts[place].ts_open == part.ts_open:
            parts[place] = part
        elif place == 0 and self.before is not None:
            self.is_gapped = True  # in the middle of what was put together already
        else:
            parts.insert(place, part)
        if len(parts) > _KEPT:
            self.before = self._joined(parts[:1])
            del parts[0]

    @property
    def whole(self) -> Part:
        return self._joined(self.parts)

    def _joined(self, parts: Iterable[Part]) -> Part:
        return reduce(_join, parts if self.before is None else (self.before, *parts))


class ComposerState(msgspec.Struct):
    """All that must be remembered over a restart."""

    forming: Composition | None = None
    seen_since: int | None = None  # every finer bar that began from this ts on was seen; None until the first
    closed_until: int = -1


class Composer:
    """Makes one symbol's bars of one timeframe of the vendor's finer ones. Bars leave it without a number.

    A period ends with the finer bar that reaches its end, with the first one behind it, or by time, a while later: of
    a minute without a trade the vendor sends no bar.
    """

    def __init__(self, aggregator: Aggregator, base: Timeframe, *, symbol: str, source: str) -> None:
        self.base = base.text
        self.timeframe = aggregator.timeframe
        self.state = ComposerState()
        self._aggregator = aggregator
        self._symbol = symbol
        self._source = source
        self._base_ns = base.size * NS_PER_S
        self._patience_ns = max(int(_PATIENCE * self._base_ns), _LEAST_PATIENCE_NS)
        self._recent: deque[Composition] = deque(maxlen=_RECENT)
        self._range: tuple[float, float] | None = None  # high and low since the last partial

    @property
    def due(self) -> int:
        """The ts at which time ends the forming bar."""
        forming = self.state.forming
        return forming.end + self._patience_ns if forming else NEVER

    def add(self, bar: Bar) -> list[Bar]:
        """The bars that end, or are changed, because of the finer `bar`."""
        state = self.state
        if state.seen_since is None:
            state.seen_since = bar.ts_open
        out = self._end(bar.ts_recv) if state.forming and bar.ts_open >= state.forming.end else []
        forming = state.forming
        if bar.ts_open < (forming.ts_open if forming else state.closed_until):
            return out + self._change(bar)
        forming = forming or self._begin(bar.ts_open)
        forming.put(_part_of(bar))
        high, low = self._range or (bar.high, bar.low)
        self._range = max(high, bar.high), min(low, bar.low)
        return out + self._end(bar.ts_recv) if bar.ts >= forming.end else out

    def on_time(self, ts: int, ts_recv: int) -> list[Bar]:
        """The bar that ends because time has come to `ts`."""
        return self._end(ts_recv) if ts >= self.due else []

    def lose(self) -> None:
        """Finer bars were lost: the forming one is gapped, the next incomplete unless it begins with its period."""
        if self.state.forming:
            self.state.forming.is_gapped = True
        self.state.seen_since = None

    def doubt(self, since: int) -> list[Bar]:
        """The bars given out that end after `since`, as gapped."""
        found = [each for each in self._recent if each.end > since and not each.is_gapped]
        for each in found:
            each.is_gapped = True
        return [self._bar(each, ts_recv=0, quality="gapped") for each in found]

    def partial(self, ts_recv: int) -> PartialBar | None:
        """The forming bar, where something came since the last call."""
        forming, found = self.state.forming, self._range
        if forming is None or found is None:
            return None
        self._range = None
        whole, ts = forming.whole, forming.parts[-1].ts_open + self._base_ns
        return PartialBar(
            ts, self._symbol, self.timeframe.text, forming.ts_open, whole.open, whole.high, whole.low, whole.close,
            whole.volume, whole.trade_count, *found, (ts - forming.ts_open) / (forming.end - forming.ts_open),
            ts_recv=ts_recv,
        )  # fmt: skip

    # ---- inside -----------------------------------------------------------------------------------------------

    def _begin(self, ts: int) -> Composition:
        period, since = self._aggregator.period(ts), self.state.seen_since
        is_complete = since is not None and since <= period.anchor
        self.state.forming = Composition(period.ts_open, period.end, is_complete, parts=[])
        return self.state.forming

    def _end(self, ts_recv: int) -> list[Bar]:
        ended, self.state.forming, self._range = self.state.forming, None, None
        if ended is None:
            return []
        self.state.closed_until = ended.end
        self._recent.append(ended)
        return [self._bar(ended, ts_recv=ts_recv, quality="built")]

    def _change(self, bar: Bar) -> list[Bar]:
        """The vendor revised, or sent late, what is in a bar given out already."""
        for each in self._recent:
            if each.ts_open <= bar.ts_open < each.end:
                each.put(_part_of(bar))
                return [self._bar(each, ts_recv=bar.ts_recv, quality="revised")]
        return []

    def _bar(self, made: Composition, *, ts_recv: int, quality: str) -> Bar:
        whole = made.whole
        vwap = whole.turnover / whole.volume if whole.volume else NAN
        return Bar(
            ts=made.end, symbol=self._symbol, timeframe=self.timeframe.text, ts_open=made.ts_open, open=whole.open,
            high=whole.high, low=whole.low, close=whole.close, volume=whole.volume, trade_count=whole.trade_count,
            vwap=vwap if vwap == vwap else NAN, is_complete=made.is_complete and whole.is_whole and not made.is_gapped,
            source=self._source, quality="gapped" if made.is_gapped else quality, ts_recv=ts_recv,
        )  # fmt: skip


def base_of(timeframe: Timeframe, passed: Iterable[str]) -> Timeframe | None:
    """Of the timeframes in `passed` the coarsest of which bars of `timeframe` can be put together."""
    fitting = [base for base in map(parse_timeframe, passed) if _fits(timeframe, base)]
    return max(fitting, key=lambda base: base.size, default=None)


def _fits(timeframe: Timeframe, base: Timeframe) -> bool:
    if base.kind is not TimeframeKind.TIME or base == timeframe:
        return False
    if timeframe.kind is TimeframeKind.SESSION:
        return True
    return timeframe.kind is TimeframeKind.TIME and timeframe.size % base.size == 0


def _part_of(bar: Bar) -> Part:
    turnover = bar.vwap * bar.volume if bar.volume else 0.0
    return Part(
        bar.ts_open, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, turnover, bar.is_complete
    )


def _join(one: Part, following: Part) -> Part:
    return Part(
        one.ts_open,
        one.open,
        max(one.high, following.high),
        min(one.low, following.low),
        following.close,
        one.volume + following.volume,
        one.trade_count + following.trade_count,
        one.turnover + following.turnover,
        one.is_whole and following.is_whole,
    )
