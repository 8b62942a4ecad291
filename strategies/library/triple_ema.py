"""Trend Reversal: three averages in order, and the latest turn of the ZigZag on the same side."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput
from engine.strategy.context import Context
from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.registration import STRATEGIES

_PAINTED = {"as_painted", "painted", "hindsight"}


class TrendState(NamedTuple):
    wish: float
    seen: int
    long_setup: int  # the averages in order and the whole bar beyond the first, on the bar before
    short_setup: int
    long_run: int  # from the first such bar on, until the first two averages meet again
    short_run: int
    leg: float  # the latest turn of the ZigZag: 1 up, −1 down, 0 before the first
    side: float  # where everything that is required agreed, on the bar before


def follow_trend(
    s: TrendState,
    fast: float,
    medium: float,
    slow: float,
    high: float,
    low: float,
    turn: float,
    require: Literal["both", "ema", "zigzag"] = "both",
    leave_on_momentum: bool = False,
) -> TrendState:
    """The latches of the study, then the wish on the bar where they begin to agree."""
    long_setup = 1 if fast > medium and medium > slow and low > fast else 0
    short_setup = 1 if fast < medium and medium < slow and high < fast else 0
    long_run = s.long_run
    short_run = s.short_run
    if long_setup == 1 and s.long_setup == 0 and s.seen == 1:
        long_run = 1
    elif fast <= medium:
        long_run = 0
    if short_setup == 1 and s.short_setup == 0 and s.seen == 1:
        short_run = 1
    elif fast >= medium:
        short_run = 0
    leg = turn if turn != 0.0 else s.leg
    side = leg
    if require != "zigzag":
        side = 1.0 if long_run == 1 else (-1.0 if short_run == 1 else 0.0)
    if require == "both" and side * leg <= 0.0:
        side = 0.0
    wish = NO_OPINION
    if side != 0.0 and side != s.side:
        wish = side
    elif leave_on_momentum and (s.long_run > long_run or s.short_run > short_run):
        wish = 0.0
    return TrendState(wish, 1, long_setup, short_setup, long_run, short_run, leg, side)


@STRATEGIES.register("triple_ema", aliases=("supertrend_reversal",))
class TripleEma(StepStrategy):
    """Trend Reversal: three averages in order, and the latest turn of the ZigZag on the same side.

    Long on the bar at whose close two things first hold together: the averages are in a long run, and the latest
    ZigZag turn is up. Short is the mirror image.

    A long run begins where fast > medium > slow and the low is above the fast average, and the bar before was not so;
    it ends where fast ≤ medium. Turns are `confirmed` ones (known at the close of the bar that made them, never taken
    back) or `first_seen` arrows (earlier and more; about a third belong to legs that go on, so set a stop). The arrows
    of the finished chart (`as_painted`) are refused: nobody saw them in time.

    `require` asks for one of the two things only. Positions are left by the slot's exits or turned by the opposite
    wish; with `leave_on_momentum` also where a run ends. The defaults are those of the ThinkScript study "Trend
    Reversal Indicator with Signals".
    """

    decision = Decision(follow_trend, TrendState(NO_OPINION, 0, 0, 0, 0, 0, 0.0, 0.0))
    reasons = {1: "trend_reversal_up", -1: "trend_reversal_down", 0: "momentum_over"}

    class Params(msgspec.Struct, frozen=True):
        fast: Annotated[int, Meta(ge=1, le=500, description="bars in the fast average")] = 9
        medium: Annotated[int, Meta(ge=1, le=500, description="bars in the medium average")] = 14
        slow: Annotated[int, Meta(ge=2, le=500, description="bars in the slow average")] = 21
        require: Annotated[
            Literal["both", "ema", "zigzag"], Meta(description="what must hold: both, or one of the two alone")
        ] = "both"
        form: Annotated[Literal["confirmed", "first_seen"], Meta(description="when a turn of the ZigZag counts")] = (
            "confirmed"
        )
        method: Annotated[
            Literal["average", "high_low"], Meta(description="ZigZag of averaged highs and lows, or of the plain ones")
        ] = "average"
        average_length: Annotated[int, Meta(ge=1, le=500, description="bars averaged for method average")] = 5
        percentage: Annotated[
            float, Meta(ge=0, le=100, description="percent of the extreme that a turn takes: 0.01 is 0.01 %")
        ] = 0.01
        absolute: Annotated[float, Meta(ge=0, le=1_000_000, description="points that a turn takes besides")] = 0.05
        atr_length: Annotated[int, Meta(ge=1, le=500, description="bars in the average true range")] = 5
        atr_reversal: Annotated[
            float, Meta(ge=0, le=1000, description="average true ranges that a turn takes besides")
        ] = 2.0
        displace: Annotated[
            int, Meta(ge=-500, le=0, description="bars by which the averages lag (−2); ahead would be look-ahead")
        ] = 0
        leave_on_momentum: Annotated[bool, Meta(description="flat where a run of the averages ends")] = False

    @classmethod
    def normalize(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """Refuses the painted form in words, not as one of many unknown ones."""
        if str(raw.get("form", "")).strip().lower().replace(" ", "_") in _PAINTED:
            raise InvalidInput(
                "form: confirmed or first_seen was expected, found 'as_painted': the arrows of the finished chart are "
                "drawn when later bars are known, and trading on them is look-ahead",
                field="form",
            )
        return raw

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """The averages are ordered, and something ends a leg."""
        if not params.fast < params.medium:
            return "medium", f"medium: more than fast ({params.fast}) was expected, found {params.medium}"
        if not params.medium < params.slow:
            return "slow", f"slow: more than medium ({params.medium}) was expected, found {params.slow}"
        if not (params.percentage or params.absolute or params.atr_reversal):
            return "atr_reversal", "atr_reversal: above 0 was expected where percentage and absolute are 0, found 0"
        return None

    def __init__(self, params: Any) -> None:
        p = params
        reversal = f"percentage={p.percentage},absolute={p.absolute},atr_reversal={p.atr_reversal}"
        self._zigzag = f"{reversal},atr_length={p.atr_length},method={p.method},average_length={p.average_length}"
        super().__init__(params)

    def values(self) -> tuple[str, ...]:
        p = self.params
        lines = f"triple_ema({p.fast},{p.medium},{p.slow},displace={p.displace})"
        turn = f"zigzag({self._zigzag}).flip" if p.form == "confirmed" else f"zigzag_first_seen({self._zigzag})"
        return f"{lines}.fast", f"{lines}.medium", f"{lines}.slow", "high", "low", turn

    def indicators(self) -> tuple[str, ...]:
        return *self.values(), f"zigzag({self._zigzag}).pivot", f"zigzag({self._zigzag}).pivot_age"

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """What the step has read, and the last confirmed pivot: its price, and how many bars ago it stood."""
        pivot, age = self.indicators()[-2:]
        return {**values, "pivot": ctx.value(pivot), "pivot_age": ctx.value(age)}
