"""Runs parameter sets one after another over the same bars; whatever they share is computed once."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from backtest.simulation.sweep import numbers
from backtest.simulation.sweep.event import event_outcome, run_events
from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob, parted
from backtest.simulation.sweep.scanned import Scanner, Scratch, Shared
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.instruments.catalog import instrument_for
from engine.registry import Registry
from engine.strategy import scan
from engine.strategy.base import Strategy, decides_on_prints_alone

MOST_SCANNERS = 256  # configurations of exits that are kept


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
        still: Callable[[], None] | None = None,
    ) -> None:
        self.job, self.data, self._still = job, data, still
        self._registry = registry
        self._key = registry.canonical(job.strategy)
        self._kind = registry[self._key]
        self._instrument = instrument_for(data.symbol)
        self.data = dataclasses.replace(data, symbol=self._instrument.symbol)
        self._why = "asked for" if job.force_event else scan.why_not(self._kind) or numbers.why_not_bars(self.data)
        self._shared = None if self._why else Shared(self.data, self._instrument, cache_dir=cache_dir, lock=lock)
        self._scanners: dict[bytes, Scanner | str] = {}

    def why_not(self) -> str | None:
        """Why no run is compiled; None where they are, or most of them. They may share the cores as threads then; runs
        of the engine hold the interpreter."""
        if self._why or self._shared is None:
            return self._why
        found = self._scanner(self._shared, self.job.fixed)
        return found if isinstance(found, str) else None

    def scratch(self) -> Scratch:
        """Memory for one thread."""
        return Scratch(len(self.data))

    def run(self, place: int, scratch: Scratch) -> RunOutcome:
        """The run at that place of the job's `params`. Parameters that are refused give an outcome with `error`."""
        job = self.job
        number, params = job.first + place, job.params[place]
        try:
            if decides_on_prints_alone(self._kind):
                raise InvalidInput(f"{self._key} decides on prints, and a sweep runs over bars", field="strategy")
            wanted, fixed = parted(job.fixed, params)
            scanner = self._scanner(self._shared, fixed) if self._shared is not None else self._why or ""
            if isinstance(scanner, str):
                outcome = run_events(self.data, self._key, wanted, fixed, registry=self._registry, still=self._still)
                return event_outcome(outcome, number=number, params=params, why=scanner, keep_trades=job.keep_trades)
            return scanner.run(
                self._key, self._kind, wanted, number=number, shown=params, keep_trades=job.keep_trades, scratch=scratch
            )
        except InvalidInput as error:
            return RunOutcome(number=number, params=params, stats={}, error=error.detail)

    def _scanner(self, shared: Shared, fixed: RunConfig) -> Scanner | str:
        """For that configuration: there are several where exits are tried. Why there is none, where it is not
        compiled."""
        key = msgspec.json.encode(fixed.exits)
        found = self._scanners.get(key)
        if found is None:
            if len(self._scanners) >= MOST_SCANNERS:
                self._scanners.clear()
            found = self._scanners[key] = numbers.why_not(fixed, self._instrument) or Scanner(shared, fixed)
        return found


def run_job(
    job: SweepJob,
    data: BarColumns,
    *,
    registry: Registry[type[Strategy]],
    cancel: Callable[[], bool] | None = None,
    still: Callable[[], None] | None = None,
) -> Iterator[RunOutcome]:
    """The outcomes in the order of the job's `params`; ends early when `cancel` says so between two of them, or with
    what `still` raises within a run of the engine."""
    runner = Runner(job, data, registry=registry, still=still)
    scratch = runner.scratch()
    for place in range(len(job.params)):
        if cancel is not None and cancel():
            return
        yield runner.run(place, scratch)
