"""Markets whose moves are known because they were made: trends and ranges in turn, and a market upside down."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from discovery.fingerprint.asked import FingerprintSpec, Profiled
from engine.bars.columns import BarColumns
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed
from engine.rules.conditions import Compare
from engine.rules.rule import Rule, rules_json
from engine.rules.temporal import Phase
from tests.discovery import world

TREND, RANGE = 156, 156  # bars: two days of each
STRONG = Compare("adx(14).value", ">=", 25.0)
RISES = Rule("long", (Phase((STRONG, Compare("adx(14).plus", ">", "adx(14).minus"))),))
NONE = Rule("long", (Phase((Compare("close", "<", 0.0),)),))
EXITS = {"exits.stop.value": 3.0, "exits.stop.kind": "atr", "exits.max_hold_s": 3_600.0}
FADER = Profiled(strategy="vwap_reversion")
RISING = Profiled(strategy="rules", name="rising", params={"rules": rules_json([RISES]), **EXITS})
NEVER = Profiled(strategy="rules", name="never", params={"rules": rules_json([NONE]), **EXITS})
FOLLOWER = Profiled(strategy="ema", params={"period_1": 9, "period_2": 21})
WALK = world.noise(6, seed=4)


def made(entry: int, bars: int, sign: int, quantity: int, paid: float, got: float) -> TradeClosed:
    """A trade in `WALK`, held from the open of bar `entry` for so many bars."""
    cents = [Decimal(round(price * 100)) / 100 for price in (paid, got)]
    pnl = sign * (cents[1] - cents[0]) * quantity
    opened = WALK.ts_open
    return TradeClosed(
        int(opened[entry + bars]), "t", "s", "SPY", "paper", PositionSide.LONG if sign > 0 else PositionSide.SHORT,
        Decimal(quantity), int(opened[entry]), cents[0], int(opened[entry + bars]), cents[1], pnl, Decimal(0),
        "a", "b", "", "",
    )  # fmt: skip


def alternating(days: int, *, seed: int, leg: int = 12, drift: float = 24.0) -> tuple[BarColumns, np.ndarray]:
    """Two days up, two of swings of `leg` bars each way that go nowhere, two days down, again swings; and which bars
    belong to trends."""
    opened, _, rng = world.walk(days, seed=seed)
    steps, place = np.empty(len(opened)), np.arange(len(opened))
    part = place % (2 * (TREND + RANGE))
    rises, falls = part < TREND, (part >= TREND + RANGE) & (part < 2 * TREND + RANGE)
    steps[:] = np.where(place // leg % 2, -drift, drift)
    steps[rises], steps[falls] = drift, -drift
    steps += np.rint(rng.normal(0.0, 12.0, len(opened)))
    volume = np.rint(rng.uniform(500, 1_500, len(opened)))
    return world.bars_from(opened, steps, volume, rng), rises | falls


def on_quarters(bars: BarColumns, *, above: float = 1_000_000.0) -> BarColumns:
    """The same bars on a grid that binary numbers hold exactly, so high up that a mirror changes no ratio."""
    return replace(bars, **{name: above + np.rint(getattr(bars, name) * 100) / 4 for name in _PRICES})


def mirrored(bars: BarColumns) -> BarColumns:
    """Every price upside down."""
    level = 2 * float(np.rint(bars.close[0]))
    upside = {name: level - getattr(bars, name) for name in _PRICES}
    return replace(bars, **(upside | {"high": upside["low"], "low": upside["high"]}))


def asked(*strategies: Profiled, **values: object) -> FingerprintSpec:
    return FingerprintSpec(symbol="SPY", strategies=strategies or (FOLLOWER,), **values)  # type: ignore[arg-type]


_PRICES = ("open", "high", "low", "close")
