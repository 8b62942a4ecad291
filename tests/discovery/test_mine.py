"""A search for rules finds what is there, finds nothing where there is nothing, and says which is which."""

import sys
from decimal import Decimal
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from backtest.statistics.splits import SplitSpec
from backtest.sweeping import SweepJob, run_chunk
from discovery.mining.asked import ExitGrid, MiningSpec, Seed, Source
from discovery.mining.catalog import default_conditions
from discovery.mining.learned import model_library
from discovery.mining.market import Market
from discovery.mining.mine import mine
from discovery.mining.truths import Truths, unpacked
from engine.bars.columns import coarser
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.instruments.sessions import calendar
from engine.model.time import to_datetime
from engine.rules.conditions import Category, Compare
from engine.rules.rule import Rule
from engine.rules.temporal import Phase
from tests.discovery import world
from tests.discovery.conftest import BURST, CONDITIONS, SPEC

RANDOM = SplitSpec(kind="random", folds=1, train_share=0.6, seed=7)


def changed(**values):
    return msgspec.structs.replace(SPEC, **values)


def test_the_planted_pattern_is_found_and_confirmed_on_days_that_were_not_searched(found):
    best = found.rules[0]
    first, last = best.rule.phases
    assert (first.all, last.all[0], (last.least, last.most)) == ((BURST,), BURST, (1, 3))
    assert best.rule.side == "long"
    assert best.passes
    assert best.chance.searched < 0.05 and best.chance.corrected < 0.05
    assert best.test.net_pnl > 0 and best.test.sharpe_daily > 0.3
    assert not best.suspicion.is_high


@pytest.mark.parametrize("seed", range(3))
def test_random_walks_promote_nothing_and_every_trial_is_counted(seed):
    result = mine(world.noise(30, seed=seed), SPEC, conditions=CONDITIONS)
    assert result.rules
    assert result.passed == []
    runs = sum(stage.tried for fold in result.folds for stage in fold.stages)
    assert result.trials >= runs + len(SPEC.grid.stop) * len(SPEC.grid.target) * len(SPEC.grid.hold)
    assert f"best of {result.trials:,} trials; corrected p = " in result.rules[0].chance.text


def test_a_planted_leak_is_suspicious_and_does_not_pass(leaked):
    best = leaked.rules[0]
    assert any(condition == BURST for phase in best.rule.phases for condition in phase.all)
    assert best.suspicion.score > 0.9
    assert any("one bar later" in sign.reason for sign in best.suspicion.signs)
    assert leaked.passed == []


def test_what_the_market_gives_for_nothing_is_no_finding():
    opened, steps, rng = world.walk(60, seed=4)
    rising = world.bars_from(opened, steps + 5.0, np.rint(rng.uniform(500, 1_500, len(opened))), rng)
    found = mine(rising, changed(sides=("long",)), conditions=CONDITIONS)
    assert all(rule.anywhere > 0.3 and rule.test.net_pnl > 20.0 for rule in found.rules)
    assert all((rule.chance.corrected or 1.0) > 0.05 for rule in found.rules)
    assert found.passed == []


def test_the_same_search_finds_the_same(planted, found):
    again = mine(planted, SPEC, conditions=CONDITIONS)
    assert msgspec.json.encode(again) == msgspec.json.encode(found)


def test_the_trades_of_a_mined_rule_are_those_of_the_strategy_with_its_parameters(planted, found):
    market, truths = Market(planted, SPEC), Truths(planted, (), memory_mb=64)
    for mined in found.rules:
        job = SweepJob(strategy="rules", params=[mined.params], fixed=SPEC.run_config(mined.exits), keep_trades=True)
        run = run_chunk(job, planted)[0]
        signals = unpacked(truths.of(mined.rule.spec), len(planted))
        ours = market.trade(signals, mined.rule.sign, mined.exits)
        closed = run.trades.closed()
        assert len(ours) == len(closed) > 20
        assert planted.ts_open[ours.entry_bar].tolist() == [trade.entry_ts for trade in closed]
        np.testing.assert_allclose(ours.pnl, [float(trade.pnl) for trade in closed], rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.exit, [float(trade.exit_price) for trade in closed], rtol=0, atol=1e-9)


