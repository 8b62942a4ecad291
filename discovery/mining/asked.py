"""What a search for rules is asked for: plain values, as JSON or from the command line."""

from decimal import Decimal
from enum import StrEnum
from itertools import product
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backtest.simulation.sweep.job import RunConfig
from backtest.statistics.splits import SplitSpec
from engine.errors import InvalidInput
from engine.exits.config import Distance, DistanceKind, ExitConfig, Target
from engine.rules.conditions import Category
from engine.rules.rule import Rule, Side
from engine.rules.temporal import Gap

Multiple = Annotated[float, Meta(gt=0, le=100)]  # of the average true range
Bars = Annotated[int, Meta(ge=1, le=100_000)]
Order = Literal["pnl", "exit_quality"]
MOST_EXITS = 1_000
MOST_GAPS = 20
MOST_SEEDS = 1_000


class ExitGrid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The exits that are tried of each rule: every combination. Distances in average true ranges at the entry, None
    for none; hold times in bars."""

    stop: tuple[Multiple | None, ...] = (1.0, 2.0, 3.0)
    target: tuple[Multiple | None, ...] = (None, 1.5, 3.0)
    trail: tuple[Multiple | None, ...] = (None, 2.0)
    hold: tuple[Bars, ...] = (15, 60)

    def made(self, *, bar_s: float, before_close_s: float | None) -> list[ExitConfig]:
        """All of them, in the order of the fields."""
        found = [
            ExitConfig(
                stop=_atr(stop),
                trailing=_atr(trail),
                targets=() if target is None else (Target(Distance(target, DistanceKind.ATR)),),
                max_hold_s=hold * bar_s,
                before_close_s=before_close_s,
            )
            for stop, target, trail, hold in product(self.stop, self.target, self.trail, self.hold)
        ]
        if not 1 <= len(found) <= MOST_EXITS:
            raise InvalidInput(f"grid: 1 to {MOST_EXITS} exits were expected, found {len(found)}", field="grid")
        return found


def _atr(value: float | None) -> Distance | None:
    return None if value is None else Distance(value, DistanceKind.ATR)


class Source(StrEnum):
    """Where a rule comes from: a model, a condition by itself, the beam; or as a seed from fingerprints or a person."""

    ML = "ml"
    SCREEN = "screen"
    BEAM = "beam"
    FINGERPRINT = "fingerprint"
    HAND = "hand"


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule from elsewhere that competes with those that are found; `source` says where from."""

    rule: Rule
    source: Source = Source.HAND


class MiningSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rules are looked for; the same spec on the same bars finds the same.

    `depth` conditions at most in a rule's last phase; `beam` rules are kept by each stage, `screened` single conditions
    are combined, `patterns` of them are put in order, with each of `gaps` (bars, least and most). `learned` rules for
    each side are suggested by a model (LightGBM, which must be installed; 0: none). `carry`: positions
    may be held overnight; else entries end in time, and what is open is closed before the session does.
    `overlap` of entries from which two rules are one. `worst` is the share of the trades that counts as worst.
    """

    sides: Annotated[tuple[Side, ...], Meta(min_length=1, max_length=2)] = ("long", "short")
    categories: Annotated[tuple[Category, ...], Meta(min_length=1)] = tuple(Category)
    depth: Annotated[int, Meta(ge=1, le=6)] = 3
    beam: Annotated[int, Meta(ge=1, le=200)] = 12
    screened: Annotated[int, Meta(ge=1, le=1_000)] = 40
    patterns: Annotated[int, Meta(ge=0, le=100)] = 12
    gaps: Annotated[tuple[tuple[Gap, Gap], ...], Meta(max_length=MOST_GAPS)] = ((1, 3), (1, 10))
    learned: Annotated[int, Meta(ge=0, le=100)] = 0
    least_trades: Annotated[int, Meta(ge=5, le=100_000)] = 20
    keep: Annotated[int, Meta(ge=1, le=100)] = 10
    grid: ExitGrid = ExitGrid()
    carry: bool = False
    split: SplitSpec = SplitSpec(kind="chronological", train_share=0.7)
    rank_by: Order = "pnl"
    overlap: Annotated[float, Meta(gt=0, le=1)] = 0.9
    worst: Annotated[float, Meta(gt=0, le=0.5)] = 0.1
    quantity: Decimal = Decimal(1)
    fees: str = "none"
    slippage: str = "none"
    memory_mb: Annotated[int, Meta(ge=16, le=1_000_000)] = 512
    seeds: Annotated[tuple[Seed, ...], Meta(max_length=MOST_SEEDS)] = ()

    def run_config(self, exits: ExitConfig) -> RunConfig:
        """The same for every rule but for its exits."""
        return RunConfig(quantity=self.quantity, fees=self.fees, slippage=self.slippage, exits=exits, name="mined")
