"""Moving-average crossover: long when line 1 crosses above line 2, short when it crosses below."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from strategies.library.registration import STRATEGIES

Period = Annotated[int, Meta(ge=1, le=500)]


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


@STRATEGIES.register("ema")
class EmaCrossover(Strategy):
    """a > b and a[1] ≤ b[1] is a cross above; the mirror image is a cross below. Closed bars only.

    Between crosses it has no opinion: what is held stays. An opposite cross turns the position.
    """

    class Params(msgspec.Struct, frozen=True):
        period_1: Period = 9
        period_2: Period = 21
        trend_line_1: TrendLine = TrendLine.EMA
        trend_line_2: TrendLine = TrendLine.EMA

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._line_1 = f"{_INDICATOR[params.trend_line_1]}(close,{params.period_1})"
        self._line_2 = f"{_INDICATOR[params.trend_line_2]}(close,{params.period_2})"
        self._cross = f"crosses({self._line_1},{self._line_2})"

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
        return self._line_1, self._line_2, self._cross

    def on_bar(self, ctx: Context) -> Wish | None:
        cross = ctx.value(self._cross)
        if not cross:
            return None
        evidence = {
            "line_1": ctx.value(self._line_1),
            "line_2": ctx.value(self._line_2),
            "line_1_before": ctx.previous(self._line_1),
            "line_2_before": ctx.previous(self._line_2),
        }
        return Wish(1, "cross_above", evidence=evidence) if cross > 0 else Wish(-1, "cross_below", evidence=evidence)


def _spelled(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.strip().upper().replace("_", "").replace(" ", "").replace("'", "")
    return _ALIASES.get(word, word)
