"""One timeframe of one symbol: an aggregator, the bar it is forming, and what has been shown of it."""

from collections import deque

import msgspec

from engine.bars.aggregators import INFINITE, Aggregator
from engine.bars.builder import NEVER, BarBuilder, Run
from engine.errors import InvariantBroken
from engine.model.market import Bar, Tick
from engine.model.time import NS_PER_S

_RECENT_NS = 60 * NS_PER_S  # of market time, for which bars given out can be corrected; the last one always
_RECENT = 256


class LaneState(msgspec.Struct):
    """All that a lane must remember over a restart."""

    bar: BarBuilder | None = None
    seen_since: int | None = None  # every print from this ts on was seen; None until the first event
    is_first: bool = True  # no bar has begun since `seen_since`
    closed_until: int = -1  # the end of the last period that time ended: what is older comes too late
    last_ts: int = -1  # ts of the last bar
    high_since: float = -float("inf")  # of the prints since the last partial
    low_since: float = float("inf")
    is_touched: bool = False  # a print came since the last partial


class Lane:
    """Feeds one forming bar and answers when it must be looked at next."""

    __slots__ = ("aggregator", "recent", "state", "text")

    def __init__(self, aggregator: Aggregator, state: LaneState | None = None) -> None:
        self.aggregator = aggregator
        self.text = aggregator.timeframe.text
        self.state = state or LaneState()
        # Bars given out that a correction may still reach; not kept over a restart.
        self.recent: deque[tuple[Bar, BarBuilder]] = deque(maxlen=_RECENT)

    @property
    def due(self) -> int:
        """The ts at which time ends the forming bar."""
        return self.state.bar.end if self.state.bar else NEVER

    @property
    def floor(self) -> int:
        """Prints before this ts come too late: their bar has been given out, or would be out of order."""
        state = self.state
        if state.bar and self.aggregator.is_on_grid:
            return state.bar.ts_open
        return state.closed_until

    @property
    def room(self) -> int:
        """How many priced prints certainly leave the lane as it is; 0 when the next print may begin or end a bar."""
        return max(self.aggregator.room(self.state.bar) - 1, 0) if self.state.bar else 0

    @property
    def volume_room(self) -> float:
        """How much volume certainly leaves the lane as it is."""
        return self.aggregator.volume_room(self.state.bar) if self.state.bar else INFINITE

    @property
    def is_full(self) -> bool:
        return self.state.bar is not None and self.aggregator.is_full(self.state.bar)

    def close_at(self, ts: int) -> int:
        """The close of a bar that a print at `ts` fills: a late one ends no bar before it began."""
        opened = self.state.bar.ts_open if self.state.bar else ts
        return max(ts, opened, self.state.last_ts)

    def fold(self, run: Run) -> None:
        """Count in a run that lies wholly in the forming bar."""
        if self.state.bar is None:
            return
        self.state.bar.fold(run)
        if run.prices:
            self._touch(run.high, run.low)
        if run.other_prices:
            self.state.is_touched = True

    def fold_one(self, price: float, size: float) -> None:
        """Count in a run of a single priced print."""
        state = self.state
        bar = state.bar
        if bar is None:
            return
        bar.priced.add(price, size)
        bar.turnover += price * size
        state.is_touched = True
        if price > state.high_since:
            state.high_since = price
        if price < state.low_since:
            state.low_since = price

    def take(self, tick: Tick, *, is_priced: bool) -> bool:
        """Count in one print, which begins a bar if there is none; False when it comes too late."""
        if tick.ts < self.floor:
            return False
        bar = self.state.bar or self._begin(tick.ts)
        bar.add(tick.price, tick.size, is_priced=is_priced)
        if is_priced:
            self._touch(tick.price, tick.price)
        self.state.is_touched = True
        return True

    def finish(self, ts: int) -> BarBuilder:
        """Take the forming bar out; `ts` is the close it will carry."""
        state = self.state
        bar = state.bar
        if bar is None:
            raise InvariantBroken(f"{self.text}: a bar was to be ended, but none is forming")
        state.bar = None
        state.last_ts = ts
        if ts >= bar.end:
            state.closed_until = bar.end
            bar.is_complete &= self.aggregator.is_whole_at_end
        return bar

    def remember(self, bar: Bar, built: BarBuilder) -> None:
        """A bar was given out: keep what it was made of while a correction may still reach it."""
        recent = self.recent
        while len(recent) > 2 and recent[0][0].ts < bar.ts - _RECENT_NS:
            recent.popleft()
        recent.append((bar, built))

    def given_out(self, ts: int) -> tuple[int, Bar, BarBuilder] | None:
        """The remembered bar that a print at `ts` is in, and its place; None where there is none."""
        for index, (bar, built) in enumerate(self.recent):
            if bar.ts_open <= ts < built.end and ts <= bar.ts:
                return index, bar, built
        return None

    def lose(self) -> None:
        """Prints were lost: the forming bar is gapped, and nothing begun before the next event is complete."""
        if self.state.bar:
            self.state.bar.is_gapped = True
        self.state.seen_since = None
        self.state.is_first = True

    def _begin(self, ts: int) -> BarBuilder:
        state = self.state
        period = self.aggregator.period(ts)
        is_anchored = self.aggregator.is_whole_at_end or state.is_first
        since = state.seen_since if state.seen_since is not None else ts
        state.is_first = False
        # A late print may begin a bar of N prints: bars never share time all the same.
        opened = period.ts_open if self.aggregator.is_on_grid else max(period.ts_open, state.last_ts)
        state.bar = BarBuilder(ts_open=opened, end=period.end, is_complete=not is_anchored or since <= period.anchor)
        return state.bar

    def _touch(self, high: float, low: float) -> None:
        state = self.state
        state.is_touched = True
        if high > state.high_since:
            state.high_since = high
        if low < state.low_since:
            state.low_since = low
