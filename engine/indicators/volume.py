"""What volume says: its flow, its weight on price, and how unusual it is."""

from math import sqrt
from typing import NamedTuple

from engine.indicators.params import Factor, Period, SpanPeriod
from engine.indicators.recurrence import indicator


class ObvState(NamedTuple):
    seen: int
    close: float
    value: float


@indicator("obv", inputs=("close", "volume"), init=ObvState(0, 0.0, 0.0))
def obv(s: ObvState, close: float, volume: float) -> ObvState:
    """On-balance volume: volume is added on a higher close, taken away on a lower one. Starts at 0 on the first bar."""
    if s.seen == 0:
        return ObvState(1, close, 0.0)
    if close > s.close:
        return ObvState(1, close, s.value + volume)
    if close < s.close:
        return ObvState(1, close, s.value - volume)
    return ObvState(1, close, s.value)


class VwapState(NamedTuple):
    seen: int
    session: float
    volume: float
    squares: float
    value: float
    upper: float
    lower: float
    deviation: float


@indicator(
    "session_vwap",
    sources=("hlc3", "volume", "session"),
    inputs=("{hlc3}", "{volume}", "{session}"),
    init=VwapState(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    outputs=("value", "upper", "lower", "deviation"),
)
def session_vwap(s: VwapState, price: float, volume: float, session: float, factor: Factor = 2.0) -> VwapState:
    """Volume-weighted average price since the session began, with bands.

    value = Σ price · volume / Σ volume, deviation = √(Σ volume · (price − value)² / Σ volume), bands value ± factor ·
    deviation; all by West's weighted update. It starts again with each session, and is the price itself until
    something trades.
    """
    if s.seen == 0 or session != s.session or s.volume <= 0.0:
        return VwapState(1, session, volume, 0.0, price, price, price, 0.0)
    if volume <= 0.0:
        return s
    total = s.volume + volume
    mean = s.value + (price - s.value) * volume / total
    squares = s.squares + volume * (price - s.value) * (price - mean)
    deviation = sqrt(squares / total) if squares > 0.0 else 0.0
    reach = factor * deviation
    return VwapState(1, session, total, squares, mean, mean + reach, mean - reach, deviation)


@indicator("rolling_vwap", sources=("hlc3", "volume"), inputs=("vwma({hlc3},{volume},{period})",))
def rolling_vwap(average: float, period: SpanPeriod = 20) -> float:
    """Volume-weighted average price of the last `period` bars: Σ price · volume / Σ volume."""
    return average


@indicator("relative_volume", sources=("volume",), inputs=("{volume}", "delay(sma({volume},{period}),1)"))
def relative_volume(volume: float, usual: float, period: Period = 20) -> float:
    """Volume as a multiple of the mean of the `period` bars before it; 1 where nothing traded in them."""
    if usual > 0.0:
        return volume / usual
    return 1.0


class Regime(NamedTuple):
    regime: float
    ratio: float


@indicator("volume_regime", sources=("volume",), inputs=("sma({volume},{fast})", "sma({volume},{slow})"))
def volume_regime(
    recent: float, usual: float, fast: Period = 5, slow: Period = 50, high: Factor = 1.5, low: Factor = 0.67
) -> Regime:
    """Whether trading is busy: `ratio` = SMA(volume, fast) / SMA(volume, slow); `regime` 1 from `high` on, −1 up to
    `low`, else 0. The ratio is 1 where nothing traded."""
    ratio = recent / usual if usual > 0.0 else 1.0
    regime = 1.0 if ratio >= high else (-1.0 if ratio <= low else 0.0)
    return Regime(regime, ratio)
