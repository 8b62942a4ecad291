"""A chart as a page sees it: recent bars, the indicator lines over them, and the bar that is forming."""

import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from engine.model.market import Bar, PartialBar
from engine.model.time import NS_PER_MS

MAX_BARS = 500
_AGAIN = ("revised", "gapped")  # the qualities with which a bar may come once more

_WORDS = re.compile(r"([\w.]+)(\()?")
_encoder = msgspec.json.Encoder()


class Lines(Protocol):
    """Indicator values, one tuple a bar, from the engine's own recurrences."""

    def append(self, bar: Bar) -> tuple[float, ...]:
        """The value of each spec after `bar`; nan until warm."""
        ...

    def peek(self, partial: PartialBar) -> tuple[float, ...]:
        """The values as they would be if the bar closed as it stands."""
        ...


Specs = tuple[str, ...]
NewLines = Callable[[Specs], Lines]


class ChartBar(msgspec.Struct, frozen=True):
    """One bar for a page. Times are UTC milliseconds with microseconds behind the point: what JavaScript can hold."""

    time_open: float
    time: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int
    is_complete: bool
    values: tuple[float | None, ...]


class Forming(msgspec.Struct, frozen=True):
    """The bar that is forming, as of `time`; `fill` is its share done (0…1), null where it cannot be known. `values`
    are the lines as if it closed now."""

    time_open: float
    time: float
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int
    fill: float | None
    bid: float | None
    ask: float | None
    values: tuple[float | None, ...]


class Line(msgspec.Struct, frozen=True):
    """An indicator line: its spec is its name everywhere."""

    spec: str
    label: str


class Feed(msgspec.Struct, frozen=True):
    """What the feed says of the symbol's data: fresh, stale, gapped, suspect, or unknown where it says nothing."""

    state: str = "unknown"
    reason: str = ""
    name: str = ""


class Latency(msgspec.Struct, frozen=True):
    """Stamps of one frame, UTC milliseconds: the oldest and the newest event in it as received from the venue, and
    the frame's encoding. `updates` is how many stream entries it stands for."""

    received_first: float | None
    received_last: float | None
    sent: float
    updates: int


class History(msgspec.Struct, frozen=True, tag="history", tag_field="kind"):
    """The whole chart: what a viewer gets first, and again after a gap."""

    symbol: str
    timeframe: str
    lines: tuple[Line, ...]
    bars: list[ChartBar]
    forming: Forming | None
    feed: Feed
    sent: float


class Frame(msgspec.Struct, frozen=True, tag="frame", tag_field="kind"):
    """What changed since the viewer's last message: bars that closed, then the bar that is forming."""

    bars: list[ChartBar]
    forming: Forming | None
    feed: Feed
    latency: Latency


def encode(message: History | Frame) -> str:
    """JSON text of a message; a number that is not there is null."""
    return _encoder.encode(message).decode()


def milliseconds(ts: int) -> float:
    """UTC nanoseconds as milliseconds, to the microsecond."""
    return round(ts / NS_PER_MS, 3)


class Chart:
    """The state of one chart. `closed` counts the bars it ever took, so that a viewer can ask for those it missed."""

    def __init__(self, symbol: str, timeframe: str, specs: Specs, new_lines: NewLines) -> None:
        self.specs = specs  # asked for; shown from the next `load` on
        self._shown = specs
        self.symbol = symbol
        self.timeframe = timeframe
        self.feed = Feed()
        self.forming: Forming | None = None
        self.closed = 0
        self._new_lines = new_lines
        self._lines = new_lines(specs)
        self._bars: deque[ChartBar] = deque(maxlen=MAX_BARS)
        self._last: Bar | None = None

    @property
    def bar_count(self) -> int:
        return len(self._bars)

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(Line(spec=spec, label=label(spec)) for spec in self._shown)

    def load(self, history: Iterable[Bar]) -> None:
        """Begin again from `history`, oldest first."""
        self._shown = self.specs
        self._lines = self._new_lines(self.specs)
        self._bars.clear()
        self._last = None
        self.forming = None
        for bar in history:
            self.on_bar(bar)

    def on_bar(self, bar: Bar) -> bool:
        """Take a closed bar; False where it is one the chart already has, or that comes again (`is_again`)."""
        if self._last is not None and (not _follows(bar, self._last) or self.is_again(bar)):
            return False
        self._last = bar
        self._bars.append(_row(bar, self._lines.append(bar)))
        self.closed += 1
        if self.forming is not None and self.forming.time <= milliseconds(bar.ts):
            self.forming = None
        return True

    def is_again(self, bar: Bar) -> bool:
        """Whether `bar` changes one that was given out before: what was made of that is to be made anew."""
        last = self._last
        return last is not None and bar.ts <= last.ts and bar.seq > last.seq and bar.quality in _AGAIN

    def on_partial(self, partial: PartialBar) -> bool:
        """Take the forming bar; False where it belongs to a bar that has closed."""
        if self._last is not None and not _follows(partial, self._last):
            return False
        self.forming = _forming(partial, self._lines.peek(partial))
        return True

    def bars_since(self, closed: int) -> list[ChartBar] | None:
        """Bars after the first `closed` ones, oldest first; None where they are no longer all here."""
        missed = self.closed - closed
        if missed > len(self._bars):
            return None
        return list(self._bars)[len(self._bars) - missed :]

    def history(self, *, sent: float) -> History:
        return History(
            symbol=self.symbol,
            timeframe=self.timeframe,
            lines=self.lines,
            bars=list(self._bars),
            forming=self.forming,
            feed=self.feed,
            sent=sent,
        )


def label(spec: str) -> str:
    """ "ema(close,9)" → "EMA 9": for legends. The input is left out where it is the close."""
    words = [word.upper() if call else word for word, call in _WORDS.findall(spec)]
    return " ".join(word for word in words if word != "close")


def _follows(event: Bar | PartialBar, last: Bar) -> bool:
    """Later by the venue's time, or numbered later: prints may be late, and a feed that lost its numbers begins low."""
    return event.ts > last.ts or event.seq > last.seq > 0


def _row(bar: Bar, values: Sequence[float]) -> ChartBar:
    return ChartBar(
        time_open=milliseconds(bar.ts_open),
        time=milliseconds(bar.ts),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trade_count=bar.trade_count,
        is_complete=bar.is_complete,
        values=tuple(known(value) for value in values),
    )


def _forming(partial: PartialBar, values: Sequence[float]) -> Forming:
    return Forming(
        time_open=milliseconds(partial.ts_open),
        time=milliseconds(partial.ts),
        open=partial.open,
        high=partial.high,
        low=partial.low,
        close=partial.close,
        volume=partial.volume,
        trade_count=partial.trade_count,
        fill=known(partial.fill),
        bid=known(partial.bid),
        ask=known(partial.ask),
        values=tuple(known(value) for value in values),
    )


def known(value: float) -> float | None:
    """None for nan, which JSON cannot say."""
    return None if math.isnan(value) else value
