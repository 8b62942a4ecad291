"""Counts what is tried at a command line in the same ledger as studies, and judges it by everything in there."""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from django.db import DatabaseError, transaction
from numpy.typing import NDArray

from backtest import trials
from backtest.distributed.data import Bars, bars_from
from backtest.distributed.judge import judged
from backtest.distributed.runs import daily_results, params_digest
from backtest.request import Trader
from backtest.simulation.sweep.job import RunConfig
from backtest.source import Series
from backtest.statistics.sharpe import sharpe
from backtest.stored import StoredRun
from backtest.sweeping import SweepResult
from engine.bars.columns import build_columns
from engine.instruments.catalog import bar_session
from engine.model.positions import TradeClosed

Floats = NDArray[np.float64]
NOT_COUNTED = "Not counted among the trials: the database is not set up (./run manage migrate)."
TOO_FEW = "Counted among the trials; there are too few days with trades to say how convincing it is."


class TriedRun(NamedTuple):
    """One run, as it is judged and walked forward: `daily` are its results of each day, `sharpe` is of these."""

    number: int
    strategy: str
    params: dict[str, Any]
    sharpe: float
    daily: Floats
    digest: str  # of everything that was chosen for it


class Verdict(NamedTuple):
    """What can be said of the best run, of each strategy and symbol; `note` says why where there is nothing to say."""

    rows: list[dict[str, Any]]
    note: str = ""

    @property
    def lines(self) -> list[str]:
        """For people."""
        if self.note:
            return [self.note]
        if len(self.rows) == 1:
            return [self.rows[0]["sentence"]]
        return [f"{row['strategy']} on {row['symbol']}: {row['sentence']}" for row in self.rows]


def tried_of(result: SweepResult) -> tuple[list[TriedRun], Bars]:
    """The runs of a sweep that were not refused, and the days they ran on."""
    bars = bars_from(result.data)
    runs = []
    for place, outcome in enumerate(result.runs):
        if not outcome.error:
            daily = daily_results(*result.trades(place).exits(), bars)
            digest = params_digest(result.strategy, outcome.params, result.fixed)
            runs.append(TriedRun(outcome.number, result.strategy, outcome.params, sharpe(daily), daily, digest))
    return runs, bars


def verdict_on(runs: list[TriedRun], bars: Bars) -> Verdict:
    """Count every run of a sweep, and judge its best."""
    return _verdict([(runs, bars)])


def verdict_on_run(run: StoredRun) -> Verdict:
    """The same for a run that was played: each strategy on each symbol is a trial of its own."""
    return _verdict(list(_parts(run)))


def _parts(run: StoredRun) -> Iterator[tuple[list[TriedRun], Bars]]:
    for trader in run.asked.traders:
        for series in run.series:
            bars = _bars(series, trader.timeframe)
            trades = [
                trade for trade in run.outcome.trades if (trade.strategy, trade.symbol) == (trader.name, series.symbol)
            ]
            daily = _daily(trades, bars)
            digest = _digest(run, trader, series)
            yield [TriedRun(0, trader.kind, trader.params, sharpe(daily), daily, digest)], bars


def _bars(series: Series, timeframe: str) -> Bars:
    if series.ticks is None:
        return bars_from(next(each for each in series.bars if each.timeframe == timeframe))
    return bars_from(build_columns(series.ticks, timeframe, session=bar_session(series.symbol)))


def _daily(trades: list[TradeClosed], bars: Bars) -> Floats:
    when = np.array([trade.exit_ts for trade in trades], np.int64)
    return daily_results(when, np.array([float(trade.pnl) for trade in trades]), bars)


def _digest(run: StoredRun, trader: Trader, series: Series) -> str:
    """That of the same set in a sweep, unless something was chosen that a sweep does not know."""
    asked, request = run.asked, run.request
    fixed = RunConfig(
        quantity=asked.quantities[series.symbol], fees=request.fees, slippage=request.slippage, fill=request.fill,
        exits=run.exits, sizing=asked.sizing, capital=asked.capital, participation=run.participation,
    )  # fmt: skip
    digest = params_digest(trader.kind, trader.params, fixed)
    own = [f"latency {request.latency}"] if request.latency != "0" else []
    own += ["no entry before the close"] if request.flat_at_close else []
    own += [f"chains {request.chains}"] if request.chains is not None else []
    own += [f"roll {request.roll_close}"] if request.roll_close is not None else []
    own += ["intrabar"] if request.intrabar else []
    own += ["on prints"] if series.ticks is not None else []
    own += [f"without {run.exclude:x}"] if run.exclude else []
    return hashlib.sha256("|".join([digest, *own]).encode()).hexdigest()[:16] if own else digest


def _verdict(parts: list[tuple[list[TriedRun], Bars]]) -> Verdict:
    try:
        with transaction.atomic():
            for runs, bars in parts:
                _count(runs, bars)
            found = [judged(runs, bars) for runs, bars in parts]
    except DatabaseError:
        return Verdict([], NOT_COUNTED)
    rows = [row for row in found if row is not None]
    return Verdict(rows, "" if rows else TOO_FEW)


def _count(runs: list[TriedRun], bars: Bars) -> None:
    if not runs:
        return
    trials.record(
        [trials.Tried(run.digest, run.sharpe) for run in runs],
        strategy=runs[0].strategy,
        symbol=bars.columns.symbol,
        timeframe=bars.columns.timeframe,
        dataset=bars.digest,
        first_ts=int(bars.columns.ts_open[0]),
        last_ts=int(bars.columns.ts[-1]),
    )
