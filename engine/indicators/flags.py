"""Claims about a bar as columns of 1 and 0, and how two of them become one: what rules are made of."""

from typing import Annotated, NamedTuple

from msgspec import Meta

from engine.indicators.recurrence import indicator, window

NAN = float("nan")
LONG_AGO = 1e9  # bars
Gap = Annotated[int, Meta(ge=1, le=10_000)]


@indicator("is_above", inputs=("{a}", "{b}"), sources=("a", "b"))
def is_above(a: float, b: float) -> float:
    """1 where a > b, else 0."""
    return 1.0 if a > b else 0.0


@indicator("at_least", inputs=("{a}", "{b}"), sources=("a", "b"))
def at_least(a: float, b: float) -> float:
    """1 where a ≥ b, else 0."""
    return 1.0 if a >= b else 0.0


@indicator("both", inputs=("{a}", "{b}"), sources=("a", "b"))
def both(a: float, b: float) -> float:
    """1 where a and b are above 0, else 0."""
    return 1.0 if a > 0.0 and b > 0.0 else 0.0


@indicator("either", inputs=("{a}", "{b}"), sources=("a", "b"))
def either(a: float, b: float) -> float:
    """1 where a or b is above 0, else 0."""
    return 1.0 if a > 0.0 or b > 0.0 else 0.0


@indicator("net", inputs=("{up}", "{down}"), sources=("up", "down"))
def net(up: float, down: float) -> float:
    """1 where only `up` is above 0, −1 where only `down` is, else 0."""
    return (1.0 if up > 0.0 else 0.0) - (1.0 if down > 0.0 else 0.0)


@indicator("relative", inputs=("{a}", "{b}"), sources=("a", "b"), sparse=("value",))
def relative(a: float, b: float) -> float:
    """How far a is from b, as a fraction of b: a / b − 1; nan where b is 0."""
    return a / b - 1.0 if b != 0.0 else NAN


class StreakState(NamedTuple):
    seen: int
    before: float
    value: float


@indicator("streak", inputs=("close",), init=StreakState(0, 0.0, 0.0), warmup=2)
def streak(s: StreakState, close: float) -> StreakState:
    """How many bars in a row it has risen (above 0) or fallen (below 0); 0 where it stayed."""
    if s.seen == 0 or close == s.before:
        return StreakState(1, close, 0.0)
    if close > s.before:
        return StreakState(1, close, s.value + 1.0 if s.value > 0.0 else 1.0)
    return StreakState(1, close, s.value - 1.0 if s.value < 0.0 else -1.0)


class FollowsState(NamedTuple):
    at: int
    age: float
    value: float
    ring: list[float]


@indicator(
    "follows",
    inputs=("{first}", "{second}"),
    sources=("first", "second"),
    init=lambda least: FollowsState(0, LONG_AGO, 0.0, window(least)),
    check=lambda least, most: None if least <= most else f"most must be at least {least}, found {most}",
)
def follows(s: FollowsState, first: float, second: float, least: Gap = 1, most: Gap = 5) -> FollowsState:
    """1 where `second` is above 0 and `first` was, at least `least` and at most `most` bars before; else 0."""
    age = 0.0 if s.ring[s.at] > 0.0 else s.age + 1.0  # of the newest first that is old enough
    s.ring[s.at] = first
    value = 1.0 if second > 0.0 and least + age <= most else 0.0
    return FollowsState(s.at + 1 if s.at + 1 < least else 0, age, value, s.ring)
