"""Runs one configuration compiled and through the engine, and says where they differ."""

from typing import Any

import msgspec

from backtest.simulation.sweep.job import RunConfig, RunOutcome, SweepJob
from backtest.sweeping import run_chunk
from engine.bars.columns import BarColumns

FIELDS = (
    "trade_id", "strategy", "symbol", "broker", "side", "quantity", "entry_ts", "entry_price", "exit_ts", "exit_price",
    "pnl", "fees", "entry_order", "exit_order", "entry_reason", "exit_reason", "entry_bar_ts", "exit_bar_ts",
    "is_ambiguous", "mae", "mfe",
)  # fmt: skip


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
    if compiled.how != "compiled" or engine.how != "event":
        return f"run by {compiled.how} ({compiled.why}) and {engine.how}"
    pairs = zip(compiled.trades.closed(), engine.trades.closed(), strict=False)
    for number, (ours, theirs) in enumerate(pairs):
        for name in FIELDS:
            if getattr(ours, name) != getattr(theirs, name):
                return (
                    f"trade {number}: {name} is {getattr(ours, name)} compiled, {getattr(theirs, name)} by the engine"
                )
        if ours != theirs:
            return f"trade {number}: {ours} compiled, {theirs} by the engine"
    if compiled.stats != engine.stats:
        differing = {
            name: (compiled.stats[name], value) for name, value in engine.stats.items() if compiled.stats[name] != value
        }
        return f"statistics: {differing}"
    return ""
