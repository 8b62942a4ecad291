"""Sweeps: one strategy, one set of bars, many parameter sets, on the cores of this machine."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob, Trades
from backtest.simulation.sweep.run import Runner, run_job
from engine.bars.columns import BarColumns
from strategies.registry import STRATEGIES

Progress = Callable[[int, int], None]  # done, of how many
Cancel = Callable[[], bool]


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a sweep, in the order of its grid. `is_cancelled`: there are fewer than were asked for."""

    strategy: str
    symbol: str
    timeframe: str
    bars: int
    fixed: RunConfig
    runs: list[RunOutcome]
    data: BarColumns
    is_cancelled: bool = False

    def trades(self, number: int) -> Trades:
        """The trades of one run: those that were kept, else by running it again, which gives the same."""
        found = self.runs[number]
        if found.trades is None:
            job = SweepJob(strategy=self.strategy, params=[found.params], fixed=self.fixed, keep_trades=True)
            found = run_chunk(job, self.data)[0]
        trades: Trades = found.trades
        return trades

    def best(self, count: int = 10, *, by: str = "net_pnl") -> list[RunOutcome]:
        """The runs with the highest `by` of their statistics, the best first; equals in the order of the grid."""
        ran = [run for run in self.runs if run.stats.get(by) is not None]
        return sorted(ran, key=lambda run: -float(run.stats[by]))[:count]

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "config": {
                "strategy": self.strategy,
                "symbol": self.symbol,
                "timeframe": self.timeframe,
                "bars": self.bars,
                "fixed": msgspec.to_builtins(self.fixed),
            },
            "is_cancelled": self.is_cancelled,
            "runs": [run.document() for run in self.runs],
        }


def sweep(
    data: BarColumns,
    *,
    strategy: str,
    grid: Iterable[Mapping[str, Any]],
    fixed: RunConfig | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    keep_trades: bool = False,
    force_event: bool = False,
) -> SweepResult:
    """Run every parameter set of `grid`; the result does not depend on `workers` (None: one per core).

    A set that the strategy refuses is a run with an `error`; it does not end the sweep.
    """
    job = SweepJob(
        strategy=STRATEGIES.canonical(strategy),
        params=[dict(params) for params in grid],
        fixed=fixed or RunConfig(),
        keep_trades=keep_trades,
        force_event=force_event,
    )
    runs: list[RunOutcome] = []
    for outcome in run_job(job, data, registry=STRATEGIES, cancel=cancel):
        runs.append(outcome)
        if progress is not None:
            progress(len(runs), len(job.params))
    return SweepResult(
        strategy=job.strategy,
        symbol=data.symbol,
        timeframe=data.timeframe,
        bars=len(data),
        fixed=job.fixed,
        runs=runs,
        data=data,
        is_cancelled=len(runs) < len(job.params),
    )


def run_chunk(job: SweepJob, data: BarColumns, *, cancel: Cancel | None = None) -> list[RunOutcome]:
    """The runs of one job in this process and thread: what a worker of a distributed sweep calls."""
    return list(run_job(job, data, registry=STRATEGIES, cancel=cancel))


__all__ = ["RunConfig", "RunOutcome", "Runner", "SweepJob", "SweepResult", "Trades", "run_chunk", "sweep"]
