"""VWAP reversion: the price has gone far from the day's average price, turns, and is followed back to it."""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import ClosesAt, Movers, OpensAt, Side, Sides
from strategies.library.registration import STRATEGIES


class ReversionState(NamedTuple):
    wish: float
    rule: int
    side: float  # the last wish
    day: float
    bars: int  # of this day
    away: float  # of the bar before, in deviations
    stop: float  # where the last entry is wrong


def return_to_vwap(
    s: ReversionState,
    close: float,
    mean: float,
    deviation: float,
    clock: float,
    day: float,
    opens_at: float = 570.0,
    closes_at: float = 955.0,
    min_bars: int = 30,
    stretch: float = 2.0,
    give_up: float = 1.5,
    sides: Side = "both",
) -> ReversionState:
    """In where it is far away and closer than before; out at the average, too much further, or at the day's end."""
    is_over = day != s.day or clock >= closes_at or clock <= opens_at
    bars = s.bars + 1 if day == s.day else 1
    away = (close - mean) / deviation if deviation > 0.0 else 0.0
    may = bars >= min_bars and not is_over
    up = may and s.away <= -stretch and away > s.away and close < mean and s.side <= 0.0
    down = may and s.away >= stretch and away < s.away and close > mean and s.side >= 0.0
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    wish, stop = NO_OPINION, s.stop
    rule = 0
    if s.side != 0.0 and is_over:
        wish = 0.0
        rule = 2
    elif up or down:
        wish = 1.0 if up else -1.0
        rule = 1 if up else -1
        stop = close - wish * give_up * deviation
    elif s.side * (close - stop) < 0.0:
        wish = 0.0
        rule = 3
    elif s.side * (close - mean) > 0.0:
        wish = 0.0
    side = wish if wish == wish else s.side
    return ReversionState(wish, rule, side, day, bars, away, stop)


@STRATEGIES.register("vwap_reversion")
class VwapReversion(StepStrategy):
    """VWAP reversion: the price has gone far from the day's average price, turns, and is followed back to it.

    The average is that of (high + low + close) / 3 weighted by volume since `opens_at` (`session_vwap`), its deviation
    that of the same prices. Long where, after `min_bars` bars of the day, the bar before closed at least `stretch`
    deviations below the average and this one closes less far away; short above is the mirror image. Times are minutes
    of New York's day.

    Left beyond the average (`average_reached`), where the close is `give_up` deviations (those of the entry) worse than
    at the entry (`went_further`), and with the first bar outside the hours from `opens_at` to `closes_at` or of another
    day (`day_over`).
    """

    decision = Decision(return_to_vwap, ReversionState(NO_OPINION, 0, 0.0, -1.0, 0, 0.0, 0.0))
    reasons = {
        1: "turned_below_average",
        -1: "turned_above_average",
        0: "average_reached",
        2: "day_over",
        3: "went_further",
    }

    class Params(msgspec.Struct, frozen=True):
        opens_at: OpensAt = 570.0
        closes_at: ClosesAt = 955.0
        min_bars: Annotated[int, Meta(ge=2, le=1_000, description="bars of the day before anything is entered")] = 30
        stretch: Annotated[float, Meta(gt=0, le=20, description="deviations from the average that are far")] = 2.0
        give_up: Annotated[
            float, Meta(gt=0, le=20, description="deviations against the entry at which it is wrong")
        ] = 1.5
        sides: Sides = "both"
        movers: Movers = "any"

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """The day ends after it began."""
        if not params.opens_at < params.closes_at:
            found = f"{params.closes_at:g}"
            return "closes_at", f"closes_at: after opens_at ({params.opens_at:g}) was expected, found {found}"
        return None

    def values(self) -> tuple[str, ...]:
        day = f"day_from({self.params.opens_at!r})"
        average = f"session_vwap(hlc3,volume,{day})"
        return "close", f"{average}.value", f"{average}.deviation", "clock", day
