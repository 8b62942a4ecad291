"""Moving averages."""

from math import floor, sqrt
from typing import Annotated, NamedTuple

from msgspec import Meta

from engine.indicators.params import Average, Period, Rounding, Seed, SpanPeriod
from engine.indicators.recurrence import indicator, window


def average_of(average: Average, source: str, period: int, seed: str = "") -> str:
    """The spec of an average by its name; `seed` reaches those that have one."""
    takes_seed = seed and average in ("ema", "wilder")
    return f"{average}({source},{period}{f',seed={seed}' if takes_seed else ''})"


class MeanState(NamedTuple):
    at: int
    value: float
    ring: list[float]


def mean_start(period: int) -> MeanState:
    return MeanState(0, 0.0, window(period))


@indicator("sma", inputs=("close",), init=mean_start, warmup=lambda period: period)
def sma(s: MeanState, close: float, period: Period = 12) -> MeanState:
    """Simple moving average.

    (x + x[1] + … + x[period − 1]) / period; the running mean is taken afresh once every `period` bars.
    """
    value = s.value + (close - s.ring[s.at]) / period
    s.ring[s.at] = close
    at = s.at + 1
    if at == period:
        at = 0
        value = 0.0
        for k in range(period):
            value += s.ring[k] - close  # so that the mean of equal values is that value, to the bit
        value = close + value / period
    return MeanState(at, value, s.ring)


class EmaState(NamedTuple):
    seen: int
    value: float


@indicator("ema", inputs=("close",), init=EmaState(0, 0.0), warmup=lambda period: period)
def ema(s: EmaState, close: float, period: Period = 12, seed: Seed = "first") -> EmaState:
    """Exponential moving average.

    v' = v + 2/(period + 1) · (x − v), seeded with the first value (`seed=first`, as ThinkScript's ExpAverage) or with
    the mean of the first `period` values (`seed=sma`).
    """
    if seed == "first":
        if s.seen == 0:
            return EmaState(1, close)
    elif s.seen < period:
        return EmaState(s.seen + 1, s.value + (close - s.value) / (s.seen + 1))
    return EmaState(s.seen, s.value + 2.0 / (period + 1) * (close - s.value))


class WilderState(NamedTuple):
    seen: int
    value: float


@indicator("wilder", inputs=("close",), init=WilderState(0, 0.0), warmup=lambda period: period)
def wilder(s: WilderState, close: float, period: Period = 12, seed: Seed = "sma") -> WilderState:
    """Wilder's moving average.

    v' = v + 1/period · (x − v), seeded with the mean of the first `period` values (`seed=sma`, as ThinkScript's
    WildersAverage) or with the first value (`seed=first`).
    """
    if seed == "first":
        if s.seen == 0:
            return WilderState(1, close)
    elif s.seen < period:
        return WilderState(s.seen + 1, s.value + (close - s.value) / (s.seen + 1))
    return WilderState(s.seen, s.value + 1.0 / period * (close - s.value))


class WmaState(NamedTuple):
    at: int
    total: float
    weighted: float
    value: float
    ring: list[float]


def wma_start(period: int) -> WmaState:
    return WmaState(0, 0.0, 0.0, 0.0, window(period))


@indicator("wma", inputs=("close",), init=wma_start, warmup=lambda period: period)
def wma(s: WmaState, close: float, period: Period = 9) -> WmaState:
    """Linearly weighted moving average, the newest value heaviest.

    (period · x + (period − 1) · x[1] + … + x[period − 1]) / (1 + 2 + … + period); both running sums are taken afresh
    once every `period` bars.
    """
    weighted = s.weighted + period * close - s.total
    total = s.total + close - s.ring[s.at]
    s.ring[s.at] = close
    at = s.at + 1
    if at == period:
        at = 0
        total = 0.0
        weighted = 0.0
        for k in range(period):
            total += s.ring[k]
            weighted += (k + 1) * s.ring[k]
    return WmaState(at, total, weighted, weighted / (period * (period + 1) * 0.5), s.ring)