def test_no_position_is_carried_unless_that_is_asked_for(planted, found):
    market, truths = Market(planted, SPEC), Truths(planted, (), memory_mb=64)
    for mined in found.rules:
        signals = unpacked(truths.of(mined.rule.spec), len(planted))
        trades = market.trade(signals, mined.rule.sign, mined.exits)
        assert (market.day_of[trades.entry_bar] == market.day_of[trades.exit_bar]).all()
    carrying = changed(carry=True, grid=ExitGrid(stop=(4.0,), target=(None,), trail=(None,), hold=(10,)))
    carried = mine(planted, carrying, conditions=CONDITIONS)
    best = carried.rules[0]
    trades = Market(planted, carrying).trade(unpacked(truths.of(best.rule.spec), len(planted)), 1, best.exits)
    assert (market.day_of[trades.entry_bar] != market.day_of[trades.exit_bar]).any()
    assert best.exits.before_close_s is None
    assert found.rules[0].exits.before_close_s == 300.0


def test_what_judges_comes_after_what_is_searched(found):
    walked = mine(
        world.noise(24, seed=1), changed(split=SplitSpec(kind="anchored", folds=3, train_share=0.5)),
        conditions=CONDITIONS[:6],
    )  # fmt: skip
    for fold in (*found.folds, *walked.folds):
        assert max(last for _, last in fold.train) < min(first for first, _ in fold.test)
    assert len(walked.folds) == 3
    assert {rule.chance.trials for rule in walked.rules} == {sum(fold.trials for fold in walked.folds)}
    tests = [fold.test[0] for fold in walked.folds]
    assert all(before[1] < after[0] for before, after in pairwise(tests))


def test_days_between_are_left_out_for_as_long_as_positions_may_be_held():
    carrying = changed(carry=True, grid=ExitGrid(stop=(4.0,), target=(None,), trail=(None,), hold=(5, 300)))
    fold = mine(world.noise(20, seed=1), carrying, conditions=CONDITIONS[:4]).folds[0]
    days = [to_datetime(int(at)).date().isoformat() for at in world.stamps(20)[::78]]
    assert days.index(fold.test[0][0]) - days.index(fold.train[0][1]) == 3  # two whole days lie between


def test_days_drawn_at_random_are_the_same_for_the_same_seed_and_never_on_both_sides():
    bars = world.noise(20, seed=1)
    first, again, other = (
        mine(bars, changed(split=msgspec.structs.replace(RANDOM, seed=seed)), conditions=CONDITIONS[:4]).folds[0]
        for seed in (7, 7, 8)
    )
    assert first == again
    assert first.test != other.test
    spans = sorted([*first.train, *first.test])
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_ranking_by_quality_of_exits_gives_another_order(planted, found):
    other = mine(planted, changed(rank_by="exit_quality"), conditions=CONDITIONS)
    assert [rule.exits for rule in other.rules] != [rule.exits for rule in found.rules]
    scores = [rule.quality_score for rule in other.rules]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_the_stages_tell_what_became_of_everything_that_was_considered(found):
    names = [(stage.side, stage.name) for stage in found.folds[0].stages]
    assert names == [(side, name) for side in ("long", "short") for name in ("single", "pattern", "of 2")]
    for stage in found.folds[0].stages:
        assert stage.considered == stage.too_rare + stage.same_signals + stage.tried
        assert stage.kept <= stage.tried - stage.no_better
    singles = [single for single in found.folds[0].singles if single.side == "long"]
    ratios = [single.sharpe_daily for single in singles]
    assert ratios == sorted(ratios, reverse=True)
    assert BURST.text in [single.text for single in singles[:5]]


