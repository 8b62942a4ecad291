"""Which trading day a bar belongs to, where a day begins at an hour of New York's clock."""

from typing import Annotated, NamedTuple

from msgspec import Meta

from engine.indicators.recurrence import indicator

Minute = Annotated[float, Meta(ge=0.0, lt=1440.0)]


class DayState(NamedTuple):
    weekday: float
    clock: float
    value: float


@indicator("day_from", sources=(), inputs=("clock", "weekday"), init=DayState(-1.0, 0.0, 0.0), warmup=1)
def day_from(s: DayState, clock: float, weekday: float, opens_at: Minute = 570.0) -> DayState:
    """Number of the day, from 0 on: the next one begins with the first bar that closes after `opens_at`, in minutes of
    New York's day. What comes earlier belongs to the day before."""
    begins = clock > opens_at and (weekday != s.weekday or clock <= s.clock or s.clock <= opens_at)
    return DayState(weekday, clock, s.value + 1.0 if begins and s.weekday >= 0.0 else s.value)
