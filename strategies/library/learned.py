"""Learned: a model that learns with every bar says how likely a rise is; it is followed where it is sure enough."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from engine.strategy.context import Context
from engine.strategy.decision import NO_OPINION, Decision, StepStrategy
from strategies.library.fields import Movers, Side, Sides
from strategies.library.registration import STRATEGIES

WEIGHTS = ("level", "strength", "place", "change", "money")


class OddsState(NamedTuple):
    wish: float
    side: float  # the last wish
    was: float  # the side that was likely enough on the bar before


def follow_odds(
    s: OddsState, chance: float, enter: float = 0.55, leave: float = 0.5, sides: Side = "both"
) -> OddsState:
    """In on the first bar that is likely enough, out when it is no longer."""
    up = chance >= enter
    down = chance <= 1.0 - enter
    if sides == "long":
        down = False
    elif sides == "short":
        up = False
    now = 1.0 if up else (-1.0 if down else 0.0)
    wish = NO_OPINION
    if now != 0.0 and now != s.was:
        wish = now
    elif (s.side > 0.0 and chance < leave) or (s.side < 0.0 and chance > 1.0 - leave):
        wish = 0.0
    return OddsState(wish, wish if wish == wish else s.side, now)


@STRATEGIES.register("learned")
class Learned(StepStrategy):
    """A model that learns with every bar says how likely a rise is; it is followed where it is sure enough.

    The model is `rise_chance`: a logistic regression on RSI, the ranks of the close and of its change, and the money
    flow, all over `period` bars, which learns from each bar once the close `ahead` bars later is known. Nothing that
    was learned elsewhere comes with it: it starts from nothing, and `learn` outcomes are part of the warm-up.

    Long on the first bar on which a rise is at least `enter` likely; short where a fall is. Left when the likelihood
    of its side falls below `leave`. The likelihood is the signal's confidence, the weights are its evidence.
    """

    decision = Decision(follow_odds, OddsState(NO_OPINION, 0.0, 0.0))
    reasons = {1: "rise_is_likely", -1: "fall_is_likely", 0: "no_longer_likely"}

    class Params(msgspec.Struct, frozen=True):
        period: Annotated[int, Meta(ge=2, le=1_000, description="bars that the model looks at")] = 20
        ahead: Annotated[int, Meta(ge=1, le=500, description="bars until an outcome is known")] = 5
        learn: Annotated[int, Meta(ge=1, le=10_000, description="outcomes before the model is asked")] = 250
        rate: Annotated[float, Meta(gt=0, le=1, description="how far one outcome moves the weights")] = 0.05
        decay: Annotated[float, Meta(ge=0, le=0.1, description="how fast what was learned is forgotten")] = 0.001
        enter: Annotated[float, Meta(gt=0.5, lt=1, description="likelihood that is entered")] = 0.55
        leave: Annotated[float, Meta(ge=0, le=0.99, description="likelihood below which it is left")] = 0.5
        sides: Sides = "both"
        movers: Movers = "any"

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """What is entered is not left at once."""
        if params.leave > params.enter:
            return "leave", f"leave: at most enter ({params.enter:g}) was expected, found {params.leave:g}"
        return None

    def __init__(self, params: Any) -> None:
        p = params
        self._model = f"rise_chance({p.period},{p.ahead},{p.learn},{p.rate!r},{p.decay!r})"
        super().__init__(params)

    def values(self) -> tuple[str, ...]:
        return (f"{self._model}.value",)

    def indicators(self) -> tuple[str, ...]:
        return *self.values(), *(f"{self._model}.{name}" for name in WEIGHTS)

    def confidence(self, target: int, values: Mapping[str, float]) -> float:
        """The likelihood of the side that is taken; certain where one is left."""
        chance = values["chance"]
        return chance if target > 0 else 1.0 - chance if target < 0 else 1.0

    def evidence(self, ctx: Context, values: dict[str, float]) -> Mapping[str, float]:
        """The likelihood of a rise and what the model had learned."""
        return values | {name: ctx.value(f"{self._model}.{name}") for name in WEIGHTS}
