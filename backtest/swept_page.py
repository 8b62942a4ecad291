"""A sweep as one page that needs no network: the best runs, and over two axes a map of them."""

from typing import Any

from django.template.loader import render_to_string

from backtest.report.page import ASSETS
from backtest.report.words import cash, count, share, short
from backtest.sweeping import RunOutcome
from backtest.swept import SHOWN, StoredSweep, told, told_of_walk, walk_row

LISTED = 500  # runs in the page; all are in the JSON
MOST_CELLS = 4_000  # of the map
WORDS = {
    "trades": "Trades", "net_pnl": "Net P&L", "fees": "Fees", "max_drawdown": "Max drawdown",
    "profit_factor": "Profit factor", "win_rate": "Win rate",
}  # fmt: skip


def sweep_page(swept: StoredSweep) -> str:
    """The whole HTML."""
    result, by, names = swept.result, swept.search.by, [axis.name for axis in swept.axes]
    best = result.best(LISTED, by=by)
    context = {
        "style": (ASSETS / "report.css").read_text(encoding="utf-8"),
        "title": f"{swept.strategy} on {swept.symbol}, {result.timeframe}",
        "by": WORDS.get(by, by),
        "lines": [*told(result, swept.seconds), *told_of_walk(swept.walk), *swept.verdict.lines],
        "walk": [walk_row(fold) for fold in swept.walk["folds"]] if swept.walk else [],
        "settings": _settings(swept),
        "names": names,
        "shown": [WORDS[name] for name in SHOWN],
        "runs": [_row(run, names) for run in best],
        "left_out": len(result.runs) - len(best),
        "map": _map(swept, result.runs, names),
    }
    return render_to_string("backtest/sweep.html", context)


def _settings(swept: StoredSweep) -> list[tuple[str, str]]:
    fixed = swept.fixed
    found = [("quantity", f"{fixed.quantity:f}"), ("fees", fixed.fees), ("slippage", fixed.slippage)]
    return found + [(name, str(value)) for name, value in fixed.params.items()]


def _row(run: RunOutcome, names: list[str]) -> dict[str, Any]:
    net = float(run.stats["net_pnl"])
    figures = [_told(name, run.stats.get(name)) for name in SHOWN]
    return {"params": [short(run.params.get(name, "")) for name in names], "figures": figures, "sign": _sign(net)}


def _told(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "trades":
        return count(value)
    return share(value, places=1) if name == "win_rate" else cash(float(value))


def _map(swept: StoredSweep, runs: list[RunOutcome], names: list[str]) -> dict[str, Any] | None:
    """The value of every pair of a grid over two axes; darker is further from 0. None for anything else."""
    by = swept.search.by
    if len(names) != 2 or any(axis.is_continuous for axis in swept.axes):
        return None
    down, across = (axis.values for axis in swept.axes)
    if len(down) * len(across) > MOST_CELLS:
        return None
    values = {tuple(run.params[n] for n in names): run.stats.get(by) for run in runs if run.stats}
    most = max((abs(float(value)) for value in values.values() if value is not None), default=0.0) or 1.0
    rows = [
        {"name": first, "cells": [_cell(first, second, values.get((first, second)), most) for second in across]}
        for first in down
    ]
    return {"down": names[0], "across": names[1], "head": across, "rows": rows}


def _cell(first: Any, second: Any, value: Any, most: float) -> dict[str, Any]:
    if value is None:
        return {"told": f"{first}, {second}: none", "sign": "", "heat": 0}
    return {
        "told": f"{first}, {second}: {value}",
        "sign": _sign(float(value)),
        "heat": round(abs(float(value)) / most, 3),
    }


def _sign(value: float) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""
