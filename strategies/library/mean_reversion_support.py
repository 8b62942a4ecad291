"""Mean reversion at support and resistance: the price tests an old extreme, holds, and goes back to its mean."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Lookback, Movers, Side, Sides
from strategies.library.registration import STRATEGIES


class SupportState(NamedTuple):
    wish: float
    rule: int
    side: float  # the last wish
    was: float  # the side whose conditions held on the bar before
    level: float  # that held at the last entry


def bounce(
    s: SupportState,
    open: float,
    high: float,
    low: float,
    close: float,
    support: float,
    resistance: float,
    mean: float,
    atr: float,
    rsi: float,
    tolerance: float = 0.25,
    oversold: float = 35.0,
    sides: Side = "both",
) -> SupportState:
    """In where the level holds, out at the mean or where the level is lost."""
    reach = tolerance * atr
    up = low <= support + reach and close > support and close > open and close < mean and rsi <= oversold
    down = (
        high >= resistance - reach and close < resistance and close < open and close > mean and rsi >= 100.0 - oversold
    )
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    now = 1.0 if up else (-1.0 if down else 0.0)
    if now != 0.0 and now != s.was:
        return SupportState(now, 1 if up else -1, now, now, support if up else resistance)
    if s.side * (close - s.level) < -reach and s.side != 0.0:
        return SupportState(0.0, 2, 0.0, now, s.level)
    if s.side * (close - mean) > 0.0:
        return SupportState(0.0, 0, 0.0, now, s.level)
    return SupportState(NO_OPINION, 0, s.side, now, s.level)


@STRATEGIES.register("mean_reversion_support")
class MeanReversionSupport(StepStrategy):
    """Mean reversion at support and resistance: an old extreme is tested and holds.

    Long where the low comes within `tolerance` average true ranges of the lowest low of the `level_bars` bars before
    (or pierces it), the bar closes above that level, above its own open and below the mean of `mean_bars` closes, and
    the relative strength index is at most `oversold`. Short at the highest high is the mirror image.

    Left when the close is beyond the mean (`mean_reached`), or `tolerance` average true ranges beyond the level on the
    wrong side (`level_lost`).
    """

    decision = Decision(bounce, SupportState(NO_OPINION, 0, 0.0, 0.0, 0.0))
    reasons = {1: "support_held", -1: "resistance_held", 0: "mean_reached", 2: "level_lost"}

    class Params(msgspec.Struct, frozen=True):
        level_bars: Annotated[Lookback, Meta(description="bars whose extreme is the level")] = 50
        tolerance: Annotated[float, Meta(gt=0, le=20, description="average true ranges that count as at the level")] = (
            0.25
        )
        mean_bars: Annotated[Lookback, Meta(description="bars in the mean")] = 20
        atr_period: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 14
        rsi_period: Annotated[int, Meta(ge=2, le=500, description="bars in the relative strength index")] = 7
        oversold: Annotated[float, Meta(gt=0, lt=50, description="index value from which a bounce may come")] = 35.0
        sides: Sides = "both"
        movers: Movers = "any"

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "open",
            "high",
            "low",
            "close",
            f"delay(lowest(low,{p.level_bars}),1)",
            f"delay(highest(high,{p.level_bars}),1)",
            f"sma(close,{p.mean_bars})",
            f"atr({p.atr_period})",
            f"rsi({p.rsi_period})",
        )
