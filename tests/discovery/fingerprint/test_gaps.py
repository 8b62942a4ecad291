"""What strategies hold together and what they leave to each other: overlap, gaps, and seeds for the miner."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from backtest.statistics.splits import folds
from discovery.fingerprint.gaps import PER_GAP
from discovery.fingerprint.held import entries_of
from discovery.fingerprint.moves import moves_in
from discovery.fingerprint.overlap import Traced, overlaps
from discovery.fingerprint.profile import days_for_seeds, fingerprint, traded
from discovery.mining.asked import MiningSpec, Seed
from discovery.mining.truths import Truths, unpacked
from engine.rules.rule import parse_rules
from strategies.registry import STRATEGIES
from tests.discovery import world
from tests.discovery.fingerprint.markets import (
    FADER,
    FOLLOWER,
    NEVER,
    RISING,
    WALK,
    asked,
    made,
)

# ---- overlap -----------------------------------------------------------------------------------------------------


def test_a_strategy_beside_itself_overlaps_wholly_and_beside_one_that_never_trades_not_at_all(market):
    twin = msgspec.structs.replace(FOLLOWER, name="twin")
    found = fingerprint(market[0], asked(FOLLOWER, twin, NEVER), registry=STRATEGIES)
    by_pair = {(each.one, each.other): each for each in found.overlaps}
    assert len(by_pair) == 6
    same = by_pair["ema", "twin"]
    assert [same.time, same.direction, same.coincidence, same.moves] == [1.0] * 4
    assert same.correlation == pytest.approx(1.0)
    none = by_pair["ema", "never"]
    assert [none.time, none.direction, none.coincidence, none.correlation, none.moves] == [0.0, None, 0.0, None, 0.0]
    assert by_pair["never", "ema"].coincidence is None


def test_days_correlate_as_the_trades_of_each_day_do(market):
    bars, _ = market
    found = fingerprint(bars, asked(FOLLOWER, RISING), registry=STRATEGIES)
    days = pd.to_datetime(bars.ts_open, utc=True).date
    earned = []
    for each in (FOLLOWER, RISING):
        closed = traded(bars, asked(each), each, STRATEGIES).trades.closed()
        by_day = pd.Series([float(trade.pnl) for trade in closed]).groupby(
            [pd.Timestamp(trade.exit_ts, unit="ns", tz="UTC").date() for trade in closed]
        )
        earned.append(by_day.sum().reindex(sorted(set(days)), fill_value=0.0))
    assert found.overlaps[0].correlation == pytest.approx(earned[0].corr(earned[1]))


def test_entries_coincide_on_the_same_side_and_near_by_only():
    one, other = (entries_of([made(at, 5, sign, 1, 500, 501)], WALK) for at, sign in ((10, 1), (13, 1)))
    short = entries_of([made(10, 5, -1, 1, 500, 501)], WALK)
    assert _coincidence(one, other, near=3) == 1.0
    assert _coincidence(one, other, near=2) == 0.0
    assert _coincidence(one, short, near=3) == 0.0


def _coincidence(one: Any, other: Any, *, near: int) -> float | None:
    sign, daily, caught = np.zeros(10, np.int8), np.zeros(4), np.zeros(2, np.bool_)
    both = [Traced(name, sign, rows, daily, caught) for name, rows in (("one", one), ("other", other))]
    return overlaps(both, near=near)[0].coincidence


# ---- gaps and seeds ----------------------------------------------------------------------------------------------


def test_what_one_strategy_leaves_is_a_gap_until_another_catches_it(market):
    bars, _ = market
    rising = fingerprint(bars, asked(RISING, seed_share=1.0), registry=STRATEGIES)
    down = next(gap for gap in rising.gaps if gap.states == ("trend: up",))
    assert (down.side, down.missed) == ("short", down.moves)  # it never sells: no fall is caught
    both = fingerprint(bars, asked(RISING, FADER, FOLLOWER, seed_share=1.0), registry=STRATEGIES)
    missed = {(gap.side, gap.states): gap.missed for gap in both.gaps}
    assert all(missed.get((gap.side, gap.states), 0) < gap.missed for gap in rising.gaps if gap.side == "short")
    points = [gap.points for gap in rising.gaps]
    assert points == sorted(points, reverse=True)
    for gap in rising.gaps:
        assert gap.missed >= rising.spec.least_moves
        assert gap.missed >= rising.spec.gap_share * gap.moves


def test_a_pair_of_states_is_a_gap_only_where_more_is_missed_than_in_each_and_the_largest_are_kept(market):
    wide = asked(FADER, seed_share=1.0, least_moves=1, gap_share=0.01, most_gaps=200)
    found = fingerprint(market[0], wide, registry=STRATEGIES).gaps
    share = {(gap.side, gap.states): gap.missed / gap.moves for gap in found}
    pairs = [key for key in share if len(key[1]) == 2]
    assert pairs
    for side, states in pairs:
        assert all(share[side, states] > share.get((side, (state,)), 0.0) for state in states)
    few = fingerprint(market[0], msgspec.structs.replace(wide, most_gaps=3), registry=STRATEGIES)
    assert few.gaps == found[:3]


@pytest.mark.parametrize("reach", [1, 5])
def test_what_speaks_for_a_seed_is_counted_signal_by_signal(market, reach):
    bars, _ = market
    found = fingerprint(bars, asked(NEVER, seed_share=1.0, reach=reach), registry=STRATEGIES)
    assert found.seeds
    moves, truths = moves_in(bars, move_atr=3.0), Truths(bars, (), memory_mb=64)
    for seed in found.seeds:
        gap, sign = found.gaps[seed.gap], seed.rule.sign
        states = unpacked(truths.of(seed.rule.phases[0].spec), len(bars))
        signals = unpacked(truths.of(seed.rule.spec), len(bars))
        begins = [at for at, way in zip(moves.begin.tolist(), moves.sign.tolist(), strict=True) if way == sign]
        begins = [at for at in begins if states[at]]  # it never trades: all of them are missed
        nears = [set(range(at, at + reach + 1)) for at in begins]
        bars_near = set().union(*nears)
        asks = set(np.flatnonzero(signals).tolist())
        assert (seed.missed, gap.missed, gap.moves) == (len(begins),) * 3
        assert (seed.signals, seed.early) == (len(asks), len(asks & bars_near))
        assert seed.moves == sum(bool(asks & near) for near in nears) >= found.spec.least_moves / 2
        assert seed.lift == pytest.approx(seed.early / seed.signals * len(bars) / len(bars_near))


def test_of_a_gap_there_are_no_seeds_that_do_no_better_than_chance():
    here = asked(NEVER, seed_share=1.0, reach=1, move_atr=4.0, least_moves=3, most_gaps=100)
    found = fingerprint(world.noise(8, seed=6), here, registry=STRATEGIES)  # one of its best has a lift of 0.71
    assert 0 < len(found.seeds) < PER_GAP * len(found.gaps)
    assert all(seed.lift > 1 for seed in found.seeds)


def test_seeds_are_rules_that_the_miner_takes(market):
    printed = fingerprint(market[0], asked(RISING), registry=STRATEGIES)
    assert printed.seeds
    for seed in printed.seeds:
        plain = {"rule": msgspec.to_builtins(seed.rule), "source": "fingerprint"}
        assert parse_rules([plain["rule"]]) == (seed.rule,)
        taken = msgspec.convert(plain, Seed)
        assert taken.rule == seed.rule
        assert seed.rule.side == printed.gaps[seed.gap].side
        assert 0 < seed.early <= seed.signals
        assert 0 < seed.moves <= seed.missed
        assert seed.lift > 1


def test_gaps_and_seeds_know_nothing_of_the_days_that_are_left_to_judge(market):
    bars, _ = market
    found = fingerprint(bars, asked(seed_share=0.5), registry=STRATEGIES)
    assert (found.seed_days, found.days) == (20, 40)
    rng = np.random.default_rng(5)
    later = np.arange(len(bars)) >= 20 * 78
    shaken = {
        name: np.where(later, getattr(bars, name) * 1.5, getattr(bars, name))
        for name in ("open", "high", "low", "close")
    }
    volume = np.where(later, rng.uniform(1, 9_000, len(bars)), bars.volume)
    other = fingerprint(replace(bars, **shaken, volume=volume), asked(seed_share=0.5), registry=STRATEGIES)
    assert found.gaps
    assert (found.gaps, found.seeds) == (other.gaps, other.seeds)


def test_seeds_see_no_day_on_which_the_miner_judges_by_default():
    spec, split = asked(), MiningSpec().split
    for days in range(4, 400):
        [fold] = folds(days, split)
        assert 0 < days_for_seeds(days, spec.seed_share) <= fold.train[-1][1] <= fold.test[0][0]
