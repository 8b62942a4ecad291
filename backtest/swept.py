"""A sweep as a person asks for it: checked, read, run, and told."""

import time
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from rich.table import Table

from backtest.counted import Verdict, tried_of, verdict_on
from backtest.distributed.walk import walked
from backtest.report.words import settings as settings_line
from backtest.report.words import short
from backtest.request import Asked, Request, check
from backtest.search import Axis, grid, latin_hypercube, optimise, parse_axis, random_sets
from backtest.simulation.driver import RANKS
from backtest.simulation.options import parse_fees, parse_pairs, parse_slippage
from backtest.source import read_archive, read_file
from backtest.statistics.splits import SplitSpec
from backtest.stored import parse_bits
from backtest.sweeping import Progress, RunConfig, SweepResult, sweep
from engine.bars.columns import BarColumns, build_columns
from engine.errors import InvalidInput
from engine.instruments.catalog import bar_session
from infra.terminal import console
from marketdata.archive.store import Archive

SHOWN = ("trades", "net_pnl", "fees", "max_drawdown", "profit_factor", "win_rate")


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is tried: every combination of `axes` (as they are typed), or a number of sets chosen one way."""

    axes: tuple[str, ...]
    random: int = 0
    lhs: int = 0
    optuna: int = 0
    seed: int = 0
    by: str = "net_pnl"
    split: SplitSpec | None = None  # of a walk-forward


class StoredSweep:
    """A sweep over a file or the archive. Everything is checked before anything is read."""

    def __init__(self, request: Request, search: Search) -> None:
        self.request, self.search = request, search
        asked = check(replace(request, params=()))  # they are checked with what the grid adds to them
        if len(asked.symbols) != 1:
            raise InvalidInput(f"symbol: one was expected, found {', '.join(asked.symbols)}", field="symbol")
        self._asked = asked
        self.symbol, self._trader = asked.symbols[0], asked.traders[0]
        self.strategy, self.timeframe = self._trader.kind, self._trader.timeframe
        chosen = [name for name in ("random", "lhs", "optuna") if getattr(search, name)]
        if len(chosen) > 1:
            raise InvalidInput(
                f"{chosen[1]}: one way to choose was expected, found {' and '.join(chosen)}", field=chosen[1]
            )
        if search.by not in RANKS:
            raise InvalidInput(f"by: expected one of {', '.join(RANKS)}, found {search.by!r}", field="by")
        self.axes = [parse_axis(text, self.strategy) for text in search.axes]
        names = [axis.name for axis in self.axes]
        if len(set(names)) < len(names):
            raise InvalidInput(f"grid: every parameter once, found {', '.join(names)}", field="grid")
        parse_fees(request.fees)
        parse_slippage(request.slippage)
        stays = parse_pairs(request.params, field="param")
        if twice := set(stays) & set(names):
            raise InvalidInput(f"grid: {twice.pop()} is a --param that stays, too", field="grid")
        self.fixed = RunConfig(
            quantity=asked.quantities[self.symbol], params=stays, fees=request.fees, slippage=request.slippage,
            exits=asked.exits,
        )  # fmt: skip
        self.seconds = 0.0
        self.verdict = Verdict([])  # how convincing the best run is
        self.walk: dict[str, Any] | None = None
        self.result: SweepResult

    def run(self, *, workers: int | None, progress: Progress) -> None:
        """Read the bars, then run every set."""
        data = bars_of(self.request, self._asked)
        search, started = self.search, time.perf_counter()
        if search.optuna:
            self.result = optimise(
                data, strategy=self.strategy, axes=self.axes, count=search.optuna, by=search.by, seed=search.seed,
                fixed=self.fixed, workers=workers, progress=progress,
            )  # fmt: skip
        else:
            self.result = sweep(
                data, strategy=self.strategy, grid=self._sets(self.axes), fixed=self.fixed, workers=workers,
                progress=progress,
            )  # fmt: skip
        self.seconds = time.perf_counter() - started
        if self.result.runs and all(run.error for run in self.result.runs):
            raise InvalidInput(f"grid: every set was refused, the first: {self.result.runs[0].error}", field="grid")

    def judge(self) -> None:
        """Count every run among the trials, say how convincing the best is, and walk forward where that was asked."""
        runs, bars = tried_of(self.result)
        self.verdict = verdict_on(runs, bars)
        if self.search.split is not None:
            best = {run.number: rank for rank, run in enumerate(self.result.best(len(runs), by=self.search.by))}
            ranked = sorted((run for run in runs if run.number in best), key=lambda run: best[run.number])
            self.walk = walked(ranked, self.search.split, [day.day.isoformat() for day in bars.days])

    def document(self, *, timing: bool) -> dict[str, Any]:
        """As JSON values, the best run by its number. What depends on more than this sweep, how long it took and how
        many trials there were before it, is left out without `timing`."""
        best = [run.number for run in self.result.best(1, by=self.search.by)]
        found = self.result.document() | {"by": self.search.by, "best": best[0] if best else None}
        found |= {} if self.walk is None else {"walk_forward": self.walk}
        if not timing:
            return found
        judgement = self.verdict.rows[0] if self.verdict.rows else None
        return found | {
            "judgement": judgement,
            "throughput": {"runs": len(self.result.runs), "seconds": self.seconds},
        }

    def _sets(self, axes: list[Axis]) -> list[dict[str, Any]]:
        search = self.search
        if search.random:
            return random_sets(axes, search.random, seed=search.seed)
        return latin_hypercube(axes, search.lhs, seed=search.seed) if search.lhs else grid(axes)


def bars_of(request: Request, asked: Asked) -> BarColumns:
    """The bars of the one symbol that is asked for; made of prints where the source holds prints."""
    symbol, timeframe = asked.symbols[0], asked.traders[0].timeframe
    if asked.files:
        series = read_file(request, asked.files[symbol], symbol, [timeframe])
    else:
        series = read_archive(request, Archive(settings.ARCHIVE_DIR), symbol, [timeframe])
    if series.ticks is None:
        return series.bars[0]
    return build_columns(series.ticks, timeframe, session=bar_session(symbol), exclude=parse_bits(request.exclude))


def show_sweep(swept: StoredSweep, top: int) -> None:
    """The best runs, then how many there were, what ran them and how fast."""
    out, result = console(140), swept.result
    table = Table(title=f"{swept.strategy} on {swept.symbol}, {result.timeframe}: best by {swept.search.by}")
    names = [axis.name for axis in swept.axes]
    for name in (*names, *SHOWN):
        table.add_column(name, justify="right")
    for run in result.best(top, by=swept.search.by):
        table.add_row(
            *(short(run.params.get(name, "")) for name in names), *(str(run.stats.get(name)) for name in SHOWN)
        )
    out.print(table)
    if swept.walk is not None:
        out.print(_walk_table(swept.walk))
    for line in (*told(result, swept.seconds), *told_of_walk(swept.walk), *swept.verdict.lines):
        out.print(line)


def _walk_table(walk: dict[str, Any]) -> Table:
    table = Table(title="walk-forward: the past chooses, what comes after judges")
    for name in ("chosen in", "tried in", "settings"):
        table.add_column(name)
    for name in ("P&L there", "P&L here", "better than"):
        table.add_column(name, justify="right")
    for fold in walk["folds"]:
        table.add_row(*walk_row(fold))
    return table


def walk_row(fold: dict[str, Any]) -> tuple[str, ...]:
    """A fold for people: where it chose, where it tried, what, and what came of it."""
    return (
        _span(fold["train"]),
        _span(fold["test"]),
        settings_line(fold["params"]),
        f"{fold['train_pnl']:.2f}",
        f"{fold['test_pnl']:.2f}",
        f"{100 * fold['better_than']:.0f} %",
    )


def _span(spans: list[list[str]]) -> str:
    """One span by its ends; of several days here and there how many stretches they are."""
    text = f"{spans[0][0]} to {spans[-1][1]}"
    return text if len(spans) == 1 else f"{text} in {len(spans)} parts"


def told_of_walk(walk: dict[str, Any] | None) -> list[str]:
    """What the folds come to; nothing where there are none."""
    if walk is None or not walk["folds"]:
        return []
    share = walk["efficiency"]
    text = (
        f"Walk-forward: {walk['tried_pnl']:.2f} on {walk['tried_days']} days that were not chosen in, "
        f"{walk['earning_folds']} of {len(walk['folds'])} folds earned, {walk['distinct_choices']} different choices"
    )
    return [text if share is None else f"{text}; a day earned {100 * share:.0f} % of what it did where it was chosen"]


def told(result: SweepResult, seconds: float) -> list[str]:
    """What is to be said of the runs as a whole."""
    refused = [run for run in result.runs if run.error]
    events = [run for run in result.runs if run.why]
    lines = [f"{len(result.runs):,} runs over {result.bars:,} bars in {seconds:.2f} s"]
    lines += [f"{len(refused):,} sets were refused, the first: {refused[0].error}"] if refused else []
    lines += [f"{len(events):,} runs were not compiled: {events[0].why}"] if events else []
    return lines
