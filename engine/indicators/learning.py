"""What has followed before: a model that learns from every bar once its outcome is known."""

from math import exp
from typing import Annotated, NamedTuple

from msgspec import Meta

from engine.indicators.params import SpanPeriod
from engine.indicators.recurrence import indicator

Ahead = Annotated[int, Meta(ge=1, le=1_000)]
Learn = Annotated[int, Meta(ge=1, le=10_000)]
Rate = Annotated[float, Meta(gt=0.0, le=1.0)]
Decay = Annotated[float, Meta(ge=0.0, le=0.1)]


class ChanceState(NamedTuple):
    level: float
    strength: float
    place: float
    change: float
    money: float
    value: float


def chance_inputs(period: int, ahead: int) -> tuple[str, ...]:
    seen = (
        f"rsi({period})",
        f"percentile_rank(close,{period})",
        f"percentile_rank(roc(close,{ahead}),{period})",
        f"mfi({period})",
    )
    return ("close", *seen, f"delay(close,{ahead})", *(f"delay({each},{ahead})" for each in seen))


@indicator(
    "rise_chance",
    sources=(),
    inputs=chance_inputs,
    init=ChanceState(0.0, 0.0, 0.0, 0.0, 0.0, 0.5),
    warmup=lambda learn: learn,
    outputs=("value", "level", "strength", "place", "change", "money"),
)
def rise_chance(
    s: ChanceState,
    close: float,
    rsi: float,
    rank: float,
    change: float,
    mfi: float,
    close_then: float,
    rsi_then: float,
    rank_then: float,
    change_then: float,
    mfi_then: float,
    period: SpanPeriod = 20,
    ahead: Ahead = 5,
    learn: Learn = 100,
    rate: Rate = 0.05,
    decay: Decay = 0.001,
) -> ChanceState:
    """Probability that the close in `ahead` bars is higher, by a logistic regression that learns online.

    1 / (1 + e^−(level + strength·x₁ + place·x₂ + change·x₃ + money·x₄)), x = RSI, rank of the close, rank of its change
    over `ahead` bars, and money flow index, all over `period` bars and scaled from 0…100 to −1…1.
    With each bar the outcome of the one `ahead` bars before is known, and the weights take a step of `rate` down the
    gradient of its logarithmic loss, drawn to 0 by `decay`; where the price has not moved, they stay. They start at 0,
    and there is no value before `learn` steps.
    """
    x1, x2, x3, x4 = rsi_then / 50.0 - 1.0, rank_then / 50.0 - 1.0, change_then / 50.0 - 1.0, mfi_then / 50.0 - 1.0
    level, strength, place, moved, money = s.level, s.strength, s.place, s.change, s.money
    if close != close_then:
        odds = level + strength * x1 + place * x2 + moved * x3 + money * x4
        error = (1.0 if close > close_then else 0.0) - 1.0 / (1.0 + exp(-odds))
        level += rate * (error - decay * level)
        strength += rate * (error * x1 - decay * strength)
        place += rate * (error * x2 - decay * place)
        moved += rate * (error * x3 - decay * moved)
        money += rate * (error * x4 - decay * money)
    x1, x2, x3, x4 = rsi / 50.0 - 1.0, rank / 50.0 - 1.0, change / 50.0 - 1.0, mfi / 50.0 - 1.0
    odds = level + strength * x1 + place * x2 + moved * x3 + money * x4
    return ChanceState(level, strength, place, moved, money, 1.0 / (1.0 + exp(-odds)))
