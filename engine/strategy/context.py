"""What a strategy may look at: the present and the past of its slot, and nothing it could change."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

from engine.errors import NotFound
from engine.indicators.frame import IndicatorFrame
from engine.model.market import Bar


class View:
    """The values behind a `Context`, written by the engine only."""

    __slots__ = ("bar", "frame", "frames", "price", "symbol", "target", "timeframe", "ts")

    def __init__(self, *, symbol: str, timeframe: str, frames: Mapping[str, IndicatorFrame]) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.frames = frames
        self.frame = frames[timeframe]
        self.bar: Bar = Bar(0, symbol, timeframe, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self.price = 0.0
        self.ts = 0
        self.target = 0


class Context:
    """Read-only: the bar that closed last, the price now, indicator values now and before, the slot's position.

    `value(spec)` and `previous(spec, bars_ago)` read the slot's own timeframe, `value_of` any that was asked for.

    There is no way forward in time: values are of bars that have closed, and asking ahead raises.
    """

    __slots__ = ("_view", "params", "previous", "value")

    def __init__(self, view: View, params: msgspec.Struct) -> None:
        self._view = view
        self.params: Any = params
        # The frame's own methods, not wrappers around them: they are called for every bar.
        self.value: Callable[[str], float] = view.frame.__getitem__  # value(spec) at the last closed bar
        self.previous: Callable[..., float] = view.frame.previous  # previous(spec, bars_ago=1), the values before it

    symbol = property(attrgetter("_view.symbol"), doc="The slot's symbol.")
    timeframe = property(attrgetter("_view.timeframe"), doc="The slot's own timeframe.")
    bar = property(attrgetter("_view.bar"), doc="The bar that closed last, of the timeframe that called.")
    price = property(attrgetter("_view.price"), doc="The last price: the bar's close, or the tick's.")
    ts = property(attrgetter("_view.ts"), doc="UTC nanoseconds of the event.")
    position = property(attrgetter("_view.target"), doc="What the slot is set to hold: −1, 0 or +1.")

    def value_of(self, timeframe: str, spec: str, bars_ago: int = 0) -> float:
        """The same on another timeframe that the strategy asked for."""
        frame = self._view.frames.get(timeframe)
        if frame is None:
            raise NotFound(f"{timeframe!r} is not a timeframe of this strategy: {', '.join(self._view.frames)}")
        return frame.previous(spec, bars_ago)

    def is_ready(self, timeframe: str, spec: str) -> bool:
        """Whether that value is warm."""
        frame = self._view.frames.get(timeframe)
        return frame is not None and frame.is_ready(spec)
