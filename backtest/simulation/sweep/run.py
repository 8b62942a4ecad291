"""Runs parameter sets one after another over the same bars; whatever they share is computed once."""

from collections.abc import Callable, Iterator
from typing import Any

from backtest.simulation.sweep.event import event_outcome, run_events
from backtest.simulation.sweep.job import RunOutcome, SweepJob, merged
from engine.bars.columns import BarColumns
from engine.errors import InvalidInput
from engine.registry import Registry
from engine.strategy.base import Strategy
from engine.strategy.params import parse_params


class Runner:
    """Everything that the runs of a job have in common. `run` may be called in any order."""

    def __init__(self, job: SweepJob, data: BarColumns, *, registry: Registry[type[Strategy]]) -> None:
        self.job, self.data = job, data
        self._registry = registry
        self._key = registry.canonical(job.strategy)

    def run(self, place: int) -> RunOutcome:
        """The run at that place of the job's `params`. Parameters that are refused give an outcome with `error`."""
        job = self.job
        number, params = job.first + place, job.params[place]
        wanted = merged(job.fixed, params)
        try:
            parse_params(self._registry[self._key], wanted)
        except InvalidInput as error:
            return RunOutcome(number=number, params=params, stats={}, error=error.detail)
        return self._by_engine(number, params, wanted, "asked for")

    def _by_engine(self, number: int, params: dict[str, Any], wanted: dict[str, Any], why: str) -> RunOutcome:
        outcome = run_events(self.data, self._key, wanted, self.job.fixed, registry=self._registry)
        return event_outcome(outcome, number=number, params=params, why=why, keep_trades=self.job.keep_trades)


def run_job(
    job: SweepJob,
    data: BarColumns,
    *,
    registry: Registry[type[Strategy]],
    cancel: Callable[[], bool] | None = None,
) -> Iterator[RunOutcome]:
    """The outcomes in the order of the job's `params`; ends early when `cancel` says so."""
    runner = Runner(job, data, registry=registry)
    for place in range(len(job.params)):
        if cancel is not None and cancel():
            return
        yield runner.run(place)
