import dataclasses
import pickle
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from backtest.parity import both, difference
from backtest.simulation.sweep import scanned
from backtest.simulation.sweep.job import parted
from backtest.sweeping import RunConfig, SweepJob, run_chunk, sweep
from engine.decision.sizing import FixedFraction
from engine.errors import FortifiedError
from engine.exits.config import Distance, DistanceKind, ExitConfig, Target
from tests.backtest.sweep.world import walk

GRID = [{"period_1": fast, "period_2": slow} for fast in (3, 5, 8) for slow in (13, 21)]


def test_every_parameter_set_is_a_run_in_the_order_of_the_grid():
    result = sweep(walk(600), strategy="ema", grid=GRID)
    assert [run.params for run in result.runs] == GRID
    assert [run.number for run in result.runs] == list(range(6))
    assert len({run.stats["net_pnl"] for run in result.runs}) == 6


def test_parameters_that_the_strategy_refuses_are_told_and_do_not_end_the_sweep():
    result = sweep(walk(200), strategy="ema", grid=[{"period_1": 0}, {"period_1": 5, "period_2": 5}, {"period_1": 5}])
    assert [not run.stats for run in result.runs] == [True, True, False]
    assert "period_1" in result.runs[0].error
    assert "period_2" in result.runs[1].error


def test_an_unknown_strategy_is_refused_before_anything_runs():
    with pytest.raises(FortifiedError, match="emma"):
        sweep(walk(10), strategy="emma", grid=[{}])


def test_a_sweep_can_be_cancelled_between_runs():
    done = []
    result = sweep(
        walk(200), strategy="ema", grid=GRID, workers=1,
        progress=lambda at, total: done.append((at, total)), cancel=lambda: len(done) == 2,
    )  # fmt: skip
    assert result.is_cancelled
    assert [run.params for run in result.runs] == GRID[:2]
    assert done == [(1, 6), (2, 6)]


def test_jobs_travel_as_json_and_chunks_add_up_to_the_sweep():
    data, fixed = walk(400), RunConfig(fees="unit:0.01", slippage="fixed:1")
    whole = sweep(data, strategy="ema", grid=GRID, fixed=fixed)
    parts = []
    for first in (0, 2, 4):
        job = SweepJob(strategy="ema", params=GRID[first : first + 2], fixed=fixed, first=first)
        assert msgspec.json.decode(msgspec.json.encode(job), type=SweepJob) == job
        parts += run_chunk(msgspec.json.decode(msgspec.json.encode(job), type=SweepJob), data)
    assert [part.document() for part in parts] == [run.document() for run in whole.runs]


def test_the_trades_of_a_run_come_with_it_or_on_demand():
    data = walk(600)
    kept = sweep(data, strategy="ema", grid=GRID, keep_trades=True)
    asked = sweep(data, strategy="ema", grid=GRID)
    assert all(run.trades is None for run in asked.runs)
    for number, run in enumerate(kept.runs):
        trades = asked.trades(number)
        assert trades.closed() == run.trades.closed()
        assert len(trades) == run.stats["trades"] > 3
        ts, pnl = trades.exits()
        assert ts.tolist() == [trade.exit_ts for trade in trades.closed()]
        assert pnl.sum() == pytest.approx(float(run.stats["net_pnl"]))


def test_the_best_runs_come_first():
    best = sweep(walk(600), strategy="ema", grid=GRID).best(3)
    earned = [float(run.stats["net_pnl"]) for run in best]
    assert len(best) == 3
    assert earned == sorted(earned, reverse=True)


@pytest.mark.parametrize("fees", ["unit:0.01", "ibkr_tiered"])
@pytest.mark.parametrize("force_event", [False, True])
def test_the_number_of_workers_changes_nothing(force_event, fees):
    data, fixed = walk(500), RunConfig(fees=fees)
    alone, shared = (
        sweep(
            data, strategy="ema", grid=GRID * 3, fixed=fixed, workers=workers, keep_trades=True, force_event=force_event
        )
        for workers in (1, 3)
    )
    assert [run.document() for run in alone.runs] == [run.document() for run in shared.runs]
    assert [run.trades.closed() for run in alone.runs] == [run.trades.closed() for run in shared.runs]
    assert {run.how for run in shared.runs} == {"event" if force_event else "compiled"}


@pytest.mark.parametrize("force_event", [False, True])
def test_several_workers_can_be_cancelled_too(force_event):
    done: list[int] = []
    result = sweep(
        walk(300), strategy="ema", grid=GRID * 20, workers=2, force_event=force_event,
        progress=lambda at, total: done.append(at), cancel=lambda: len(done) == 7,
    )  # fmt: skip
    assert result.is_cancelled
    assert len(result.runs) == 7


