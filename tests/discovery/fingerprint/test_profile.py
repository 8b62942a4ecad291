"""What strategies catch: shares of moves, by state, that add up; trades as a backtest gives them; a market and its
mirror."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.simulation.sweep.event import run_events
from backtest.simulation.sweep.job import RunConfig, parted
from backtest.statistics.splits import folds
from discovery.fingerprint.found import Fingerprint
from discovery.fingerprint.gaps import PER_GAP
from discovery.fingerprint.held import catch, entries_of, held
from discovery.fingerprint.moves import directions, moves_in
from discovery.fingerprint.overlap import Traced, overlaps
from discovery.fingerprint.profile import days_for_seeds, fingerprint, traded
from discovery.fingerprint.states import Labels, dimensions
from discovery.mining.asked import MiningSpec, Seed
from discovery.mining.truths import Truths, unpacked
from engine.bars.columns import cut
from engine.decision.sizing import FixedSize
from engine.errors import InvalidInput
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed
from engine.rules.rule import parse_rules
from strategies.registry import STRATEGIES
from tests.discovery import world
from tests.discovery.fingerprint.markets import (
    FADER,
    FOLLOWER,
    NEVER,
    RISING,
    TREND,
    alternating,
    asked,
    mirrored,
    on_quarters,
)

WALK = world.noise(6, seed=4)
MOVES = moves_in(WALK, move_atr=2.0)
CAPPED = RunConfig(sizing=FixedSize(max_quantity=Decimal(100)))  # only the engine runs it


class Enough(Exception):
    """It was told to end."""


def cell(found: Fingerprint, name: str, state: str, side: str) -> Any:
    profile = next(each for each in found.profiles if each.name == name)
    return getattr(next(row for row in profile.rows if row.state == state), side)


# ---- moves -------------------------------------------------------------------------------------------------------


def test_the_moves_of_a_made_market_are_its_trends_and_its_swings(market):
    bars, is_trend = market
    moves = moves_in(bars, move_atr=3.0)
    assert [-sign for sign in moves.sign[:-1].tolist()] == moves.sign[1:].tolist()
    assert (moves.end[:-1] <= moves.begin[1:]).all()
    long_ones = moves.end - moves.begin > 100
    going = directions(moves, len(bars))
    is_trend = is_trend & (np.arange(len(bars)) >= TREND)  # no turn stands before the first
    assert (going[is_trend] != 0).mean() > 0.95
    assert long_ones.sum() == is_trend.sum() // TREND  # every trend is one move, swings are shorter
    assert moves.size_atr[long_ones].min() > 3 * np.median(moves.size_atr)


def test_larger_turns_make_fewer_and_larger_moves():
    few = moves_in(WALK, move_atr=6.0)
    assert len(few) < len(MOVES) / 2
    assert few.size.mean() > MOVES.size.mean()


def test_a_swing_that_closes_no_further_than_it_began_is_no_move():
    small = moves_in(WALK, move_atr=0.5)
    assert (small.size > 0).all()
    assert (small.size == small.sign * (WALK.close[small.end] - WALK.close[small.begin])).all()
    assert [-sign for sign in small.sign[:-1].tolist()] != small.sign[1:].tolist()  # some were left out


def test_a_market_without_turns_has_no_moves():
    rising = world.bars_from(*_steady())
    assert len(moves_in(rising, move_atr=3.0)) == 0
    found = fingerprint(rising, asked(), registry=STRATEGIES)
    assert (found.moves.count, found.moves.mean_bars, found.gaps, found.seeds) == (0, None, (), ())


def _steady() -> tuple[Any, ...]:
    opened = world.stamps(3)
    return opened, np.full(len(opened), 10.0), np.full(len(opened), 1_000.0), np.random.default_rng(1)


# ---- what is held, and what of each move was caught --------------------------------------------------------------


def made(entry: int, bars: int, sign: int, quantity: int, paid: float, got: float) -> TradeClosed:
    """Held from the open of bar `entry` for so many bars."""
    cents = [Decimal(round(price * 100)) / 100 for price in (paid, got)]
    pnl = sign * (cents[1] - cents[0]) * quantity
    opened = WALK.ts_open
    return TradeClosed(
        int(opened[entry + bars]), "t", "s", "SPY", "paper", PositionSide.LONG if sign > 0 else PositionSide.SHORT,
        Decimal(quantity), int(opened[entry]), cents[0], int(opened[entry + bars]), cents[1], pnl, Decimal(0),
        "a", "b", "", "",
    )  # fmt: skip


def with_best(trade: TradeClosed, most: str) -> TradeClosed:
    return msgspec.structs.replace(trade, mfe=Decimal(most))


trades = st.lists(
    st.builds(
        made,
        st.integers(1, len(WALK) - 60),
        st.integers(0, 50),
        st.sampled_from((1, -1)),
        st.integers(1, 4),
        st.floats(480, 520),
        st.floats(480, 520),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(trades)
def test_what_was_caught_missed_and_held_against_is_the_move_and_the_points_are_those_of_the_trades(closed):
    rows = entries_of(closed, WALK)
    found = held(closed, rows, WALK)
    parts = catch(MOVES, found)
    np.testing.assert_allclose(parts.caught + parts.against + parts.missed, MOVES.size, atol=1e-9)
    quantity = [float(trade.quantity) for trade in closed]
    at_once = max(
        (
            sum(q for q, r in zip(quantity, zip(rows.entry, rows.after, strict=True), strict=True) if r[0] <= at < r[1])
            for at in range(len(WALK))
        ),
        default=0.0,
    ) or max(quantity, default=1.0)
    earned = sum(float(trade.pnl) for trade in closed) / at_once
    assert (found.long.sum() - found.short.sum()) == pytest.approx(earned, abs=1e-6)
    assert np.abs(found.position).max(initial=0.0) <= 1.0 + 1e-9


def test_what_is_given_back_is_the_part_of_the_best_open_profit_that_was_not_kept():
    closed = with_best(made(10, 5, 1, 1, 500.0, 501.5), "4"), with_best(made(30, 5, 1, 1, 500.0, 499.0), "2")
    rows = entries_of(closed, WALK)
    assert (rows.best - rows.kept).tolist() == [2.5, 2.0]  # a loss gives back all that there was, not more


def test_holding_all_the_time_catches_every_rise_and_is_against_every_fall():
    last = len(WALK) - 2
    closed = [made(1, last, 1, 3, float(WALK.open[1]), float(WALK.open[last + 1]))]
    parts = catch(MOVES, held(closed, entries_of(closed, WALK), WALK))
    inside = (MOVES.begin >= 1) & (MOVES.end < last)
    up = MOVES.sign > 0
    np.testing.assert_allclose(parts.caught[up & inside], MOVES.size[up & inside])
    np.testing.assert_allclose(parts.against[~up & inside], MOVES.size[~up & inside])
    assert not parts.caught[~up].any()


# ---- states ------------------------------------------------------------------------------------------------------


def test_of_an_exclusive_dimension_at_most_one_state_holds_and_one_always_does_when_it_is_warm():
    bars, kinds = world.noise(8, seed=2), dimensions(asked())
    labels = Labels(bars, [state for kind in kinds for state in kind.states], memory_mb=64)
    for kind in kinds:
        held_at_once = np.sum([labels.at(state) for state in kind.states], axis=0)
        if kind.is_exclusive:
            assert held_at_once.max() == 1
            assert (held_at_once[150:] == 1).all()
    assert not any(kind.is_exclusive for kind in kinds if kind.name == "flags")


def test_a_flag_counts_for_as_long_as_it_is_recent():
    bars = world.noise(8, seed=2)
    jump = 300
    lifted = {
        name: np.where(np.arange(len(bars)) >= jump, 1.01, 1.0) * getattr(bars, name)
        for name in ("open", "high", "low", "close")
    }
    kinds = dimensions(asked(recent=7))
    gap = next(state for kind in kinds for state in kind.states if state.name == "gap up")
    labels = Labels(replace(bars, **lifted), [gap], memory_mb=64)
    assert np.flatnonzero(labels.at(gap)).tolist() == list(range(jump, jump + 7))
    assert np.flatnonzero(labels.before(gap)).tolist() == list(range(jump + 1, jump + 8))


def test_no_state_of_a_bar_depends_on_what_comes_after(market):
    bars, _ = market
    short = cut(bars, 0, 1_000)
    kinds = dimensions(asked())
    states = [state for kind in kinds for state in kind.states]
    whole, part = (Labels(each, states, memory_mb=64) for each in (bars, short))
    for state in states:
        assert (whole.at(state)[:1_000] == part.at(state)).all()


# ---- strategies --------------------------------------------------------------------------------------------------


def test_the_trades_are_those_of_a_backtest(market):
    for each in (FOLLOWER, FADER, RISING):
        spec = asked(each)
        outcome = traded(market[0], spec, each, STRATEGIES)
        params, fixed = parted(spec.fixed, each.params)
        engine = run_events(market[0], each.strategy, params, fixed, registry=STRATEGIES)
        assert len(engine.trades) > 10
        assert outcome.trades.closed() == list(engine.trades)


def test_what_the_engine_runs_is_profiled_as_what_is_compiled(market):
    bars = cut(market[0], 0, 1_000)
    compiled, engine = (fingerprint(bars, each, registry=STRATEGIES) for each in (asked(), asked(fixed=CAPPED)))
    [one], [other] = compiled.profiles, engine.profiles
    assert (one.how, one.why, other.how) == ("compiled", "", "event")
    assert "capped" in other.why
    assert one.trades == other.trades > 10
    assert one.rows == other.rows


def test_a_follower_of_trends_catches_trends_and_a_rule_for_rises_only_those(printed):
    for state, side, other in (("trend: up", "long", "short"), ("trend: down", "short", "long")):
        along, against = (cell(printed, "ema", state, each) for each in (side, other))
        assert along.caught_points > 0.85 * along.points
        assert against.caught_points < 0.15 * against.points
    for side in ("long", "short"):
        flat = cell(printed, "ema", "trend: range", side)
        assert flat.caught_points < 0.65 * flat.points
    rises = [cell(printed, "rising", state.key, "long") for state in printed.states if state.dimension == "trend"]
    assert [each.trades > 0 for each in rises] == [True, False, False]
    assert cell(printed, "rising", "any", "short").trades == 0
    assert cell(printed, "rising", "any", "short").caught == 0


def test_every_move_is_caught_against_or_missed_and_every_point_too(printed):
    for profile in printed.profiles:
        everywhere = profile.rows[0]
        assert everywhere.long.moves + everywhere.short.moves == printed.moves.count
        assert everywhere.long.trades + everywhere.short.trades == profile.trades
        assert everywhere.long.pnl + everywhere.short.pnl == pytest.approx(profile.net_pnl)
        for row in profile.rows:
            for each in (row.long, row.short):
                assert each.caught + each.against + each.missed == each.moves
                assert each.caught_points + each.against_points + each.missed_points == pytest.approx(each.points)
                assert 0 <= each.given_back <= each.open_profit
                assert each.bars_held <= each.bars
        parts = [row for row in profile.rows if row.state.startswith("trend")]
        whole = sum(row.long.moves + row.short.moves for row in parts)
        assert printed.moves.count - 3 <= whole <= printed.moves.count  # the first ones begin before it is known


def test_upside_down_the_market_gives_the_same_with_the_sides_exchanged():
    bars = on_quarters(alternating(24, seed=8)[0])
    found, turned = (fingerprint(each, asked(seed_share=1.0), registry=STRATEGIES) for each in (bars, mirrored(bars)))
    pairs = [("trend: up", "trend: down"), ("flags: new high", "flags: new low")]
    other = dict([*pairs, *(pair[::-1] for pair in pairs)])
    rows = {row.state: row for row in turned.profiles[0].rows}
    assert found.profiles[0].trades == turned.profiles[0].trades > 50
    for row in found.profiles[0].rows:
        there = rows[other.get(row.state, row.state)]
        assert (row.long, row.short) == (there.short, there.long)
    assert found.gaps
    mirror = [(gap.side, gap.moves, gap.missed, gap.points) for gap in turned.gaps]
    sides = {"long": "short", "short": "long"}
    assert sorted((sides[gap.side], gap.moves, gap.missed, gap.points) for gap in found.gaps) == sorted(mirror)


def test_the_same_again_is_the_same(market, printed):
    again = fingerprint(market[0], printed.spec, registry=STRATEGIES)
    assert msgspec.json.encode(again) == msgspec.json.encode(printed)
    assert json.loads(msgspec.json.encode(printed))["profiles"][0]["rows"][0]["state"] == "any"


def test_progress_rises_to_the_whole_and_what_it_raises_ends_the_run(market):
    told: list[tuple[int, int]] = []
    fingerprint(market[0], asked(FOLLOWER, FADER), registry=STRATEGIES, progress=lambda *at: told.append(at))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise Enough

    with pytest.raises(Enough):
        fingerprint(market[0], asked(FOLLOWER, FADER), registry=STRATEGIES, progress=stop)


def test_a_run_of_the_engine_ends_between_two_bars_and_not_only_after_the_last(market):
    told: list[tuple[int, int]] = []

    def stop(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 3:
            raise Enough

    with pytest.raises(Enough):
        fingerprint(cut(market[0], 0, 600), asked(fixed=CAPPED), registry=STRATEGIES, progress=stop)
    assert told == [(0, 2)] * 3


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


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_what_cannot_be_profiled_is_refused_by_its_field(market):
    bars, _ = market
    for spec, said in (
        (asked(FOLLOWER, FOLLOWER), "ema is there twice"),
        (asked(msgspec.structs.replace(FOLLOWER, params={"fast": 3})), "fast is not a parameter"),
    ):
        with pytest.raises(InvalidInput, match=said) as refused:
            fingerprint(bars, spec, registry=STRATEGIES)
        assert refused.value.field == "strategies"
    for broken, said in (
        (cut(bars, 0, 0), "found none"),
        (replace(bars, ts=bars.ts[::-1].copy()), "overlap"),
        (replace(bars, close=np.full(len(bars), np.nan)), "without a price"),
    ):
        with pytest.raises(InvalidInput, match=said) as refused:
            fingerprint(broken, asked(), registry=STRATEGIES)
        assert refused.value.field == "data"
