"""Two simple averages of the last prints: long while the short one is above the long one, short while below."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.indicators.averages import MeanState, mean_start, sma
from engine.strategy.base import Strategy, Wish
from engine.strategy.context import Context
from strategies.library.registration import STRATEGIES

SAME = 1e-12  # averages no further apart than this share are equal


@STRATEGIES.register("sma_ticks")
class SmaTicks(Strategy):
    """Two averages of the last prints: long while the short one is above the long one, short while below.

    Decided on every print: buy when the average of the last `short` prices rises above that of the last `long`, sell
    when it falls below. On the first print on which both averages are known, their order alone decides.

    Confidence is the distance of the averages, |short / long − 1|, as a share of `full_confidence_pct`, at most 1.
    Prints between two updates of a bar that arrive together count once. A wish is told when the side changes, not
    again on every print.
    """

    class Params(msgspec.Struct, frozen=True):
        short: Annotated[int, Meta(ge=1, le=5_000, description="prints in the short average")] = 5
        long: Annotated[int, Meta(ge=2, le=10_000, description="prints in the long average")] = 20
        full_confidence_pct: Annotated[
            float, Meta(gt=0, le=100, description="distance of the averages, in percent, that means confidence 1")
        ] = 0.1

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._short: MeanState = mean_start(params.short)
        self._long: MeanState = mean_start(params.long)
        self._seen = 0
        self._side = 0

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """The averages differ in the right order."""
        if params.short >= params.long:
            return "long", f"long: more than short ({params.short}) was expected, found {params.long}"
        return None

    def on_tick(self, ctx: Context) -> Wish | None:
        price = ctx.price
        self._short = short = sma(self._short, price, self.params.short)
        self._long = long = sma(self._long, price, self.params.long)
        self._seen = min(self._seen + 1, self.params.long)
        gap = short.value - long.value
        # On a price grid the averages are often equal; what arithmetic leaves between them is no opinion.
        side = (gap > 0.0) - (gap < 0.0) if abs(gap) > SAME * abs(long.value) else 0
        if self._seen < self.params.long or side in (0, self._side):
            return None
        self._side = side
        distance = abs(gap) / abs(long.value) if long.value else 0.0
        return Wish(
            side,
            "short_above_long" if side > 0 else "short_below_long",
            confidence=min(1.0, 100.0 * distance / self.params.full_confidence_pct),
            evidence={"short": short.value, "long": long.value, "price": price},
        )

    def snapshot(self) -> dict[str, Any]:
        return {
            "short": [*self._short[:2], list(self._short.ring)],
            "long": [*self._long[:2], list(self._long.ring)],
            "seen": self._seen,
            "side": self._side,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._short, self._long = (
            MeanState(at, value, list(ring)) for at, value, ring in (state["short"], state["long"])
        )
        self._seen, self._side = state["seen"], state["side"]