def hull_lengths(period: int, rounding: Rounding) -> tuple[int, int]:
    """period/2 and √period as whole numbers; how thinkorswim rounds them is not published."""
    half, root = period / 2, sqrt(period)
    if rounding == "down":
        return max(1, floor(half)), max(1, floor(root))
    return max(1, floor(half + 0.5)), max(1, floor(root + 0.5))


def hull_inputs(period: int, rounding: Rounding) -> tuple[str, ...]:
    half, root = hull_lengths(period, rounding)
    return (f"wma(hull_raw({{close}},{period},{half}),{root})",)


@indicator("hull_raw", sources=("close",), inputs=("wma({close},{half})", "wma({close},{period})"))
def hull_raw(fast: float, slow: float, period: Period = 9, half: Period = 5) -> float:
    """What the Hull average smooths: 2 · WMA(x, half) − WMA(x, period)."""
    return 2.0 * fast - slow


@indicator("hma", sources=("close",), inputs=hull_inputs, aliases=("hull",))
def hma(smoothed: float, period: Period = 9, rounding: Rounding = "half_up") -> float:
    """Hull moving average.

    WMA(2 · WMA(x, period/2) − WMA(x, period), √period), the lengths rounded half up or down (`rounding`).
    """
    return smoothed


@indicator(
    "dema",
    sources=("close",),
    inputs=("ema({close},{period},seed={seed})", "ema(ema({close},{period},seed={seed}),{period},seed={seed})"),
)
def dema(once: float, twice: float, period: Period = 10, seed: Seed = "first") -> float:
    """Double exponential moving average: 2 · EMA − EMA(EMA)."""
    return 2.0 * once - twice


def tema_inputs(period: int, seed: Seed, displace: int) -> tuple[str, ...]:
    once = f"ema({{close}},{period},seed={seed})"
    twice = f"ema({once},{period},seed={seed})"
    return tuple(delayed(each, displace) for each in (once, twice, f"ema({twice},{period},seed={seed})"))


def delayed(spec: str, displace: int) -> str:
    return f"delay({spec},{-displace})" if displace else spec


def refuse_look_ahead(displace: int) -> str | None:
    """As thinkorswim counts it: a positive one moves the line into the past, onto bars that could not know it."""
    if displace > 0:
        return f"displace={displace} would read {displace} bars of the future; use 0, or a negative number for a lag"
    return None


Displace = Annotated[int, Meta(ge=-10_000, le=10_000)]


@indicator("tema", sources=("close",), inputs=tema_inputs, check=refuse_look_ahead)
def tema(
    once: float, twice: float, thrice: float, period: Period = 10, seed: Seed = "first", displace: Displace = 0
) -> float:
    """Triple exponential moving average (one line, not three): 3 · e1 − 3 · e2 + e3, each the EMA of the one before.

    `displace` below zero delays it by that many bars; above zero it is refused: that is look-ahead.
    """
    return 3.0 * once - 3.0 * twice + thrice


class ThreeLines(NamedTuple):
    fast: float
    medium: float
    slow: float


def triple_inputs(fast: int, medium: int, slow: int, seed: Seed, displace: int) -> tuple[str, ...]:
    return tuple(delayed(f"ema({{close}},{period},seed={seed})", displace) for period in (fast, medium, slow))


@indicator("triple_ema", sources=("close",), inputs=triple_inputs, check=refuse_look_ahead)
def triple_ema(
    first: float,
    second: float,
    third: float,
    fast: Period = 9,
    medium: Period = 14,
    slow: Period = 21,
    seed: Seed = "first",
    displace: Displace = 0,
) -> ThreeLines:
    """Three exponential averages: the lines of the Trend Reversal study.

    EMA(x, fast), EMA(x, medium), EMA(x, slow), delayed by −displace bars. A positive `displace` is refused: look-ahead.
    """
    return ThreeLines(first, second, third)


@indicator(
    "vwma",
    sources=("close", "volume"),
    inputs=("sum(product({close},{volume}),{period})", "sum({volume},{period})", "sma({close},{period})"),
)
def vwma(weighted: float, volume: float, plain: float, period: SpanPeriod = 20) -> float:
    """Volume-weighted moving average: Σ x · volume / Σ volume over `period` bars; the SMA where nothing traded."""
    if volume > 0.0:
        return weighted / volume
    return plain
