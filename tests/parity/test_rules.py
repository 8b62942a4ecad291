"""Rules compiled and rules in the engine make the same trades: conditions, phases, exits and costs at random."""

import random
from collections import Counter

import pytest

from backtest.parity import both, difference
from engine.rules.rule import rules_json
from tests.backtest.sweep.world import walk
from tests.engine.rules.random_rules import some_rules
from tests.parity.configs import some_config

SEEDS = range(24)
traded: Counter[str] = Counter()


@pytest.mark.parametrize("seed", SEEDS)
def test_any_rules_make_the_trades_of_the_engine(seed):
    params = {"rules": rules_json(some_rules(seed)), "movers": random.Random(seed).choice(("any", "any", "fast"))}
    compiled, engine = both(walk(400, seed=seed), "rules", params, some_config(seed))
    assert compiled.how == "compiled"
    assert difference(compiled, engine) == ""
    traded.update(trade.entry_reason for trade in engine.trades.closed())


def test_the_rules_above_traded_both_ways():
    if not traded:
        pytest.skip("needs the whole module: it counts what the test above has seen")
    assert min(traded["rule_long"], traded["rule_short"]) > 30
