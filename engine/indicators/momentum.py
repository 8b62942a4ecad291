"""Oscillators: how fast and how one-sidedly prices move."""

from typing import NamedTuple

from engine.indicators.averages import average_of
from engine.indicators.params import Average, FirstBar, Period, Seed, SpanPeriod
from engine.indicators.recurrence import indicator, window


class ChangeState(NamedTuple):
    seen: int
    last: float
    value: float


def change_warmup(first_bar: FirstBar) -> int:
    return 2 if first_bar == "skip" else 1


@indicator("gain", inputs=("close",), init=ChangeState(0, 0.0, 0.0), warmup=change_warmup)
def gain(s: ChangeState, close: float, first_bar: FirstBar = "skip") -> ChangeState:
    """Rise since the bar before: max(x − x[1], 0). The first bar has none, or 0 (`first_bar=count`)."""
    if s.seen == 0:
        return ChangeState(1, close, 0.0)
    return ChangeState(1, close, close - s.last if close > s.last else 0.0)


@indicator("loss", inputs=("close",), init=ChangeState(0, 0.0, 0.0), warmup=change_warmup)
def loss(s: ChangeState, close: float, first_bar: FirstBar = "skip") -> ChangeState:
    """Fall since the bar before: max(x[1] − x, 0). The first bar has none, or 0 (`first_bar=count`)."""
    if s.seen == 0:
        return ChangeState(1, close, 0.0)
    return ChangeState(1, close, s.last - close if close < s.last else 0.0)


def rsi_inputs(period: int, average: Average, seed: Seed, first_bar: FirstBar) -> tuple[str, ...]:
    return tuple(
        average_of(average, f"{part}({{close}},first_bar={first_bar})", period, seed) for part in ("gain", "loss")
    )


@indicator("rsi", sources=("close",), inputs=rsi_inputs)
def rsi(
    up: float,
    down: float,
    period: Period = 14,
    average: Average = "wilder",
    seed: Seed = "sma",
    first_bar: FirstBar = "skip",
) -> float:
    """Relative strength index: 100 · up / (up + down) of the averaged gains and losses; 50 where nothing moved.

    Wilder's average by default, seeded with the mean of the first `period` changes; `first_bar=count` lets the first
    bar be a change of 0.
    """
    moved = up + down
    if moved > 0.0:
        return 100.0 * up / moved
    return 50.0


def macd_line_inputs(fast: int, slow: int, average: Average, seed: Seed) -> tuple[str, ...]:
    return average_of(average, "{close}", fast, seed), average_of(average, "{close}", slow, seed)


@indicator("macd_line", sources=("close",), inputs=macd_line_inputs)
def macd_line(
    quick: float, calm: float, fast: Period = 12, slow: Period = 26, average: Average = "ema", seed: Seed = "first"
) -> float:
    """Fast average less slow average."""
    return quick - calm


class Macd(NamedTuple):
    value: float
    signal: float
    histogram: float


def macd_inputs(fast: int, slow: int, smoothing: int, average: Average, seed: Seed) -> tuple[str, ...]:
    line = f"macd_line({{close}},{fast},{slow},average={average},seed={seed})"
    return line, average_of(average, line, smoothing, seed)


@indicator("macd", sources=("close",), inputs=macd_inputs)
def macd(
    line: float,
    smoothed: float,
    fast: Period = 12,
    slow: Period = 26,
    smoothing: Period = 9,
    average: Average = "ema",
    seed: Seed = "first",
) -> Macd:
    """Moving average convergence/divergence: fast less slow average, its own average as signal, and their gap."""
    return Macd(line, smoothed, line - smoothed)


@indicator("fast_k", inputs=("{x}", "highest({high},{period})", "lowest({low},{period})"), sources=("x", "high", "low"))
def fast_k(x: float, top: float, bottom: float, period: Period = 10) -> float:
    """Where a value stands in a range: 100 · (x − lowest) / (highest − lowest), 0 where the range is empty."""
    if top > bottom:
        return 100.0 * (x - bottom) / (top - bottom)
    return 0.0


class Stochastic(NamedTuple):
    k: float
    d: float


def stochastic_inputs(period: int, slowing: int, smoothing: int, average: Average) -> tuple[str, ...]:
    k = f"{average}(fast_k({{close}},{{high}},{{low}},{period}),{slowing})"
    return k, f"{average}({k},{smoothing})"


