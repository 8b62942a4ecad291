"""Seeded random configurations of runs: exits of every kind and mixture, fees, slippage, sizes."""

import random
from decimal import Decimal

from backtest.simulation.sweep.job import RunConfig
from engine.exits.config import BreakEven, Distance, DistanceKind, ExitConfig, Target

FEES = ("none", "unit:0.005", "rate:0.0003", "schwab", "ibkr_tiered", "ibkr_fixed", "tastytrade")
SLIPPAGES = ("none", "none", "fixed:1", "fixed:0.7", "spread:0.5", "volume:0.1", "fixed:30")
UNITS = {DistanceKind.FRACTION: 0.0002, DistanceKind.POINTS: 0.1, DistanceKind.TICKS: 10.0, DistanceKind.ATR: 1.0}


def some_config(seed: int) -> RunConfig:
    """The configuration number `seed`."""
    rng = random.Random(seed)
    return RunConfig(
        quantity=Decimal(rng.choice((1, 2, 3, 10))),
        exits=some_exits(rng),
        fees=rng.choice(FEES),
        slippage=rng.choice(SLIPPAGES),
    )


def some_exits(rng: random.Random) -> ExitConfig | None:
    """None, or some of the kinds together; the distances are a few bars' movement, so that all of them are reached."""
    stop = distance(rng, 0.3, 4.0) if rng.random() < 0.6 else None
    found = ExitConfig(
        stop=stop,
        trailing=distance(rng, 0.3, 4.0) if rng.random() < 0.4 else None,
        targets=targets(rng) if rng.random() < 0.5 else (),
        break_even=BreakEven(distance(rng, 0.2, 2.0), distance(rng, 0.05, 0.3) if rng.random() < 0.5 else None)
        if stop and rng.random() < 0.4
        else None,
        max_hold_s=rng.choice((60.0, 300.0, 1_800.0)) if rng.random() < 0.25 else None,
        before_close_s=rng.choice((60.0, 900.0, 6_000.0)) if rng.random() < 0.15 else None,
        cut_off="15:45" if rng.random() < 0.15 else None,
        atr_period=rng.choice((3, 14)),
    )
    return None if found == ExitConfig(atr_period=found.atr_period) else found


def distance(rng: random.Random, least: float, most: float) -> Distance:
    """Between `least` and `most` usual movements, in any kind."""
    kind = rng.choice(list(DistanceKind))
    return Distance(rng.uniform(least, most) * UNITS[kind], kind)


def targets(rng: random.Random) -> tuple[Target, ...]:
    """One to three, nearest first, that close all, almost all or a part."""
    count, first = rng.choice((1, 1, 2, 3)), distance(rng, 0.3, 3.0)
    values = sorted(first.value * rng.uniform(0.5, 2.0) for _ in range(count))
    share = rng.choice((1.0 / count, 0.9 / count, 0.3))
    return tuple(Target(Distance(value, first.kind), share) for value in values)
