"""Classic Supertrend: a close beyond the line with a reversal candle turns the position, the line trails it."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.context import Context
from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import LONG_AGO
from strategies.library.registration import STRATEGIES


class SupertrendState(NamedTuple):
    wish: float
    side: float  # the last wish
    direction: float  # of the bar before; 0 before the first
    open: float
    high: float
    low: float
    close: float
    up_age: int  # bars since a bullish reversal candle
    down_age: int


def follow_supertrend(
    s: SupertrendState,
    open: float,
    high: float,
    low: float,
    close: float,
    direction: float,
    line: float,
    candle: Literal["reversal", "color", "none"] = "reversal",
    candle_within: int = 2,
    leave_at_line: bool = True,
) -> SupertrendState:
    """Candle, break, then the wish."""
    up = close > open
    down = close < open
    if candle == "reversal":
        body = abs(close - open)
        over = high - max(open, close)
        under = min(open, close) - low
        engulfs = s.close < s.open and close >= s.open and open <= s.close
        covers = s.close > s.open and close <= s.open and open >= s.close
        hammer = under >= 2.0 * body and over <= body
        star = over >= 2.0 * body and under <= body
        up = up and (engulfs or hammer or (s.direction != 0.0 and close > s.high))
        down = down and (covers or star or (s.direction != 0.0 and close < s.low))
    elif candle == "none":
        up = True
        down = True
    up_age = 0 if up else s.up_age + 1
    down_age = 0 if down else s.down_age + 1
    turned = s.direction * direction < 0.0
    wish = NO_OPINION
    if turned and (up_age if direction > 0.0 else down_age) < candle_within:
        wish = direction
    elif turned and leave_at_line and s.side * direction < 0.0:
        wish = 0.0
    side = wish if wish == wish else s.side
    return SupertrendState(wish, side, direction, open, high, low, close, up_age, down_age)


@STRATEGIES.register("supertrend")
class Supertrend(StepStrategy):
    """Classic Supertrend: a close beyond the line with a reversal candle turns the position.

    Long where the close crosses above the line (the upper band) with a bullish reversal candle, short where it
    crosses below with a bearish one.

    A bullish `reversal` candle closes above its open, and engulfs the falling body before it, or is a hammer (lower
    shadow at least twice the body, upper one at most the body), or closes above the high before it; bearish mirrored.
    It may be the breaking bar or one of the `candle_within` − 1 bars before. `color` asks for the close beyond the open
    only, `none` for nothing.

    The line is the trailing stop: it is told with every wish (`stop`), and with `leave_at_line` a close beyond it
    without a candle ends the position without turning it.
    """

    decision = Decision(
        follow_supertrend, SupertrendState(NO_OPINION, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, LONG_AGO, LONG_AGO)
    )
    reasons = {1: "break_above_line", -1: "break_below_line", 0: "line_crossed"}

    class Params(msgspec.Struct, frozen=True):
        period: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 10
        multiplier: Annotated[float, Meta(gt=0, le=100, description="average true ranges from line to price")] = 3.0
        average: Annotated[
            Literal["wilder", "sma", "ema", "wma", "hma"], Meta(description="how true ranges are averaged")
        ] = "wilder"
        candle: Annotated[Literal["reversal", "color", "none"], Meta(description="the candle that an entry needs")] = (
            "reversal"
        )
        candle_within: Annotated[
            int, Meta(ge=1, le=50, description="bars, the breaking one included, in which the candle may stand")
        ] = 2
        leave_at_line: Annotated[bool, Meta(description="flat where the line is crossed without a candle")] = True

    def values(self) -> tuple[str, ...]:
        p = self.params
        study = f"supertrend({p.period},{p.multiplier},average={p.average})"
        return "open", "high", "low", "close", f"{study}.direction", f"{study}.line"

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """The bar, and the line as the stop that trails the position."""
        return {**values, "stop": values["line"]}