def test_a_strategy_without_a_step_runs_by_the_engine_and_says_why():
    result = sweep(walk(300), strategy="manual", grid=[{}])
    assert result.runs[0].how == "event"
    assert "decides by code of its own" in result.runs[0].why


def test_what_buys_options_is_refused_because_history_has_no_price_of_them():
    [run] = sweep(walk(300), strategy="zero_dte", grid=[{}]).runs
    assert run.error is not None
    assert "zero_dte buys options, and the history holds no quotes of them" in run.error


@pytest.mark.parametrize(
    ("fixed", "word"),
    [
        (RunConfig(participation=0.1), "partial fills"),
        (RunConfig(sizing=FixedFraction(), capital=Decimal(10_000)), "equity"),
        (RunConfig(quantity=Decimal("1.5")), "size grid"),
        (RunConfig(exits=ExitConfig(targets=(Target(Distance(0.02), 0.5), Target(Distance(0.01), 0.5)))), "in order"),
    ],
)
def test_what_cannot_be_compiled_runs_by_the_engine_and_says_why(fixed, word):
    run = sweep(walk(300), strategy="ema", grid=[{}], fixed=fixed).runs[0]
    assert run.how == "event"
    assert word in run.why
    assert run.stats["trades"] > 0


def test_bars_that_the_scan_cannot_read_run_by_the_engine(tmp_path):
    data = walk(300)
    broken = dataclasses.replace(data, is_complete=data.is_complete & (np.arange(300) != 7))
    run = sweep(broken, strategy="ema", grid=[{}]).runs[0]
    assert (run.how, run.why) == ("event", "there are incomplete bars")


def test_trades_travel_between_processes():
    run = sweep(walk(400), strategy="ema", grid=GRID[:1], keep_trades=True).runs[0]
    assert pickle.loads(pickle.dumps(run)).trades.closed() == run.trades.closed()


def test_columns_that_runs_share_are_forgotten_when_they_are_too_many(monkeypatch):
    data = walk(400)
    whole = sweep(data, strategy="ema", grid=GRID)
    monkeypatch.setattr(scanned, "MOST_BYTES", 1)
    assert [run.document() for run in sweep(data, strategy="ema", grid=GRID).runs] == [r.document() for r in whole.runs]


BY_EXITS = [
    {"exits.stop.value": stop, "exits.targets.0.distance.value": target, "period_1": 5}
    for stop in (0.0001, 0.0002)
    for target in (0.0002, 0.0004)
]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("force_event", [False, True])
def test_exits_can_be_tried_like_parameters(workers, force_event):
    data = walk(700)
    result = sweep(data, strategy="ema", grid=BY_EXITS, workers=workers, force_event=force_event)
    for run in result.runs:
        stop, target = run.params["exits.stop.value"], run.params["exits.targets.0.distance.value"]
        exits = ExitConfig(stop=Distance(stop), targets=(Target(Distance(target)),))
        alone = sweep(data, strategy="ema", grid=[{"period_1": 5}], fixed=RunConfig(exits=exits), force_event=True)
        assert run.stats == alone.runs[0].stats
    assert len({run.stats["net_pnl"] for run in result.runs}) == 4


def test_an_exit_of_the_sweep_can_be_changed_and_taken_away():
    fixed = RunConfig(exits=ExitConfig(stop=Distance(1.0, DistanceKind.ATR), max_hold_s=300.0))
    grid: list[dict[str, Any]] = [
        {"exits.stop.value": 2.0},
        {"exits.stop": "none"},
        {"exits.stop": "none", "exits.max_hold_s": "none"},
    ]
    changed = [parted(fixed, params)[1].exits for params in grid]
    assert changed == [
        ExitConfig(stop=Distance(2.0, DistanceKind.ATR), max_hold_s=300.0),
        ExitConfig(max_hold_s=300.0),
        None,
    ]
    data = walk(500)
    for params in grid:
        assert difference(*both(data, "ema", params, fixed)) == ""


@pytest.mark.parametrize(
    "params",
    [
        {"exits.stop.value": -1},
        {"exits.stopp.value": 1},
        {"exits.targets.x.share": 1},
        {"exits.break_even.after.value": 1},
    ],
)
def test_exits_that_make_no_sense_are_told_and_do_not_end_the_sweep(params):
    result = sweep(walk(200), strategy="ema", grid=[params, {}])
    assert result.runs[0].error
    assert result.runs[1].stats