@indicator("stochastic", sources=("close", "high", "low"), inputs=stochastic_inputs)
def stochastic(
    slowed: float,
    smoothed: float,
    period: Period = 10,
    slowing: Period = 3,
    smoothing: Period = 10,
    average: Average = "sma",
) -> Stochastic:
    """Stochastic oscillator: k = average(100 · (close − lowest low) / (highest high − lowest low), slowing),
    d = average(k, smoothing). `slowing=1` is the fast form."""
    return Stochastic(slowed, smoothed)


def stoch_rsi_inputs(period: int, window: int, slowing: int, smoothing: int) -> tuple[str, ...]:
    rsi = f"rsi({{close}},{period})"
    k = f"sma(fast_k({rsi},{rsi},{rsi},{window}),{slowing})"
    return k, f"sma({k},{smoothing})"


@indicator("stoch_rsi", sources=("close",), inputs=stoch_rsi_inputs)
def stoch_rsi(
    slowed: float, smoothed: float, period: Period = 14, window: Period = 14, slowing: Period = 1, smoothing: Period = 3
) -> Stochastic:
    """Stochastic of the RSI: where RSI(period) stands in its range of `window` bars, 0 … 100; d = SMA(k, smoothing)."""
    return Stochastic(slowed, smoothed)


class CciState(NamedTuple):
    at: int
    value: float
    ring: list[float]


@indicator("cci", inputs=("hlc3",), init=lambda period: CciState(0, 0.0, window(period)), warmup=lambda period: period)
def cci(s: CciState, hlc3: float, period: SpanPeriod = 14) -> CciState:
    """Commodity channel index: (x − SMA) / (0.015 · mean absolute deviation), 0 where nothing deviates.

    The deviation has no running form: each bar costs time in proportion to `period`. Deviations below 10⁻¹² of the
    mean count as none.
    """
    s.ring[s.at] = hlc3
    mean = 0.0
    for k in range(period):
        mean += s.ring[k]
    mean = mean / period
    deviation = 0.0
    for k in range(period):
        deviation += abs(s.ring[k] - mean)
    deviation = deviation / period
    value = (hlc3 - mean) / (0.015 * deviation) if deviation > 1e-12 * abs(mean) else 0.0
    return CciState(s.at + 1 if s.at + 1 < period else 0, value, s.ring)


class FlowState(NamedTuple):
    seen: int
    last: float
    into: float
    out: float


@indicator(
    "money_flow",
    inputs=("hlc3", "volume"),
    init=FlowState(0, 0.0, 0.0, 0.0),
    outputs=("into", "out"),
    warmup=2,
)
def money_flow(s: FlowState, hlc3: float, volume: float) -> FlowState:
    """Price · volume of bars that rose (`into`) and of bars that fell (`out`); the first bar has neither."""
    if s.seen == 0 or hlc3 == s.last:
        return FlowState(1, hlc3, 0.0, 0.0)
    if hlc3 > s.last:
        return FlowState(1, hlc3, hlc3 * volume, 0.0)
    return FlowState(1, hlc3, 0.0, hlc3 * volume)


@indicator(
    "mfi",
    sources=("hlc3", "volume"),
    inputs=("sum(money_flow({hlc3},{volume}).into,{period})", "sum(money_flow({hlc3},{volume}).out,{period})"),
)
def mfi(into: float, out: float, period: Period = 14) -> float:
    """Money flow index: 100 · Σ into / (Σ into + Σ out) over `period` bars; 50 where no money moved."""
    moved = into + out
    if moved > 0.0:
        return 100.0 * into / moved
    return 50.0


@indicator("williams_r", sources=(), inputs=("close", "highest(high,{period})", "lowest(low,{period})"))
def williams_r(close: float, top: float, bottom: float, period: Period = 10) -> float:
    """Williams' %R: −100 · (highest high − close) / (highest high − lowest low); −100 where the range is empty."""
    if top > bottom:
        return -100.0 * (top - close) / (top - bottom)
    return -100.0


@indicator("momentum", sources=("close",), inputs=("{close}", "delay({close},{period})"))
def momentum(close: float, before: float, period: Period = 12) -> float:
    """Change over `period` bars: x − x[period]."""
    return close - before


@indicator("roc", sources=("close",), inputs=("{close}", "delay({close},{period})"))
def roc(close: float, before: float, period: Period = 14) -> float:
    """Rate of change in percent: 100 · (x / x[period] − 1), 0 where x[period] is 0."""
    if before != 0.0:
        return (close / before - 1.0) * 100.0
    return 0.0
