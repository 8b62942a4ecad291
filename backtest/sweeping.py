"""Sweeps: one strategy, one set of bars, many parameter sets, on the cores of this machine."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import Any

import msgspec

from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob, Trades
from backtest.simulation.sweep.run import Runner, run_job
from backtest.simulation.sweep.scanned import Scratch
from engine.bars.columns import BarColumns
from strategies.registry import STRATEGIES

Progress = Callable[[int, int], None]  # done, of how many
Cancel = Callable[[], bool]
MOST_PER_CHUNK, CHUNKS_EACH = 64, 8  # runs that one worker takes at once, and how often it should come again


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
    for outcome in _outcomes(job, data, workers or _cores(), cancel):
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


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _outcomes(job: SweepJob, data: BarColumns, workers: int, cancel: Cancel | None) -> Iterator[RunOutcome]:
    """In the order of the grid. Compiled runs share the cores as threads, those of the engine as processes."""
    runner = Runner(job, data, registry=STRATEGIES, lock=threading.Lock())
    places = range(len(job.params))
    workers = min(workers, len(places))
    if workers < 2:
        yield from run_job(job, data, registry=STRATEGIES, cancel=cancel)
        return
    size = max(1, min(MOST_PER_CHUNK, len(places) // (workers * CHUNKS_EACH)))
    chunks = [places[at : at + size] for at in range(0, len(places), size)]
    spread = _by_threads if runner.why_not() is None else _by_processes
    yield from spread(runner, chunks, workers, cancel)


def _by_threads(runner: Runner, chunks: list[range], workers: int, cancel: Cancel | None) -> Iterator[RunOutcome]:
    free: SimpleQueue[Scratch] = SimpleQueue()
    for _ in range(workers):
        free.put(runner.scratch())

    def run(chunk: range) -> list[RunOutcome]:
        scratch = free.get()
        try:
            return [runner.run(place, scratch) for place in chunk]
        finally:
            free.put(scratch)

    with ThreadPoolExecutor(workers, thread_name_prefix="sweep") as pool:
        yield from _in_order(pool, run, chunks, workers, cancel)


def _by_processes(runner: Runner, chunks: list[range], workers: int, cancel: Cancel | None) -> Iterator[RunOutcome]:
    """Forked, so that bars and strategies (also those of a user's folder) are there without being sent."""
    _forked["runner"] = runner
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
            yield from _in_order(pool, _run_forked, chunks, workers, cancel)
    finally:
        _forked.clear()


_forked: dict[str, Runner] = {}  # what a forked process inherits


def _run_forked(chunk: range) -> list[RunOutcome]:
    runner = _forked["runner"]
    scratch = runner.scratch()
    return [runner.run(place, scratch) for place in chunk]


def _in_order(
    pool: Executor,
    run: Callable[[range], list[RunOutcome]],
    chunks: list[range],
    workers: int,
    cancel: Cancel | None,
) -> Iterator[RunOutcome]:
    """A few chunks ahead of what is asked for, so that a cancel is not followed by everything."""
    waiting: deque[Future[list[RunOutcome]]] = deque()
    left = iter(chunks)
    try:
        while True:
            waiting.extend(pool.submit(run, chunk) for chunk in islice(left, 2 * workers - len(waiting)))
            if not waiting:
                return
            for outcome in waiting.popleft().result():
                if cancel is not None and cancel():
                    return
                yield outcome
    finally:
        for future in waiting:
            future.cancel()


__all__ = ["RunConfig", "RunOutcome", "Runner", "SweepJob", "SweepResult", "Trades", "run_chunk", "sweep"]
