"""Indicator lines of a chart, from the engine's own recurrences."""

from collections.abc import Sequence

from engine.indicators.frame import IndicatorFrame
from engine.indicators.spec import Spec
from engine.model.market import Bar, PartialBar

# Indicators whose value is a price when their source is one.
PRICES = frozenset(
    {
        *("sma", "ema", "wma", "wilder", "hma", "dema", "tema", "vwma", "vwap", "rolling_vwap", "heikin_ashi"),
        *("bollinger", "keltner", "donchian", "supertrend", "mobius_supertrend", "triple_ema", "zigzag"),
    }
)

# What such an indicator says besides prices: a side, a count, a width.
NO_PRICES = frozenset({"direction", "state", "flip", "pivot_age", "width", "percent_b"})


class IndicatorLines:
    """The values of `specs` after each bar."""

    def __init__(self, specs: Sequence[str]) -> None:
        self._specs = tuple(specs)
        self._frame = IndicatorFrame(self._specs, max_length=1) if self._specs else None

    def append(self, bar: Bar) -> tuple[float, ...]:
        """The values after `bar`, which has closed; nan until warm."""
        if self._frame is None:
            return ()
        self._frame.append(bar)
        return self._values(self._frame)

    def peek(self, partial: PartialBar) -> tuple[float, ...]:
        """The values as they would be if the bar closed as it stands; nothing is kept of it."""
        if self._frame is None:
            return ()
        before = self._frame.snapshot()
        self._frame.append(_as_bar(partial))
        values = self._values(self._frame)
        self._frame.restore(before)
        return values

    def _values(self, frame: IndicatorFrame) -> tuple[float, ...]:
        return tuple(frame[spec] for spec in self._specs)


def is_on_price(spec: Spec | float) -> bool:
    """Whether a value of `spec` is a price, so that it may be drawn over the candles."""
    if not isinstance(spec, Spec):
        return True
    if spec.is_price:
        return spec.name != "volume"
    if spec.name not in PRICES or spec.output in NO_PRICES:
        return False
    return all(is_on_price(source) for source in spec.sources)


def _as_bar(partial: PartialBar) -> Bar:
    return Bar(
        ts=partial.ts,
        symbol=partial.symbol,
        timeframe=partial.timeframe,
        ts_open=partial.ts_open,
        open=partial.open,
        high=partial.high,
        low=partial.low,
        close=partial.close,
        volume=partial.volume,
        trade_count=partial.trade_count,
    )
