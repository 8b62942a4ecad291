"""What chance, higher costs and a later start do to a result."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from backtest.honesty.assess import assess
from backtest.honesty.chance import deepest_falls, random_entries, shuffled
from backtest.honesty.stress import stressed
from backtest.honesty.warmth import begun_later, compared
from backtest.report.page import page
from backtest.report.write import document_of
from tests.backtest.report.conftest import minutes, play
from tests.engine.analytics.test_trades import trade

__all__ = ["minutes", "play"]


def test_no_order_of_the_trades_falls_deeper_than_all_losses_in_a_row():
    trades = [trade(str(pnl)) for pnl in (5, -3, 8, -2, -4, 6)]
    found = shuffled(trades, seed=1)
    assert found["net_pnl"] == 10
    assert found["drawdown"] == 6  # −2 and −4 in a row
    assert 4 <= found["drawdowns"]["p5"] <= found["drawdowns"]["p95"] <= 9
    assert found == shuffled(trades, seed=1)
    assert found != shuffled(trades, seed=2)
    assert shuffled([], seed=1) == {"trials": 0}


def test_a_fall_is_counted_from_a_peak_that_starts_at_nothing():
    assert deepest_falls(np.array([[-2.0, -3.0, 9.0], [4.0, -1.0, 2.0]])).tolist() == [5.0, 1.0]


def test_a_strategy_that_knows_the_waves_beats_random_entries_and_one_that_does_not_does_not(play):
    good = play(params=("ema.period_1=4", "ema.period_2=12"))
    found = random_entries(good.outcome.trades, good.curve, good.instruments, seed=1, trials=300)
    assert found["p_value"] < 0.01
    assert found["net_pnl"] == pytest.approx(float(sum(t.pnl for t in good.outcome.trades)))
    mirrored = [
        type(t)(**{**{name: getattr(t, name) for name in t.__struct_fields__}, "pnl": -t.pnl})
        for t in good.outcome.trades
    ]
    assert random_entries(mirrored, good.curve, good.instruments, seed=1, trials=300)["rank"] < 0.05
    assert random_entries([], good.curve, good.instruments, seed=1) == {"trials": 0}


def test_random_entries_cost_what_the_trades_cost(play):
    run = play(fees="unit:2")
    free = play()
    costly = random_entries(run.outcome.trades, run.curve, run.instruments, seed=4, trials=200)
    cheap = random_entries(free.outcome.trades, free.curve, free.instruments, seed=4, trials=200)
    paid = float(sum(t.fees for t in run.outcome.trades))
    assert cheap["net_pnls"]["p50"] - costly["net_pnls"]["p50"] == pytest.approx(paid, rel=1e-6)


def test_costs_several_times_over_cost_several_times_as_much(play):
    run = play(fees="unit:0.02", slippage="fixed:2")
    found = stressed(run)
    nets = [Decimal(row["net_pnl"]) for row in found["rows"]]
    fees = [Decimal(row["fees"]) for row in found["rows"]]
    assert [row["factor"] for row in found["rows"]] == [0, 1, 2, 3]
    assert nets[1] == Decimal(run.result(timing=None)["stats"]["net_pnl"])
    assert fees == [0, fees[1], 2 * fees[1], 3 * fees[1]]
    steps = [float(before - after) for before, after in pairwise(nets)]
    slipped = 2 * 0.02 * 10 * found["rows"][1]["trades"]  # two ticks, in and out, of ten shares
    assert steps == pytest.approx([float(fees[1]) + slipped] * 3, rel=0.2)  # a fill is on the grid, rounded against us
    assert found["assumed"] == ""
    assert stressed(play())["assumed"] == "one tick of slippage"


def test_where_nothing_is_left_is_found_between_two_rows(play):
    run = play(fees="unit:3")
    found = stressed(run, factors=(0, 1, 2, 3, 20))
    assert 0 < found["survives"] < 20
    none_left = next(row["factor"] for row in found["rows"] if float(row["net_pnl"]) <= 0)
    assert found["survives"] <= none_left


def test_averages_agree_once_they_are_warm_wherever_the_data_begin(play):
    rows = begun_later(play())
    assert len(rows) == 3
    assert all(row["share"] > 0.9 for row in rows)
    assert all(row["trades"] > 5 for row in rows)


def test_trades_are_the_same_only_with_the_same_times_and_prices():
    one = [trade("1", hold_s=60), trade("2", hold_s=120)]
    assert compared(one, one, 0)["share"] == 1.0
    assert compared(one, one[:1], 0) | {"same_from": None} == {"trades": 2, "same": 1, "share": 0.5, "same_from": None}
    assert compared(one, [], None)["share"] is None


def test_all_of_it_is_in_the_report(play):
    run = play(strategies=("ema", "supertrend"))
    found = assess(run, seed=7)
    assert found == assess(run, seed=7)
    html = page(document_of(run, benchmark=None, honesty=found))
    for heading in ("Does it look ahead?", "When costs are higher", "When the data begin later",
                    "The same trades in another order", "Entering at random instead"):  # fmt: skip
        assert heading in html
    assert html.count("certified</span>") == 2


def test_a_run_without_trades_is_assessed_too(play):
    run = play(params=("ema.period_1=400", "ema.period_2=500"), end=1_709_045_000 * 10**9)
    assert "There is no trade to compare." in page(document_of(run, benchmark=None, honesty=assess(run)))
