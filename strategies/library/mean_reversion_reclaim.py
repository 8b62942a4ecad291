"""Mean reversion by reclaim: a level is lost, quickly won back, and whoever sold the break must cover."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import LONG_AGO, Lookback, Movers, Side, Sides
from strategies.library.registration import STRATEGIES


class ReclaimState(NamedTuple):
    wish: float
    rule: int
    side: float  # the last wish
    support: float  # lost, and not yet won back
    support_age: int  # bars since
    lowest: float  # low since
    resistance: float
    resistance_age: int
    highest: float
    stop: float  # the extreme before the last entry


def reclaim(
    s: ReclaimState,
    high: float,
    low: float,
    close: float,
    support: float,
    resistance: float,
    mean: float,
    atr: float,
    within: int = 5,
    max_depth: float = 1.5,
    sides: Side = "both",
) -> ReclaimState:
    """Lost, won back, then out at the mean or beyond the extreme."""
    is_open = s.support_age < within and close >= s.support - max_depth * atr
    is_lost = not is_open and support - max_depth * atr <= close < support
    level = support if is_lost else s.support
    lowest = low if is_lost else min(low, s.lowest)
    age = 0 if is_lost else (s.support_age + 1 if is_open else LONG_AGO)
    is_open_above = s.resistance_age < within and close <= s.resistance + max_depth * atr
    is_lost_above = not is_open_above and resistance < close <= resistance + max_depth * atr
    level_above = resistance if is_lost_above else s.resistance
    highest = high if is_lost_above else max(high, s.highest)
    age_above = 0 if is_lost_above else (s.resistance_age + 1 if is_open_above else LONG_AGO)
    up = is_open and close > level and close < mean
    down = is_open_above and close < level_above and close > mean
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    wish = NO_OPINION
    rule = 0
    stop = s.stop
    if up or down:
        wish = 1.0 if up else -1.0
        rule = 1 if up else -1
        stop = lowest if up else highest
        age = LONG_AGO
        age_above = LONG_AGO
    elif s.side * (close - s.stop) < 0.0:
        wish = 0.0
        rule = 2
    elif s.side * (close - mean) > 0.0:
        wish = 0.0
    side = wish if wish == wish else s.side
    return ReclaimState(wish, rule, side, level, age, lowest, level_above, age_above, highest, stop)


@STRATEGIES.register("mean_reversion_reclaim")
class MeanReversionReclaim(StepStrategy):
    """Mean reversion by reclaim: a level is lost and quickly won back.

    A close below the lowest low of the `level_bars` bars before loses that level, if it is lost by at most
    `max_depth` average true ranges. Long where one of the next `within` bars closes above it again, below the mean of
    `mean_bars` closes. Short above the highest high is the mirror image.

    Left when the close is beyond the mean (`mean_reached`), or beyond the extreme that was made while the level was
    lost (`reclaim_failed`).
    """

    decision = Decision(reclaim, ReclaimState(NO_OPINION, 0, 0.0, 0.0, LONG_AGO, 0.0, 0.0, LONG_AGO, 0.0, 0.0))
    reasons = {1: "support_reclaimed", -1: "resistance_reclaimed", 0: "mean_reached", 2: "reclaim_failed"}

    class Params(msgspec.Struct, frozen=True):
        level_bars: Annotated[Lookback, Meta(description="bars whose extreme is the level")] = 30
        within: Annotated[int, Meta(ge=1, le=500, description="bars in which the level must be won back")] = 5
        max_depth: Annotated[float, Meta(gt=0, le=50, description="average true ranges beyond the level at most")] = 1.5
        mean_bars: Annotated[Lookback, Meta(description="bars in the mean")] = 20
        atr_period: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 14
        sides: Sides = "both"
        movers: Movers = "any"

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "high",
            "low",
            "close",
            f"delay(lowest(low,{p.level_bars}),1)",
            f"delay(highest(high,{p.level_bars}),1)",
            f"sma(close,{p.mean_bars})",
            f"atr({p.atr_period})",
        )
