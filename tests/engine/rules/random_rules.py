"""Seeded random rules of every kind of condition, with levels that the walks of the tests reach."""

import random

from engine.rules.conditions import (
    Clock,
    Compare,
    Condition,
    Cross,
    Extreme,
    FromExtreme,
    Gap,
    Mover,
    NewExtreme,
    SessionPart,
    Slope,
    Streak,
    Way,
    Weekdays,
)
from engine.rules.rule import Rule
from engine.rules.temporal import Phase

WAYS: tuple[Way, ...] = ("up", "down")
EXTREMES: tuple[Extreme, ...] = ("high", "low")
VALUES = ("close", "ema(close,5)", "sma(close,12)", "hl2", "vwma(7)")


def some_condition(rng: random.Random) -> Condition:
    way, bars = rng.choice(WAYS), rng.choice((2, 3, 5, 8))
    made = (
        lambda: Compare(f"rsi(close,{bars})", rng.choice((">", ">=", "<", "<=")), float(rng.randrange(30, 70))),
        lambda: Compare(rng.choice(VALUES[:2]), rng.choice((">", "<")), rng.choice(VALUES[2:])),
        lambda: Clock(*rng.choice((("09:30", "11:00"), ("12:15", "09:45"), ("10:00", "16:00")))),
        lambda: SessionPart(rng.choice(("open", "midday", "close"))),
        lambda: Weekdays(rng.choice((("fri",), ("mon", "fri"), ("thu",)))),
        lambda: Cross("close", way, rng.choice(VALUES[1:])),
        lambda: NewExtreme(rng.choice(EXTREMES), bars),
        lambda: Gap(way, 0.00002),
        lambda: Mover(way, bars, 0.0001),
        lambda: Slope(rng.choice(VALUES), way, bars),
        lambda: Streak(rng.choice(VALUES), way, rng.choice((1, 2))),
        lambda: FromExtreme(rng.choice(EXTREMES), bars, rng.choice(("within", "beyond")), 0.0002),
    )
    return rng.choice(made)()


def some_rule(rng: random.Random) -> Rule:
    phases = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        least = rng.randrange(1, 4)
        conditions = tuple(some_condition(rng) for _ in range(rng.choice((1, 1, 2))))
        phases.append(Phase(conditions, least, least + rng.randrange(0, 8)))
    return Rule(rng.choice(("long", "short")), tuple(phases))


def some_rules(seed: int) -> list[Rule]:
    rng = random.Random(seed)
    return [some_rule(rng) for _ in range(rng.randrange(1, 5))]
