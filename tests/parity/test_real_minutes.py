"""Every built-in bar strategy with 70 random parameter sets on slices of real minutes of seven symbols: compiled =
engine. The whole files go through `./run manage parity`."""

import random

import pytest

from backtest.parity import compare
from backtest.search import sets_around
from engine.bars.columns import cut
from engine.strategy.scan import why_not
from strategies.registry import STRATEGIES, deciding
from tests.parity.configs import some_config
from tests.parity.data import SOURCES, minutes

pytestmark = pytest.mark.slow

COMPILED = [name for name in deciding() if why_not(STRATEGIES[name]) is None]
SETS, BARS = 10, 1_200  # of each symbol


def test_all_bar_strategies_but_those_with_a_clock_are_compiled():
    assert set(deciding()) - set(COMPILED) == {"sma_ticks", "zero_dte", "zero_dte_squeeze"}


@pytest.mark.parametrize("strategy", COMPILED)
def test_compiled_trades_are_the_engines_on_real_minutes(shared_data, strategy):
    rng, trading = random.Random(strategy), 0
    for number, source in enumerate(SOURCES):
        whole = minutes(shared_data, source)
        for params in sets_around(strategy, SETS, seed=number, reach=4.0):
            first = rng.randrange(len(whole) - BARS)
            data = cut(whole, first, first + BARS)
            fixed = some_config(rng.randrange(10_000)) if rng.random() < 0.5 else None
            found = compare(data, strategy, params, fixed)
            assert (found.difference, found.skipped) == ("", ""), (source, params, fixed)
            trading += found.trades > 0
    assert trading > 3, "hardly any set trades: nothing was compared"
