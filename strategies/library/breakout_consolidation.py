"""Breakout from a consolidation: a narrow box is left on volume."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Lookback, Movers, Side, Sides, VolumeRatio
from strategies.library.registration import STRATEGIES


class BoxState(NamedTuple):
    wish: float
    side: float  # the last wish
    middle: float  # of the box that was left last


def leave_box(
    s: BoxState,
    close: float,
    top: float,
    bottom: float,
    atr: float,
    volume: float,
    max_width: float = 3.0,
    volume_ratio: float = 1.5,
    sides: Side = "both",
) -> BoxState:
    """Out of the box with volume; back over its middle is a failure."""
    breaks = top - bottom <= max_width * atr and volume >= volume_ratio
    up = breaks and close > top
    down = breaks and close < bottom
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    if up or down:
        wish = 1.0 if up else -1.0
        return BoxState(wish, wish, 0.5 * (top + bottom))
    if s.side * (close - s.middle) < 0.0:
        return BoxState(0.0, 0.0, s.middle)
    return BoxState(NO_OPINION, s.side, s.middle)


@STRATEGIES.register("breakout_consolidation")
class BreakoutConsolidation(StepStrategy):
    """Breakout from a consolidation: a narrow box is left on volume.

    Long where the close leaves, upwards, the box of the `box_bars` bars before, if that box was at most `max_width`
    average true ranges high, and the volume is at least `volume_ratio` times that of the `volume_bars` bars before.
    Short is the mirror image.

    Left when the close comes back over the middle of the box.
    """

    decision = Decision(leave_box, BoxState(NO_OPINION, 0.0, 0.0))
    reasons = {1: "box_left_up", -1: "box_left_down", 0: "breakout_failed"}

    class Params(msgspec.Struct, frozen=True):
        box_bars: Annotated[Lookback, Meta(description="bars of the box")] = 20
        max_width: Annotated[float, Meta(gt=0, le=100, description="height of the box in average true ranges")] = 3.0
        atr_period: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 50
        volume_bars: Annotated[int, Meta(ge=1, le=1_000, description="bars of usual volume")] = 20
        volume_ratio: VolumeRatio = 1.5
        sides: Sides = "both"
        movers: Movers = "any"

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "close",
            f"delay(highest(high,{p.box_bars}),1)",
            f"delay(lowest(low,{p.box_bars}),1)",
            f"delay(atr({p.atr_period}),1)",
            f"relative_volume({p.volume_bars})",
        )
