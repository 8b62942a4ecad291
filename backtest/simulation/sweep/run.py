"""Runs parameter sets one after another over the same bars; whatever they share is computed once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from backtest.simulation.sweep import numbers
from backtest.simulation.sweep.event import event_outcome, run_events
from backtest.simulation.sweep.job import RunOutcome, SweepJob, merged
from backtest.simulation.sweep.scanned import Scanner, Scratch
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.instruments.instrument import Instrument
from engine.registry import Registry
from engine.strategy import scan
from engine.strategy.base import Strategy


class Runner:
    """Everything that the runs of a job have in common. `run` may be called in any order, and by several threads with
    a scratch each."""

    def __init__(
        self,
        job: SweepJob,
        data: BarColumns,
        *,
        registry: Registry[type[Strategy]],
        cache_dir: Path | None = None,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.job, self.data = job, data
        self._registry = registry
        self._key = registry.canonical(job.strategy)
        self._kind = registry[self._key]
        instrument = instrument_for(data.symbol)
        self._why = "asked for" if job.force_event else self._find_why(instrument)
        self._scanner = None if self._why else Scanner(data, job.fixed, instrument, cache_dir=cache_dir, lock=lock)

    def _find_why(self, instrument: Instrument) -> str | None:
        return (
            scan.why_not(self._kind) or numbers.why_not(self.job.fixed, instrument) or numbers.why_not_bars(self.data)
        )

    def why_not(self) -> str | None:
        """Why runs are not compiled; None where they are. They may share the cores as threads then; runs of the
        engine hold the interpreter."""
        return self._why

    def scratch(self) -> Scratch:
        """Memory for one thread."""
        return Scratch(len(self.data))

    def run(self, place: int, scratch: Scratch) -> RunOutcome:
        """The run at that place of the job's `params`. Parameters that are refused give an outcome with `error`."""
        job = self.job
        number, params = job.first + place, job.params[place]
        wanted = merged(job.fixed, params)
        try:
            why = self.why_not()
            if why is not None or self._scanner is None:
                outcome = run_events(self.data, self._key, wanted, job.fixed, registry=self._registry)
                return event_outcome(outcome, number=number, params=params, why=why or "", keep_trades=job.keep_trades)
            return self._scanner.run(
                self._key, self._kind, wanted, number=number, shown=params, keep_trades=job.keep_trades, scratch=scratch
            )
        except InvalidInput as error:
            return RunOutcome(number=number, params=params, stats={}, error=error.detail)


def run_job(
    job: SweepJob,
    data: BarColumns,
    *,
    registry: Registry[type[Strategy]],
    cancel: Callable[[], bool] | None = None,
) -> Iterator[RunOutcome]:
    """The outcomes in the order of the job's `params`; ends early when `cancel` says so."""
    runner = Runner(job, data, registry=registry)
    scratch = runner.scratch()
    for place in range(len(job.params)):
        if cancel is not None and cancel():
            return
        yield runner.run(place, scratch)
