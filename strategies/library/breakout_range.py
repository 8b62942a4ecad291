"""Breakout from a range: an edge that has stood for long is broken on volume, in a market without a trend."""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Lookback, Movers, Side, Sides, VolumeRatio
from strategies.library.registration import STRATEGIES


class RangeState(NamedTuple):
    wish: float
    side: float  # the last wish
    top: float  # of the range on the bar before
    bottom: float
    top_age: int  # bars that it has stood
    bottom_age: int
    edge: float  # that was broken last


def leave_range(
    s: RangeState,
    close: float,
    top: float,
    bottom: float,
    adx: float,
    atr: float,
    volume: float,
    stood: int = 10,
    buffer: float = 0.1,
    max_adx: float = 25.0,
    volume_ratio: float = 1.5,
    sides: Side = "both",
) -> RangeState:
    """Over an old edge with volume; back inside is a failure."""
    top_age = s.top_age + 1 if top == s.top else 0
    bottom_age = s.bottom_age + 1 if bottom == s.bottom else 0
    breaks = adx <= max_adx and volume >= volume_ratio
    up = breaks and top_age >= stood and close > top + buffer * atr
    down = breaks and bottom_age >= stood and close < bottom - buffer * atr
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    if up or down:
        wish = 1.0 if up else -1.0
        return RangeState(wish, wish, top, bottom, top_age, bottom_age, top if up else bottom)
    if s.side * (close - s.edge) < 0.0:
        return RangeState(0.0, 0.0, top, bottom, top_age, bottom_age, s.edge)
    return RangeState(NO_OPINION, s.side, top, bottom, top_age, bottom_age, s.edge)


@STRATEGIES.register("breakout_range")
class BreakoutRange(StepStrategy):
    """Breakout from a range: an edge that has stood for long is broken on volume, without a trend.

    Long where the close is above the highest high of the `range_bars` bars before by at least `buffer` average true
    ranges, that high has been the highest for at least `stood` bars, the directional index of the bar before is at most
    `max_adx` (no trend), and the volume is at least `volume_ratio` times that of the `volume_bars` bars before. Short
    is the mirror image.

    Left when the close comes back inside the edge that was broken.
    """

    decision = Decision(leave_range, RangeState(NO_OPINION, 0.0, 0.0, 0.0, 0, 0, 0.0))
    reasons = {1: "range_broken_up", -1: "range_broken_down", 0: "breakout_failed"}

    class Params(msgspec.Struct, frozen=True):
        range_bars: Annotated[Lookback, Meta(description="bars of the range")] = 40
        stood: Annotated[int, Meta(ge=1, le=1_000, description="bars that the broken edge has stood")] = 10
        buffer: Annotated[float, Meta(ge=0, le=20, description="average true ranges beyond the edge")] = 0.1
        adx_period: Annotated[int, Meta(ge=2, le=500, description="bars in the directional index")] = 14
        max_adx: Annotated[float, Meta(gt=0, le=100, description="index value up to which there is no trend")] = 25.0
        atr_period: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 14
        volume_bars: Annotated[int, Meta(ge=1, le=1_000, description="bars of usual volume")] = 20
        volume_ratio: VolumeRatio = 1.5
        sides: Sides = "both"
        movers: Movers = "any"

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """An edge cannot have stood longer than the range reaches back."""
        if params.stood >= params.range_bars:
            return "stood", f"stood: less than range_bars ({params.range_bars}) was expected, found {params.stood}"
        return None

    def values(self) -> tuple[str, ...]:
        p = self.params
        return (
            "close",
            f"delay(highest(high,{p.range_bars}),1)",
            f"delay(lowest(low,{p.range_bars}),1)",
            f"delay(adx({p.adx_period}).value,1)",
            f"delay(atr({p.atr_period}),1)",
            f"relative_volume({p.volume_bars})",
        )
