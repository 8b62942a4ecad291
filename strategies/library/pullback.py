"""Pullbacks: in a trend, the price comes back a little and then goes on."""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import INF, LONG_AGO, Movers, Side, Sides
from strategies.library.registration import STRATEGIES


class PullbackState(NamedTuple):
    wish: float
    side: float  # the last wish
    high: float  # of the bar before
    low: float
    dip_age: int  # bars since the price came back in an uptrend
    peak_age: int  # the same in a downtrend


def follow_pullback(
    s: PullbackState,
    high: float,
    low: float,
    close: float,
    fast: float,
    slow: float,
    below: float,
    above: float,
    entry: Literal["average", "band", "rsi"] = "average",
    within: int = 5,
    oversold: float = 40.0,
    sides: Side = "both",
) -> PullbackState:
    """Trend, pullback, then the bar that goes on."""
    rising = fast > slow and close > slow
    falling = fast < slow and close < slow
    if entry == "rsi":
        dip = rising and below <= oversold
        peak = falling and above >= 100.0 - oversold
    else:
        dip = rising and low <= below
        peak = falling and high >= above
    dip_age = 0 if dip else s.dip_age + 1
    peak_age = 0 if peak else s.peak_age + 1
    up = rising and dip_age <= within and close > s.high
    down = falling and peak_age <= within and close < s.low
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    wish = NO_OPINION
    if up or down:
        wish = 1.0 if up else -1.0
        dip_age = LONG_AGO
        peak_age = LONG_AGO
    elif s.side * (close - slow) < 0.0:
        wish = 0.0
    return PullbackState(wish, wish if wish == wish else s.side, high, low, dip_age, peak_age)


@STRATEGIES.register("pullback")
class Pullback(StepStrategy):
    """Pullback: in a trend, the price comes back a little and then goes on.

    Long where the averages rise (fast above slow, close above slow), a bar of the last `within` came back far
    enough, and this bar closes above the high before it. Short is the mirror image.

    How far is back, by `entry`: `average`: the low reaches the fast average; `band`: it reaches the lower Keltner band
    around the fast average; `rsi`: the relative strength index falls to `oversold` (rises to 100 − oversold). One entry
    for each pullback. Left when the close crosses the slow average.
    """

    decision = Decision(follow_pullback, PullbackState(NO_OPINION, 0.0, INF, -INF, LONG_AGO, LONG_AGO))
    reasons = {1: "pullback_resumed_up", -1: "pullback_resumed_down", 0: "trend_lost"}

    class Params(msgspec.Struct, frozen=True):
        fast: Annotated[int, Meta(ge=1, le=1_000, description="bars in the fast average")] = 20
        slow: Annotated[int, Meta(ge=2, le=1_000, description="bars in the slow average")] = 50
        entry: Annotated[Literal["average", "band", "rsi"], Meta(description="what the price must come back to")] = (
            "average"
        )
        within: Annotated[int, Meta(ge=0, le=100, description="bars since the price came back")] = 5
        band: Annotated[float, Meta(gt=0, le=20, description="width of the band in average true ranges")] = 1.0
        rsi_period: Annotated[int, Meta(ge=2, le=500, description="bars in the relative strength index")] = 5
        oversold: Annotated[float, Meta(gt=0, lt=50, description="index value that is a pullback")] = 40.0
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
        fast = f"ema(close,{p.fast})"
        band = f"keltner(close,{p.fast},{p.band},average=ema)"
        back = {
            "average": (fast, fast),
            "band": (f"{band}.lower", f"{band}.upper"),
            "rsi": (f"rsi({p.rsi_period})",) * 2,
        }
        return "high", "low", "close", fast, f"ema(close,{p.slow})", *back[p.entry]
