"""Momentum: the price has gone far in few bars, with the trend and on rising volume."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Movers, Side, Sides, VolumeRatio
from strategies.library.registration import STRATEGIES


class MomentumState(NamedTuple):
    wish: float
    side: float  # the last wish
    was: float  # the side whose conditions held on the bar before


def follow_momentum(
    s: MomentumState,
    close: float,
    change: float,
    trend: float,
    volume: float,
    min_change_pct: float = 1.0,
    volume_ratio: float = 1.5,
    sides: Side = "both",
) -> MomentumState:
    """In on the first bar on which all conditions hold, out when one of price's own is gone."""
    up = change >= min_change_pct and close > trend and volume >= volume_ratio
    down = change <= -min_change_pct and close < trend and volume >= volume_ratio
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    now = 1.0 if up else (-1.0 if down else 0.0)
    wish = NO_OPINION
    if now != 0.0 and now != s.was:
        wish = now
    elif s.side * change < 0.0 or s.side * (close - trend) < 0.0:
        wish = 0.0
    return MomentumState(wish, wish if wish == wish else s.side, now)


@STRATEGIES.register("momentum")
class Momentum(StepStrategy):
    """Momentum: the price has gone far in few bars, with the trend and on rising volume.

    Long on the first bar on which the close is at least `min_change_pct` above the close `change_bars` before, above
    its average of `trend_bars`, and the volume regime is busy: mean volume of `volume_fast` bars at least
    `volume_ratio` times that of `volume_slow`. Short is the mirror image.

    Left when the change turns against the position, or the close crosses the average.
    """

    decision = Decision(follow_momentum, MomentumState(NO_OPINION, 0.0, 0.0))
    reasons = {1: "momentum_up", -1: "momentum_down", 0: "momentum_gone"}

    class Params(msgspec.Struct, frozen=True):
        change_bars: Annotated[int, Meta(ge=1, le=1_000, description="bars over which the change counts")] = 10
        min_change_pct: Annotated[float, Meta(gt=0, le=100, description="change in percent that is momentum")] = 1.0
        trend_bars: Annotated[int, Meta(ge=2, le=1_000, description="bars in the average of the trend")] = 50
        volume_fast: Annotated[int, Meta(ge=1, le=500, description="bars of recent volume")] = 5
        volume_slow: Annotated[int, Meta(ge=2, le=1_000, description="bars of usual volume")] = 50
        volume_ratio: VolumeRatio = 1.5
        sides: Sides = "both"
        movers: Movers = "any"

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "close",
            f"roc(close,{p.change_bars})",
            f"ema(close,{p.trend_bars})",
            f"volume_regime({p.volume_fast},{p.volume_slow}).ratio",
        )
