"""Trend followers: directional movement, the two Supertrends, Heikin-Ashi."""

from typing import NamedTuple

from engine.indicators.params import Average, Factor, Period, Seed
from engine.indicators.recurrence import indicator


class MovementState(NamedTuple):
    seen: int
    high: float
    low: float
    plus: float
    minus: float


@indicator(
    "directional_movement",
    inputs=("high", "low"),
    init=MovementState(0, 0.0, 0.0, 0.0, 0.0),
    outputs=("plus", "minus"),
    warmup=2,
)
def directional_movement(s: MovementState, high: float, low: float) -> MovementState:
    """Directional movement: how much further up (`plus`) or down (`minus`) a bar reaches than the one before.

    The larger of high − high[1] and low[1] − low counts, if it is positive. The first bar has none.
    """
    if s.seen == 0:
        return MovementState(1, high, low, 0.0, 0.0)
    up = high - s.high
    down = s.low - low
    plus = up if up > down and up > 0.0 else 0.0
    minus = down if down > up and down > 0.0 else 0.0
    return MovementState(1, high, low, plus, minus)


class Directional(NamedTuple):
    plus: float
    minus: float
    dx: float


@indicator(
    "dmi",
    sources=(),
    inputs=(
        "{average}(directional_movement().plus,{period})",
        "{average}(directional_movement().minus,{period})",
        "atr({period},average={average})",
    ),
)
def dmi(up: float, down: float, atr: float, period: Period = 14, average: Average = "wilder") -> Directional:
    """Directional indicators: `plus` and `minus` = 100 · average(movement) / ATR, `dx` = 100 · |plus − minus| / (plus +
    minus); 0 where nothing moved."""
    plus = 100.0 * up / atr if atr > 0.0 else 0.0
    minus = 100.0 * down / atr if atr > 0.0 else 0.0
    total = plus + minus
    dx = 100.0 * abs(plus - minus) / total if total > 0.0 else 0.0
    return Directional(plus, minus, dx)


class DirectionalIndex(NamedTuple):
    value: float
    plus: float
    minus: float


def adx_inputs(period: int, average: Average) -> tuple[str, ...]:
    dmi = f"dmi({period},average={average})"
    return f"{average}({dmi}.dx,{period})", f"{dmi}.plus", f"{dmi}.minus"


@indicator("adx", sources=(), inputs=adx_inputs)
def adx(averaged: float, up: float, down: float, period: Period = 14, average: Average = "wilder") -> DirectionalIndex:
    """Average directional index: the average of dx, with the directional indicators `plus` and `minus`."""
    return DirectionalIndex(averaged, up, down)


class SupertrendState(NamedTuple):
    line: float
    direction: float
    upper: float
    lower: float
    close: float


def supertrend_inputs(period: int, average: Average, seed: Seed) -> tuple[str, ...]:
    return "{hl2}", "{close}", f"atr({period},average={average},seed={seed})"


@indicator(
    "supertrend",
    sources=("hl2", "close"),
    inputs=supertrend_inputs,
    init=SupertrendState(0.0, 0.0, 0.0, 0.0, 0.0),
    outputs=("line", "direction"),
)
def supertrend(
    s: SupertrendState,
    hl2: float,
    close: float,
    atr: float,
    period: Period = 10,
    multiplier: Factor = 3.0,
    average: Average = "wilder",
    seed: Seed = "sma",
) -> SupertrendState:
    """Classic Supertrend: bands hl2 ± multiplier · ATR that only tighten while price stays inside them.

    Upper' = basic if basic < upper or close[1] > upper, else upper; lower mirrored. In an uptrend (`direction` 1) the
    line is the lower band until the close falls below it; then the upper band (`direction` −1) until the close rises
    above it. The first bar is an uptrend.
    """
    upper = hl2 + multiplier * atr
    lower = hl2 - multiplier * atr
    if s.direction == 0.0:
        return SupertrendState(lower, 1.0, upper, lower, close)
    if s.close <= s.upper and s.upper < upper:
        upper = s.upper
    if s.close >= s.lower and s.lower > lower:
        lower = s.lower
    if s.direction > 0.0:
        if close < lower:
            return SupertrendState(upper, -1.0, upper, lower, close)
        return SupertrendState(lower, 1.0, upper, lower, close)
    if close > upper:
        return SupertrendState(lower, 1.0, upper, lower, close)
    return SupertrendState(upper, -1.0, upper, lower, close)


class MobiusState(NamedTuple):
    line: float
    direction: float


@indicator(
    "mobius_supertrend",
    sources=("hl2", "close"),
    inputs=("{hl2}", "{close}", "atr({period},average={average})"),
    init=MobiusState(0.0, 0.0),
    outputs=("line", "direction"),
)
def mobius_supertrend(
    s: MobiusState,
    hl2: float,
    close: float,
    atr: float,
    period: Period = 4,
    multiplier: Factor = 1.0,
    average: Average = "hma",
) -> MobiusState:
    """Mobius' SuperTrend: hl2 + multiplier · ATR while the close is below the line of the bar before, else
    hl2 − multiplier · ATR.

    There is no ratchet: the line moves with every bar. It starts below. `direction` is the side of the close: 1 above
    the line, −1 below it, 0 on it.
    """
    line = hl2 + multiplier * atr if close < s.line else hl2 - multiplier * atr
    direction = 1.0 if close > line else (-1.0 if close < line else 0.0)
    return MobiusState(line, direction)


class HeikinAshiState(NamedTuple):
    seen: int
    open: float
    high: float
    low: float
    close: float


@indicator(
    "heikin_ashi",
    inputs=("open", "high", "low", "close"),
    init=HeikinAshiState(0, 0.0, 0.0, 0.0, 0.0),
    outputs=("open", "high", "low", "close"),
)
def heikin_ashi(s: HeikinAshiState, open: float, high: float, low: float, close: float) -> HeikinAshiState:
    """Heikin-Ashi candles.

    close' = (open + high + low + close) / 4; open' = (open'[1] + close'[1]) / 2, on the first bar (open + close) / 2;
    high' and low' reach over the real ones and both.
    """
    mean = (open + high + low + close) / 4.0
    start = (open + close) / 2.0 if s.seen == 0 else (s.open + s.close) / 2.0
    top = start if start > mean else mean
    bottom = start if start < mean else mean
    return HeikinAshiState(1, start, high if high > top else top, low if low < bottom else bottom, mean)
