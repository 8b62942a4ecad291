"""What a run over history looks like for people: its trades, what they add up to, how fast it was."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table

from backtest.simulation.driver import money
from backtest.stored import Progress, StoredRun
from engine.model.time import iso

COLUMNS = (
    ("strategy", "left"), ("symbol", "left"), ("side", "left"), ("qty", "right"), ("entry (UTC)", "left"),
    ("price", "right"), ("exit (UTC)", "left"), ("price", "right"), ("P&L", "right"), ("why", "left"),
)  # fmt: skip
WIDTH = 160  # of what is piped
PLAIN_SHARES = 10  # a piped progress says this often how far it is


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """On standard error: a bar where a person looks at it, else a plain line for every tenth."""
    if not sys.stderr.isatty():
        yield _Lines(label).report
        return
    bar = RichProgress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=min(done, total), total=total)


class _Lines:
    """Progress as lines; nothing for what is done at once."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._told = 0

    def report(self, done: int, total: int) -> None:
        share = PLAIN_SHARES * done // total if total else PLAIN_SHARES
        if self._told < share < PLAIN_SHARES:
            self._told = share
            sys.stderr.write(f"{self._label}: {100 * share // PLAIN_SHARES} % of {total:,}\n")
            sys.stderr.flush()


def show(run: StoredRun) -> None:
    """The trades, then what they add up to, then the speed."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    table = Table(title=run.label)
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for trade in run.outcome.trades:
        table.add_row(
            trade.strategy, trade.symbol, trade.side.value, money(trade.quantity), iso(trade.entry_ts)[:19],
            money(trade.entry_price), iso(trade.exit_ts)[:19], money(trade.exit_price), money(trade.pnl),
            trade.exit_reason,
        )  # fmt: skip
    console.print(table)
    _sum_up(console, run)


def _sum_up(console: Console, run: StoredRun) -> None:
    stats = run.result(timing=True)["stats"]
    console.print(
        f"{stats['trades']} trades ({stats['wins']} won, {stats['losses']} lost), net P&L {stats['net_pnl']}, "
        f"fees {stats['fees']}, deepest drawdown {stats['max_drawdown']}"
    )
    for position in stats["open_positions"]:
        held = f"{position['side']} {position['quantity']} {position['symbol']} at {position['average_price']}"
        console.print(f"still open: {held}")
    for fault in stats["faults"]:
        console.print(f"the strategy failed: {fault}")
    rate = run.outcome.events / run.seconds if run.seconds else 0.0
    console.print(f"{run.outcome.events:,} events in {run.seconds:.2f} s: {rate:,.0f} events/s")
