"""Moving-average crossover: long when line 1 crosses above line 2, short when it crosses below."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.strategy.context import Context
from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.registration import STRATEGIES


class TrendLine(StrEnum):
    """The kinds of average."""

    EMA = "EMA"
    SMA = "SMA"
    WMA = "WMA"
    WILDERS = "WILDERS"


_INDICATOR = {TrendLine.EMA: "ema", TrendLine.SMA: "sma", TrendLine.WMA: "wma", TrendLine.WILDERS: "wilder"}
_ALIASES = {
    "WILDER": "WILDERS",
    "WILDERSMOOTHER": "WILDERS",
    "WILDERSSMOOTHING": "WILDERS",
    "WILDERSAVERAGE": "WILDERS",
}


def follow_cross(cross: float) -> float:
    """Up with a cross above, down with a cross below."""
    return cross if cross != 0.0 else NO_OPINION


@STRATEGIES.register("ema")
class EmaCrossover(StepStrategy):
    """Moving-average crossover: long when line 1 crosses above line 2, short when it crosses below.

    a > b and a[1] ≤ b[1] is a cross above; the mirror image is a cross below. Closed bars only.

    Between crosses it has no opinion: what is held stays. An opposite cross turns the position.
    """

    decision = Decision(follow_cross)
    reasons = {1: "cross_above", -1: "cross_below"}

    class Params(msgspec.Struct, frozen=True):
        period_1: Annotated[int, Meta(ge=1, le=500, description="bars in line 1")] = 9
        period_2: Annotated[int, Meta(ge=1, le=500, description="bars in line 2")] = 21
        trend_line_1: Annotated[TrendLine, Meta(description="the kind of average of line 1")] = TrendLine.EMA
        trend_line_2: Annotated[TrendLine, Meta(description="the kind of average of line 2")] = TrendLine.EMA

    def __init__(self, params: Any) -> None:
        self._line_1 = f"{_INDICATOR[params.trend_line_1]}(close,{params.period_1})"
        self._line_2 = f"{_INDICATOR[params.trend_line_2]}(close,{params.period_2})"
        super().__init__(params)

    def values(self) -> tuple[str, ...]:
        return (f"crosses({self._line_1},{self._line_2})",)

    @classmethod
    def normalize(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """Averages in any case, and under the other names of Wilder's."""
        return {name: _spelled(value) if name.startswith("trend_line") else value for name, value in raw.items()}

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """Two equal lines never cross."""
        if (params.period_1, params.trend_line_1) == (params.period_2, params.trend_line_2):
            return "period_2", f"period_2: a line other than line 1 was expected, found the same ({params.period_2})"
        return None

    def indicators(self) -> tuple[str, ...]:
        return self._line_1, self._line_2, *self.values()

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """Both lines now and before."""
        return {
            "line_1": ctx.value(self._line_1),
            "line_2": ctx.value(self._line_2),
            "line_1_before": ctx.previous(self._line_1),
            "line_2_before": ctx.previous(self._line_2),
        }


def _spelled(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.strip().upper().replace("_", "").replace(" ", "").replace("'", "")
    return _ALIASES.get(word, word)
