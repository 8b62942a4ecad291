"""Compiled runs and runs of the engine make the same trades: strategies, exits, sizes, fees and slippage at random."""

import random
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from backtest.parity import both, difference
from backtest.simulation.sweep import kernel, scanned
from backtest.simulation.sweep.job import RunConfig
from tests.backtest.sweep.world import off_grid, walk
from tests.parity.configs import some_config

MARKETS = {"SPY": 0.01, "/ES": 0.25, "/YM": 1.0, "/GC": 0.1}
SEEDS = range(120)
REASONS = {
    "stop", "trailing", "break_even", "target_1", "target_2", "target_3", "max_hold", "session_close", "cut_off",
    "cross_above", "cross_below",
}  # fmt: skip


@cache
def made(seed: int) -> tuple[str, frozenset[str]]:
    """In what the two runs of a configuration at random differ, and what closed the engine's trades."""
    rng = random.Random(seed)
    symbol = rng.choice(list(MARKETS))
    data = walk(rng.choice((300, 900)), seed=seed, symbol=symbol, tick=MARKETS[symbol], step=rng.choice((3, 12, 40)))
    if rng.random() < 0.4:
        data = off_grid(data, seed=seed, part=MARKETS[symbol] * rng.choice((0.1, 0.37, 0.5, 1 / 3)))
    params = {"period_1": rng.randrange(2, 8), "period_2": rng.randrange(8, 25)}
    compiled, engine = both(data, "ema", params, some_config(seed))
    return difference(compiled, engine), frozenset(trade.exit_reason for trade in engine.trades.closed())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_configuration_makes_the_trades_of_the_engine(seed):
    assert made(seed)[0] == ""


def test_the_configurations_above_were_closed_by_every_kind_of_exit():
    seen: set[str] = set()
    for seed in SEEDS:
        seen |= made(seed)[1]
        if seen >= REASONS:
            return
    assert seen >= REASONS


def test_amounts_that_machine_words_cannot_hold_are_exact_too():
    data = walk(900, symbol="/ES", tick=0.25)
    config = RunConfig(quantity=Decimal(10**9), fees="rate:0.00012345678")
    compiled, engine = both(data, "ema", {"period_1": 3, "period_2": 9}, config)
    assert difference(compiled, engine) == ""
    assert compiled.trades.pnl.dtype == object


@pytest.mark.parametrize("fees", ["unit:0.005", "rate:0.0001", "rate:0.00012345678", "ibkr_tiered", "ibkr_fixed"])
def test_a_fill_that_turns_a_position_pays_for_both_its_trades(fees):
    compiled, engine = both(walk(800), "ema", {"period_1": 3, "period_2": 9}, RunConfig(quantity=Decimal(7), fees=fees))
    assert difference(compiled, engine) == ""
    assert Decimal(compiled.stats["fees"]) > 0
    assert all(trade.fees > 0 for trade in compiled.trades.closed()[1:])


def test_bars_on_which_a_stop_and_a_target_were_reached_count_against_us():
    wide = walk(600, step=60)
    ambiguous = 0
    for seed in SEEDS:
        config = some_config(seed)
        if config.exits is not None and config.exits.targets:
            compiled, engine = both(wide, "ema", {"period_1": 3, "period_2": 9}, config)
            assert difference(compiled, engine) == ""
            ambiguous += sum(trade.is_ambiguous for trade in compiled.trades.closed())
    assert ambiguous > 10


@pytest.mark.parametrize("seed", [1, 5, 8, 13])
def test_the_kernel_called_as_it_is_does_what_its_machine_code_does(seed, monkeypatch):
    data, config, params = walk(300, seed=seed), some_config(seed), {"period_1": 3, "period_2": 9}
    compiled, _ = both(data, "ema", params, config)

    def plain(*columns: np.ndarray) -> None:
        kernel.run_bars(*(c.view(np.recarray) if c.dtype.names else c for c in columns))

    monkeypatch.setattr(scanned, "bar_scan", lambda cache_dir: plain)
    called, _ = both(data, "ema", params, config)
    assert called.stats == compiled.stats
    assert called.trades.closed() == compiled.trades.closed()
    assert len(called.trades) > 5
