"""Sums, extremes and spreads over the last bars: the parts that other indicators are made of."""

from math import sqrt
from typing import NamedTuple

from engine.indicators.params import Period
from engine.indicators.recurrence import indicator, window


class SumState(NamedTuple):
    at: int
    filled: int  # values in the window that are not zero
    value: float
    ring: list[float]


def sum_start(period: int) -> SumState:
    return SumState(0, 0, 0.0, window(period))


@indicator("sum", inputs=("close",), init=sum_start, warmup=lambda period: period)
def rolling_sum(s: SumState, close: float, period: Period = 10) -> SumState:
    """Sum of the last `period` values.

    v' = v + x − x[period], added up afresh once every `period` bars so that rounding cannot build up; exactly 0 where
    every value is 0.
    """
    old = s.ring[s.at]
    filled = s.filled + (1 if close != 0.0 else 0) - (1 if old != 0.0 else 0)
    value = s.value + (close - old) if filled > 0 else 0.0
    s.ring[s.at] = close
    at = s.at + 1
    if at == period:
        at = 0
        value = 0.0
        for k in range(period):
            value += s.ring[k]
    return SumState(at, filled, value, s.ring)


class DelayState(NamedTuple):
    at: int
    value: float
    ring: list[float]


@indicator(
    "delay",
    inputs=("close",),
    init=lambda bars: DelayState(0, 0.0, window(bars)),
    warmup=lambda bars: bars + 1,
)
def delay(s: DelayState, close: float, bars: Period = 1) -> DelayState:
    """The value `bars` bars ago: x[bars]."""
    value = s.ring[s.at]
    s.ring[s.at] = close
    return DelayState(s.at + 1 if s.at + 1 < bars else 0, value, s.ring)


class ExtremeState(NamedTuple):
    """A queue of candidates, best first, in a ring: an entry is dropped when a newer one is at least as good."""

    seen: int
    head: int
    size: int
    value: float
    values: list[float]
    born: list[float]


def extreme_start(period: int) -> ExtremeState:
    return ExtremeState(0, 0, 0, 0.0, window(period), window(period))


@indicator("highest", inputs=("high",), init=extreme_start, warmup=lambda period: period)
def highest(s: ExtremeState, high: float, period: Period = 14) -> ExtremeState:
    """Largest of the last `period` values.

    max(x, x[1], …, x[period − 1]), by a queue of descending candidates: constant cost a bar on average.
    """
    head = s.head
    size = s.size
    if size > 0 and s.born[head] <= s.seen - period:
        head = head + 1 if head + 1 < period else 0
        size -= 1
    tail = head + size - 1
    if tail >= period:
        tail -= period
    while size > 0 and s.values[tail] <= high:
        size -= 1
        tail = tail - 1 if tail > 0 else period - 1
    tail = head + size
    if tail >= period:
        tail -= period
    s.values[tail] = high
    s.born[tail] = s.seen
    return ExtremeState(s.seen + 1, head, size + 1, s.values[head], s.values, s.born)


@indicator("lowest", inputs=("low",), init=extreme_start, warmup=lambda period: period)
def lowest(s: ExtremeState, low: float, period: Period = 14) -> ExtremeState:
    """Smallest of the last `period` values.

    min(x, x[1], …, x[period − 1]), by a queue of ascending candidates: constant cost a bar on average.
    """
    head = s.head
    size = s.size
    if size > 0 and s.born[head] <= s.seen - period:
        head = head + 1 if head + 1 < period else 0
        size -= 1
    tail = head + size - 1
    if tail >= period:
        tail -= period
    while size > 0 and s.values[tail] >= low:
        size -= 1
        tail = tail - 1 if tail > 0 else period - 1
    tail = head + size
    if tail >= period:
        tail -= period
    s.values[tail] = low
    s.born[tail] = s.seen
    return ExtremeState(s.seen + 1, head, size + 1, s.values[head], s.values, s.born)


class SpreadState(NamedTuple):
    at: int
    seen: int
    same: int  # equal values in a row
    mean: float
    squares: float
    value: float
    ring: list[float]


def spread_start(period: int) -> SpreadState:
    return SpreadState(0, 0, 0, 0.0, 0.0, 0.0, window(period))


@indicator("stdev", inputs=("close",), init=spread_start, warmup=lambda period: period)
def stdev(s: SpreadState, close: float, period: Period = 20) -> SpreadState:
    """Population standard deviation of the last `period` values.

    √(Σ(x − mean)² / period), by Welford's sliding update; mean and squares are taken afresh once every `period` bars.
    Exactly 0 where all values are equal.
    """
    old = s.ring[s.at]
    newest = s.ring[s.at - 1] if s.at > 0 else s.ring[period - 1]
    same = s.same + 1 if close == newest and s.seen > 0 else 1
    s.ring[s.at] = close
    at = s.at + 1 if s.at + 1 < period else 0
    if same >= period:
        return SpreadState(at, period, same, close, 0.0, 0.0, s.ring)
    if at == 0:
        mean = 0.0
        for k in range(period):
            mean += s.ring[k]
        mean = mean / period
        squares = 0.0
        for k in range(period):
            squares += (s.ring[k] - mean) * (s.ring[k] - mean)
        return SpreadState(at, period, same, mean, squares, sqrt(squares / period), s.ring)
    if s.seen < period:
        return SpreadState(at, s.seen + 1, same, 0.0, 0.0, 0.0, s.ring)
    mean = s.mean + (close - old) / period
    squares = max(0.0, s.squares + (close - old) * (close - mean + old - s.mean))
    return SpreadState(at, period, same, mean, squares, sqrt(squares / period), s.ring)


@indicator("product", inputs=("{a}", "{b}"), sources=("a", "b"))
def product(a: float, b: float) -> float:
    """a · b, bar by bar."""
    return a * b
