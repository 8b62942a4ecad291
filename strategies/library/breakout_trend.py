"""Breakout in a trend: a new extreme in the trend's direction, on volume."""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Lookback, Movers, Side, Sides, VolumeRatio
from strategies.library.registration import STRATEGIES


class ChannelState(NamedTuple):
    wish: float
    side: float  # the last wish
    was: float  # the side whose conditions held on the bar before


def follow_channel(
    s: ChannelState,
    close: float,
    fast: float,
    slow: float,
    adx: float,
    top: float,
    bottom: float,
    exit_top: float,
    exit_bottom: float,
    volume: float,
    min_adx: float = 20.0,
    volume_ratio: float = 1.2,
    sides: Side = "both",
) -> ChannelState:
    """In on a new extreme with the trend, out on a new extreme of the shorter channel against it."""
    strong = adx >= min_adx and volume >= volume_ratio
    up = strong and fast > slow and close > top
    down = strong and fast < slow and close < bottom
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    now = 1.0 if up else (-1.0 if down else 0.0)
    wish = NO_OPINION
    if now != 0.0 and now != s.was:
        wish = now
    elif (s.side > 0.0 and close < exit_bottom) or (s.side < 0.0 and close > exit_top):
        wish = 0.0
    return ChannelState(wish, wish if wish == wish else s.side, now)


@STRATEGIES.register("breakout_trend")
class BreakoutTrend(StepStrategy):
    """Breakout in a trend: a new extreme in the trend's direction, on volume.

    Long on the first bar that closes above the highest high of the `channel_bars` bars before, while the fast
    average is above the slow one, the directional index is at least `min_adx`, and the volume at least `volume_ratio`
    times that of the `volume_bars` bars before. Short is the mirror image.

    Left when the close is below the lowest low of the `exit_bars` bars before (a short: above the highest high).
    """

    decision = Decision(follow_channel, ChannelState(NO_OPINION, 0.0, 0.0))
    reasons = {1: "new_high_in_uptrend", -1: "new_low_in_downtrend", 0: "channel_lost"}

    class Params(msgspec.Struct, frozen=True):
        channel_bars: Annotated[Lookback, Meta(description="bars whose extreme is broken")] = 20
        exit_bars: Annotated[Lookback, Meta(description="bars whose opposite extreme ends it")] = 10
        fast: Annotated[int, Meta(ge=1, le=1_000, description="bars in the fast average")] = 20
        slow: Annotated[int, Meta(ge=2, le=1_000, description="bars in the slow average")] = 50
        adx_period: Annotated[int, Meta(ge=2, le=500, description="bars in the directional index")] = 14
        min_adx: Annotated[float, Meta(ge=0, le=100, description="index value from which there is a trend")] = 20.0
        volume_bars: Annotated[int, Meta(ge=1, le=1_000, description="bars of usual volume")] = 20
        volume_ratio: VolumeRatio = 1.2
        sides: Sides = "both"
        movers: Movers = "any"

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """The averages are in order."""
        if params.fast >= params.slow:
            return "slow", f"slow: more than fast ({params.fast}) was expected, found {params.slow}"
        return None

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "close",
            f"ema(close,{p.fast})",
            f"ema(close,{p.slow})",
            f"adx({p.adx_period}).value",
            f"delay(highest(high,{p.channel_bars}),1)",
            f"delay(lowest(low,{p.channel_bars}),1)",
            f"delay(highest(high,{p.exit_bars}),1)",
            f"delay(lowest(low,{p.exit_bars}),1)",
            f"relative_volume({p.volume_bars})",
        )
