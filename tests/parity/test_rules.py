"""Rules compiled and rules in the engine make the same trades: conditions, phases, exits and costs at random."""

import random
from collections import Counter

from backtest.parity import both, difference
from engine.rules.rule import rules_json
from tests.backtest.sweep.world import walk
from tests.engine.rules.random_rules import some_rules
from tests.parity.configs import some_config

SEEDS = range(24)


def test_any_rules_make_the_trades_of_the_engine_and_trade_both_ways():
    traded: Counter[str] = Counter()
    for seed in SEEDS:
        params = {"rules": rules_json(some_rules(seed)), "movers": random.Random(seed).choice(("any", "any", "fast"))}
        compiled, engine = both(walk(400, seed=seed), "rules", params, some_config(seed))
        assert (seed, compiled.how, difference(compiled, engine)) == (seed, "compiled", "")
        traded.update(trade.entry_reason for trade in engine.trades.closed())
    assert min(traded["rule_long"], traded["rule_short"]) > 30
