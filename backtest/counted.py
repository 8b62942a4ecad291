"""Counts what is tried at a command line in the same ledger as studies, and judges it by everything in there."""

from typing import Any, NamedTuple

import numpy as np
from django.db import DatabaseError, transaction
from numpy.typing import NDArray

from backtest import trials
from backtest.distributed.data import Bars, bars_from
from backtest.distributed.judge import judged
from backtest.distributed.runs import daily_results, params_digest
from backtest.simulation.sweep.job import RunConfig
from backtest.statistics.sharpe import sharpe
from backtest.stored import StoredRun
from backtest.sweeping import SweepResult

Floats = NDArray[np.float64]


class _Run(NamedTuple):
    number: int
    strategy: str
    params: dict[str, Any]
    sharpe: float
    daily: Floats


def verdict_on(result: SweepResult) -> list[str]:
    """Count every run of the sweep; what is to be said of its best, in lines for people."""
    bars = bars_from(result.data)
    runs = []
    for place, outcome in enumerate(result.runs):
        if not outcome.error:
            daily = daily_results(*result.trades(place).exits(), bars)
            runs.append(_Run(outcome.number, result.strategy, outcome.params, sharpe(daily), daily))
    return _said(runs, bars, result.fixed)


def verdict_on_run(run: StoredRun) -> list[str]:
    """The same for a single run of one strategy on bars of one symbol; of others nothing is said."""
    [series, *others] = run.series
    if others or len(run.asked.traders) > 1 or len(series.bars) != 1:
        return []
    [trader] = run.asked.traders
    bars = bars_from(series.bars[0])
    trades = run.outcome.trades
    when = np.array([trade.exit_ts for trade in trades], np.int64)
    daily = daily_results(when, np.array([float(trade.pnl) for trade in trades]), bars)
    asked, request = run.asked, run.request
    fixed = RunConfig(
        quantity=asked.quantities[series.symbol], fees=request.fees, slippage=request.slippage, fill=request.fill,
        exits=asked.exits, sizing=asked.sizing, capital=asked.capital,
    )  # fmt: skip
    return _said([_Run(0, trader.kind, trader.params, sharpe(daily), daily)], bars, fixed)


def _said(runs: list[_Run], bars: Bars, fixed: RunConfig) -> list[str]:
    if not runs:
        return []
    try:
        with transaction.atomic():
            _count(runs, bars, fixed)
            judgement = judged(runs, bars)
    except DatabaseError:
        return ["Not counted among the trials: the database is not set up (./run manage migrate)."]
    return [judgement["sentence"]] if judgement else []


def _count(runs: list[_Run], bars: Bars, fixed: RunConfig) -> None:
    trials.record(
        [trials.Tried(params_digest(run.strategy, run.params, fixed), run.sharpe) for run in runs],
        strategy=runs[0].strategy,
        symbol=bars.columns.symbol,
        timeframe=bars.columns.timeframe,
        dataset=bars.digest,
        first_ts=int(bars.columns.ts_open[0]),
        last_ts=int(bars.columns.ts[-1]),
    )
