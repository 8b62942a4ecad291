"""How far prices move: true range, and bands around averages."""

from math import log10
from typing import Annotated, NamedTuple

from msgspec import Meta

from engine.indicators.averages import average_of
from engine.indicators.params import Average, Factor, FirstBar, Period, Seed, SpanPeriod
from engine.indicators.recurrence import indicator


class RangeState(NamedTuple):
    seen: int
    close: float
    value: float


@indicator(
    "true_range",
    inputs=("high", "low", "close"),
    init=RangeState(0, 0.0, 0.0),
    warmup=lambda first_bar: 2 if first_bar == "skip" else 1,
)
def true_range(s: RangeState, high: float, low: float, close: float, first_bar: FirstBar = "skip") -> RangeState:
    """True range.

    max(high, close[1]) − min(low, close[1]). The first bar has none (`first_bar=skip`, as ThinkScript), or its own
    high − low (`first_bar=count`).
    """
    if s.seen == 0:
        return RangeState(1, close, high - low)
    top = high if high > s.close else s.close
    bottom = low if low < s.close else s.close
    return RangeState(1, close, top - bottom)


def atr_inputs(period: int, average: Average, seed: Seed, first_bar: FirstBar) -> tuple[str, ...]:
    return (average_of(average, f"true_range({{high}},{{low}},{{close}},first_bar={first_bar})", period, seed),)


@indicator("atr", sources=("high", "low", "close"), inputs=atr_inputs)
def atr(
    averaged: float, period: Period = 14, average: Average = "wilder", seed: Seed = "sma", first_bar: FirstBar = "skip"
) -> float:
    """Average true range: the chosen average of the true range.

    Wilder's by default, seeded with the mean of the first `period` ranges. `seed` matters to `wilder` and `ema` only.
    """
    return averaged


class Bands(NamedTuple):
    upper: float
    middle: float
    lower: float


class BollingerBands(NamedTuple):
    upper: float
    middle: float
    lower: float
    width: float
    percent_b: float


@indicator(
    "bollinger", sources=("close",), inputs=("{close}", "{average}({close},{period})", "stdev({close},{period})")
)
def bollinger(
    close: float,
    middle: float,
    deviation: float,
    period: SpanPeriod = 20,
    factor: Factor = 2.0,
    average: Average = "sma",
) -> BollingerBands:
    """Bollinger bands.

    average ± factor · population standard deviation; `width` = (upper − lower) / middle, `percent_b` = (x − lower) /
    (upper − lower), 0.5 where the bands touch.
    """
    reach = factor * deviation
    span = 2.0 * reach
    width = span / middle if middle != 0.0 else 0.0
    percent_b = (close - middle + reach) / span if span > 0.0 else 0.5
    return BollingerBands(middle + reach, middle, middle - reach, width, percent_b)


def keltner_inputs(period: int, atr_period: int, average: Average, range_average: Average) -> tuple[str, ...]:
    return average_of(average, "{close}", period), f"atr({atr_period or period},average={range_average})"


@indicator("keltner", sources=("close",), inputs=keltner_inputs)
def keltner(
    middle: float,
    atr: float,
    period: Period = 20,
    factor: Factor = 1.5,
    atr_period: Annotated[int, Meta(ge=0, le=10_000)] = 0,
    average: Average = "sma",
    range_average: Average = "sma",
) -> Bands:
    """Keltner channels: average ± factor · ATR(atr_period), over `period` bars too where `atr_period` is 0."""
    reach = factor * atr
    return Bands(middle + reach, middle, middle - reach)


@indicator("donchian", sources=("high", "low"), inputs=("highest({high},{period})", "lowest({low},{period})"))
def donchian(top: float, bottom: float, period: Period = 20) -> Bands:
    """Donchian channel: highest high and lowest low of the last `period` bars, this one included, and their middle."""
    return Bands(top, (top + bottom) / 2.0, bottom)


@indicator(
    "choppiness", inputs=("sum(true_range(),{period})", "highest(high,{period})", "lowest(low,{period})"), sources=()
)
def choppiness(travelled: float, top: float, bottom: float, period: SpanPeriod = 14) -> float:
    """Choppiness index: 100 · log10(Σ true range / (highest high − lowest low)) / log10(period).

    Near 100 the market goes nowhere, near 0 it goes straight; 100 where it did not move at all.
    """
    if top > bottom and travelled > 0.0:
        return 100.0 * log10(travelled / (top - bottom)) / log10(period)
    return 100.0
