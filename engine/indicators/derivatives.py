"""What can be said of any column: where it heads, when it crossed, how it ranks."""

from typing import NamedTuple

from engine.indicators.params import Period, SpanPeriod
from engine.indicators.recurrence import indicator, window

NAN = float("nan")


class SlopeState(NamedTuple):
    at: int
    total: float
    weighted: float
    value: float
    ring: list[float]


def slope_start(period: int) -> SlopeState:
    return SlopeState(0, 0.0, 0.0, 0.0, window(period))


@indicator("slope", inputs=("close",), init=slope_start, warmup=lambda period: period)
def slope(s: SlopeState, close: float, period: SpanPeriod = 3) -> SlopeState:
    """Slope per bar of the least-squares line through the last `period` values.

    12 · (Σ k·x − (period − 1)/2 · Σ x) / (period · (period² − 1)), k = 0 for the oldest; the sums are taken afresh once
    every `period` bars.
    """
    old = s.ring[s.at]
    weighted = s.weighted - s.total + old + (period - 1) * close
    total = s.total + close - old
    s.ring[s.at] = close
    at = s.at + 1
    if at == period:
        at = 0
        total = 0.0
        weighted = 0.0
        for k in range(period):
            total += s.ring[k]
            weighted += k * s.ring[k]
    value = 12.0 * (weighted - 0.5 * (period - 1) * total) / (period * (period * period - 1.0))
    return SlopeState(at, total, weighted, value, s.ring)


@indicator("acceleration", sources=("close",), inputs=("slope(slope({close},{period}),{period})",))
def acceleration(change: float, period: SpanPeriod = 3) -> float:
    """How fast the slope changes, per bar: slope(slope(x, period), period)."""
    return change


class SinceState(NamedTuple):
    value: float


@indicator("bars_since", inputs=("{event}",), sources=("event",), init=SinceState(NAN), sparse=("value",))
def bars_since(s: SinceState, event: float) -> SinceState:
    """Bars since `event` was last not 0: 0 on that bar itself, nan before the first."""
    if event != 0.0:
        return SinceState(0.0)
    return SinceState(s.value + 1.0)


class RankState(NamedTuple):
    at: int
    value: float
    ring: list[float]


@indicator(
    "percentile_rank",
    inputs=("close",),
    init=lambda period: RankState(0, 0.0, window(period + 1)),
    warmup=lambda period: period + 1,
)
def percentile_rank(s: RankState, close: float, period: Period = 100) -> RankState:
    """Share of the `period` values before that are less than or equal to this one, in percent.

    Each bar costs time in proportion to `period`.
    """
    s.ring[s.at] = close
    below = -1  # the value itself
    for k in range(period + 1):
        if s.ring[k] <= close:
            below += 1
    return RankState(s.at + 1 if s.at < period else 0, 100.0 * below / period, s.ring)


class CrossState(NamedTuple):
    seen: int
    gap: float
    value: float


@indicator("crosses_above", inputs=("{a}", "{b}"), sources=("a", "b"), init=CrossState(0, 0.0, 0.0), warmup=2)
def crosses_above(s: CrossState, a: float, b: float) -> CrossState:
    """1 on the bar where a > b and a[1] ≤ b[1], else 0."""
    gap = a - b
    return CrossState(1, gap, 1.0 if s.seen == 1 and gap > 0.0 and s.gap <= 0.0 else 0.0)


@indicator("crosses_below", inputs=("{a}", "{b}"), sources=("a", "b"), init=CrossState(0, 0.0, 0.0), warmup=2)
def crosses_below(s: CrossState, a: float, b: float) -> CrossState:
    """1 on the bar where a < b and a[1] ≥ b[1], else 0."""
    gap = a - b
    return CrossState(1, gap, 1.0 if s.seen == 1 and gap < 0.0 and s.gap >= 0.0 else 0.0)


@indicator("crosses", inputs=("crosses_above({a},{b})", "crosses_below({a},{b})"), sources=("a", "b"))
def crosses(above: float, below: float) -> float:
    """1 on the bar where a crosses above b, −1 where it crosses below, else 0."""
    return above - below