def test_no_two_rules_make_the_same_trades(planted):
    twins = (Compare("close", ">", "open"), Compare("open", "<", "close"), Compare("close", ">=", "open"))
    result = mine(planted, changed(patterns=0, depth=1, overlap=0.8), conditions=twins)
    assert [stage.same_signals for stage in result.folds[0].stages] == [1, 1]
    assert len({rule.rule.side for rule in result.rules}) == len(result.rules)


def test_seeds_compete_under_the_name_of_their_source(planted):
    seed = Seed(Rule("long", (Phase((BURST,)), Phase((BURST,), 2, 3))), Source.FINGERPRINT)
    result = mine(planted, changed(seeds=(seed,), patterns=0, depth=1), conditions=CONDITIONS[2:6])
    assert result.rules[0].source == "fingerprint"
    assert result.rules[0].rule == seed.rule
    assert "screen" in {rule.source for rule in result.rules}


def test_a_model_suggests_rules_under_its_own_name(planted):
    try:
        model_library()
    except InvalidInput as error:
        pytest.skip(error.detail)
    asked = changed(patterns=0, depth=2, learned=3, keep=100, sides=("long",))
    result = mine(planted, asked, conditions=CONDITIONS)
    learned = [rule for rule in result.rules if rule.source == "ml"]
    assert learned
    assert {c for rule in learned for phase in rule.rule.phases for c in phase.all[:-1]} <= set(CONDITIONS)
    assert mine(planted, asked, conditions=CONDITIONS) == result


@pytest.mark.parametrize("error", ["ImportError('no such module')", "OSError('libgomp.so.1: cannot open')"])
def test_where_the_model_is_missing_only_it_is_refused(planted, monkeypatch, tmp_path, error):
    (tmp_path / "lightgbm.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lightgbm", raising=False)
    with pytest.raises(InvalidInput, match=r"requirements-learning\.txt") as refused:
        mine(planted, changed(learned=3, patterns=0), conditions=CONDITIONS[:4])
    assert refused.value.field == "learned"
    assert str(refused.value.__cause__) in refused.value.detail


def test_progress_only_rises_and_ends_at_the_whole(planted):
    told = []
    mine(planted, changed(patterns=2), conditions=CONDITIONS[:5], progress=lambda *at: told.append(at))
    done = [at for at, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1] == told[0][1]


def test_the_catalog_has_all_categories_and_its_conditions_hold_sometimes():
    for symbol in ("SPY", "/ES"):
        instrument = instrument_for(symbol)
        known = default_conditions(instrument)
        assert len(set(known)) == len(known) > 100
        assert {condition.category for condition in known} == set(Category)
    only = default_conditions(instrument_for("SPY"), [Category.TEMPORAL])
    assert {condition.category for condition in only} == {Category.TEMPORAL}
    bars = world.planted(12, seed=2)
    truths = Truths(bars, default_conditions(instrument_for("SPY")), memory_mb=64)
    held = [unpacked(row, len(bars)).any() for row in truths.rows]
    assert sum(held) > 0.85 * len(held)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"memory_mb": 16, "depth": 1}, "memory_mb"),
        ({"quantity": Decimal("0.5")}, "quantity"),
        ({"grid": ExitGrid(stop=(), hold=(5,))}, "grid"),
        ({"split": SplitSpec(kind="anchored", folds=50)}, "split"),
        ({"fees": "dear"}, "fees"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_its_field(values, field):
    many = CONDITIONS * 6_000 if field == "memory_mb" else CONDITIONS[:3]
    with pytest.raises(InvalidInput) as refused:
        mine(world.noise(12, seed=1), changed(**values), conditions=many)
    assert refused.value.field == field


def test_bars_as_long_as_a_day_can_only_be_traded_by_carrying():
    daily = coarser(world.noise(12, seed=1), "1d", session=calendar("XNYS").session)
    with pytest.raises(InvalidInput, match="carry") as refused:
        mine(daily, MiningSpec(), conditions=CONDITIONS[:3])
    assert refused.value.field == "carry"
