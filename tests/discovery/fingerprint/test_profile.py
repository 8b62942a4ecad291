"""What strategies catch: shares of moves, by state, that add up; trades as a backtest gives them; a market and its
mirror."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.simulation.sweep.event import run_events
from backtest.simulation.sweep.job import RunConfig, parted
from discovery.fingerprint.found import Fingerprint
from discovery.fingerprint.held import catch, entries_of, held
from discovery.fingerprint.moves import directions, moves_in
from discovery.fingerprint.profile import fingerprint, traded
from discovery.fingerprint.states import Labels, dimensions
from engine.bars.columns import cut
from engine.decision.sizing import FixedSize
from engine.errors import InvalidInput
from engine.model.positions import TradeClosed
from strategies.registry import STRATEGIES
from tests.discovery import world
from tests.discovery.fingerprint.markets import (
    FADER,
    FOLLOWER,
    RISING,
    TREND,
    WALK,
    alternating,
    asked,
    made,
    mirrored,
    on_quarters,
)

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
