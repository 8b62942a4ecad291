"""Holds compiled runs against the engine's: every field of every trade, every statistic."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backtest.search import sets_around
from backtest.simulation.sweep.job import COMPILED, RunConfig, RunOutcome, SweepJob
from backtest.sweeping import run_chunk
from engine.bars.columns import BarColumns
from engine.model.positions import TradeClosed
from strategies.registry import deciding

FIELDS = tuple(name for name in TradeClosed.__struct_fields__ if name != "ts")


class Comparison(msgspec.Struct, frozen=True):
    """One configuration, both ways. `difference` is empty where everything is the same; `skipped` says why there is
    nothing to compare."""

    strategy: str
    symbol: str
    params: dict[str, Any]
    trades: int
    difference: str
    skipped: str = ""


def compare(data: BarColumns, strategy: str, params: Mapping[str, Any], fixed: RunConfig | None = None) -> Comparison:
    """Run it compiled and by the engine."""
    compiled, engine = both(data, strategy, dict(params), fixed)
    skipped = compiled.error or compiled.why
    found = "" if skipped else difference(compiled, engine)
    trades = 0 if engine.trades is None else len(engine.trades)
    return Comparison(strategy, data.symbol, dict(params), trades, found, skipped)


def both(
    data: BarColumns, strategy: str, params: dict[str, Any], fixed: RunConfig | None = None
) -> tuple[RunOutcome, RunOutcome]:
    """The compiled run, and the engine's."""
    job = SweepJob(strategy=strategy, params=[params], fixed=fixed or RunConfig(), keep_trades=True)
    return run_chunk(job, data)[0], run_chunk(msgspec.structs.replace(job, force_event=True), data)[0]


def difference(compiled: RunOutcome, engine: RunOutcome) -> str:
    """The first thing that is not the same, in words; empty when everything is."""
    if compiled.error or engine.error:
        return "" if compiled.error == engine.error else f"refused: {compiled.error!r} and {engine.error!r}"
    if compiled.how != COMPILED or engine.how == COMPILED:
        return f"run by {compiled.how} ({compiled.why}) and {engine.how}"
    pairs = zip(compiled.trades.closed(), engine.trades.closed(), strict=False)
    for number, (ours, theirs) in enumerate(pairs):
        for name in FIELDS:
            if getattr(ours, name) != getattr(theirs, name):
                return (
                    f"trade {number}: {name} is {getattr(ours, name)} compiled, {getattr(theirs, name)} by the engine"
                )
    for name, value in engine.stats.items():
        if compiled.stats.get(name) != value:
            return f"statistics: {name} is {compiled.stats.get(name)} compiled, {value} by the engine"
    return "" if len(compiled.stats) == len(engine.stats) else "statistics: not the same ones"


def compare_all(
    data: BarColumns, *, sets: int, seed: int = 0, fixed: RunConfig | None = None, strategies: tuple[str, ...] = ()
) -> Iterator[Comparison]:
    """Each strategy (all there are, where none is named) with `sets` random parameter sets around its defaults."""
    for strategy in strategies or tuple(deciding()):
        for params in sets_around(strategy, sets, seed=seed):
            yield compare(data, strategy, params, fixed)
